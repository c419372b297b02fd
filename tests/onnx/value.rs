//! ONNX's tensors as arrays: a reader of the tests' own, so that it judges that of the crate.

use gradus::prelude::*;
use gradus::saving::{NumberType, Weights};
use ndarray::ArrayD;

use super::proto::TensorProto;

/// Relative difference that results of a type may have, and whether its numbers have a fraction.
fn tolerance(kind: i32) -> f64 {
    match kind {
        10 => 1e-3,
        16 => 1e-2,
        1 | 11 | 17..=20 | 23 | 24 => 1e-4,
        _ => 0.0,
    }
}

/// Within the tolerance of the type, or the `least` one if that is greater.
///
/// # Errors
/// another shape; a number that is too far off
pub(crate) fn agrees(got: &Tensor, proto: &TensorProto, least: f64) -> Result<(), String> {
    let want = decode(proto)?;
    let tolerance = tolerance(proto.data_type);
    let tolerance = if tolerance > 0.0 { tolerance.max(least) } else { 0.0 };
    if got.shape() != want.shape() {
        return Err(format!("shape {:?}, expected {:?}", got.shape(), want.shape()));
    }
    let near = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-7 + tolerance * b.abs();
    match got.iter().zip(&want).find(|(a, b)| !near(f64::from(**a), f64::from(**b))) {
        Some((got, want)) => Err(format!("{got}, expected {want}")),
        None => Ok(()),
    }
}

fn float8(kind: i32) -> Option<NumberType> {
    Some(match kind {
        17 => NumberType::F8E4M3,
        18 => NumberType::F8E4M3FNUZ,
        19 => NumberType::F8E5M2,
        20 => NumberType::F8E5M2FNUZ,
        24 => NumberType::F8E8M0,
        _ => return None,
    })
}

pub(crate) fn decode(proto: &TensorProto) -> Result<ArrayD<Float>, String> {
    let (kind, raw) = (proto.data_type, &proto.raw_data);
    macro_rules! raw {
        ($type:ty) => {
            raw.chunks_exact(size_of::<$type>())
                .map(|bytes| <$type>::from_le_bytes(bytes.try_into().unwrap()) as Float)
                .collect()
        };
    }
    let bytes = || if raw.is_empty() { proto.int32_data.iter().map(|x| *x as u8).collect() } else { raw.clone() };
    let nibbles = || bytes().into_iter().flat_map(|byte| [byte & 15, byte >> 4]);
    let quarters = || bytes().into_iter().flat_map(|byte| [byte & 3, byte >> 2 & 3, byte >> 4 & 3, byte >> 6]);
    let count = proto.dims.iter().product::<i64>() as usize;
    let bits = || raw.chunks_exact(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let numbers: Vec<Float> = match (kind, raw.is_empty()) {
        _ if let Some(number) = float8(kind) => small_floats(&number, &bytes())?,
        (21, _) => nibbles().take(count).map(Float::from).collect(),
        (22, _) => nibbles().take(count).map(|x| Float::from(x) - if x > 7 { 16.0 } else { 0.0 }).collect(),
        (23, _) => nibbles().take(count).map(float4).collect(),
        (25, _) => quarters().take(count).map(Float::from).collect(),
        (26, _) => quarters().take(count).map(|x| Float::from(x) - if x > 1 { 4.0 } else { 0.0 }).collect(),
        (1, false) => raw!(f32),
        (2 | 9, false) => raw!(u8),
        (3, false) => raw!(i8),
        (4, false) => raw!(u16),
        (5, false) => raw!(i16),
        (6, false) => raw!(i32),
        (7, false) => raw!(i64),
        (10, false) => bits().map(half).collect(),
        (11, false) => raw!(f64),
        (12, false) => raw!(u32),
        (13, false) => raw!(u64),
        (16, false) => bits().map(brain).collect(),
        (1, true) => proto.float_data.iter().map(|x| *x as Float).collect(),
        (7, true) => proto.int64_data.iter().map(|x| *x as Float).collect(),
        (10, true) => proto.int32_data.iter().map(|x| half(*x as u16)).collect(),
        (11, true) => proto.double_data.iter().map(|x| *x as Float).collect(),
        (12 | 13, true) => proto.uint64_data.iter().map(|x| *x as Float).collect(),
        (16, true) => proto.int32_data.iter().map(|x| brain(*x as u16)).collect(),
        (8, _) => return Err("is not supported: string tensors".into()),
        (14 | 15, _) => return Err("is not supported: complex numbers".into()),
        (_, true) => proto.int32_data.iter().map(|x| *x as Float).collect(),
        (other, false) => return Err(format!("type {other} is not read")),
    };
    let shape: Vec<usize> = proto.dims.iter().map(|len| *len as usize).collect();
    ArrayD::from_shape_vec(shape, numbers).map_err(|error| error.to_string())
}

/// A sign, two bits of exponent and one of fraction.
fn float4(bits: u8) -> Float {
    let size = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0][usize::from(bits & 7)];
    if bits > 7 { -size } else { size }
}

/// Numbers of 8 bits as the crate reads them from a file of weights.
fn small_floats(number: &NumberType, numbers: &[u8]) -> Result<Vec<Float>, String> {
    let len = numbers.len();
    let header = format!(r#"{{"x":{{"dtype":"{number}","shape":[{len}],"data_offsets":[0,{len}]}}}}"#);
    let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), numbers].concat();
    let read = || Ok::<_, Error>(Weights::from_bytes(file)?.get("x")?.iter().copied().collect());
    read().map_err(|error| error.to_string())
}

/// IEEE 754 numbers of 16 bits.
fn half(bits: u16) -> Float {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    };
    (sign * size) as Float
}

/// The upper half of an `f32`.
fn brain(bits: u16) -> Float {
    f32::from_bits(u32::from(bits) << 16) as Float
}

#[test]
fn sixteen_bits() {
    for (bits, want) in
        [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_5e-8), (0x3555, 0.333_251_95), (0xfc00, Float::NEG_INFINITY)]
    {
        assert_eq!(half(bits), want);
    }
    assert_eq!(brain(0x3f80), 1.0);
}

#[test]
fn wrong_numbers_are_found() {
    let want = |dims: &[i64], numbers: &[f32]| TensorProto {
        dims: dims.into(),
        data_type: 1,
        float_data: numbers.into(),
        ..Default::default()
    };
    let x: Tensor = ndarray::arr1(&[1.0, Float::NAN]).into_dyn().into_shared();
    assert_eq!(agrees(&x, &want(&[2], &[1.00001, f32::NAN]), 0.0), Ok(()));
    for wrong in [want(&[2], &[1.001, f32::NAN]), want(&[2], &[1.0, 0.0]), want(&[1, 2], &[1.0, f32::NAN])] {
        assert!(agrees(&x, &wrong, 0.0).is_err());
    }
}
