//! ONNX's tensors as variables. All numbers travel as `Float`; what they were is remembered.

use gradus::prelude::*;
use gradus::saving::{NumberType, Weights};
use ndarray::ArrayD;

use super::node::Failure;
use super::proto::TensorProto;

/// The type of a tensor's elements, by the number that ONNX has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub i32);

impl Kind {
    pub(crate) const FLOAT: Self = Self(1);
    pub(crate) const INT64: Self = Self(7);
    pub(crate) const BOOL: Self = Self(9);

    pub(crate) fn is_float(self) -> bool {
        matches!(self.0, 1 | 10 | 11 | 16) || self.float8().is_some()
    }

    /// The type that numbers are rounded to in a cast to this one, if there is anything to round.
    pub(crate) fn rounds_to(self) -> Option<NumberType> {
        match self.0 {
            10 => Some(NumberType::F16),
            16 => Some(NumberType::BF16),
            _ => self.float8(),
        }
    }

    /// This type, if it is one of 8 bits with a fraction.
    pub(crate) fn float8(self) -> Option<NumberType> {
        Some(match self.0 {
            17 => NumberType::F8E4M3,
            18 => NumberType::F8E4M3FNUZ,
            19 => NumberType::F8E5M2,
            20 => NumberType::F8E5M2FNUZ,
            24 => NumberType::F8E8M0,
            _ => return None,
        })
    }

    /// How many bits an integer without a sign has.
    pub(crate) fn unsigned_bits(self) -> Option<i32> {
        Some(match self.0 {
            2 => 8,
            4 => 16,
            12 => 32,
            13 => 64,
            _ => return None,
        })
    }

    /// Relative difference that results of this type may have.
    pub(crate) fn tolerance(self) -> f64 {
        match self.0 {
            10 => 1e-3,
            16 => 1e-2,
            _ if self.is_float() => 1e-4,
            _ => 0.0,
        }
    }

    /// # Errors
    /// a type that the crate does not have
    pub(crate) fn checked(number: i32) -> Result<Self, Failure> {
        Err(Failure::skip(match number {
            1..=7 | 9..=13 | 16..=20 | 24 => return Ok(Self(number)),
            8 => "string tensors",
            14 | 15 => "complex numbers",
            21 | 22 => "4-bit integers",
            23 => "float4 type",
            25 | 26 => "2-bit integers",
            _ => "undefined type",
        }))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub var: Var,
    pub kind: Kind,
}

impl Value {
    /// A list of whole numbers.
    pub(crate) fn list(tape: &Tape, numbers: &[i64]) -> Self {
        let array = ndarray::Array1::from_iter(numbers.iter().map(|n| *n as Float));
        Self { var: tape.constant(array), kind: Kind::INT64 }
    }

    pub(crate) fn numbers(&self) -> Vec<Float> {
        self.var.value().iter().copied().collect()
    }

    pub(crate) fn ints(&self) -> Vec<i64> {
        self.numbers().into_iter().map(|x| x as i64).collect()
    }

    pub(crate) fn of(tape: &Tape, proto: &TensorProto) -> Result<Self, Failure> {
        let (numbers, kind) = decode(proto)?;
        Ok(Self { var: tape.input(&numbers), kind })
    }

    /// Within the tolerance of the type, or the `least` one if that is greater.
    ///
    /// # Errors
    /// another shape; a number that is too far off
    pub(crate) fn agrees_with(&self, proto: &TensorProto, least: f64) -> Result<(), Failure> {
        let (want, kind) = decode(proto)?;
        let tolerance = if kind.is_float() { kind.tolerance().max(least) } else { 0.0 };
        let got = self.var.value();
        if got.shape() != want.shape() {
            return Err(Failure::Wrong(format!("shape {:?}, expected {:?}", got.shape(), want.shape())));
        }
        let near = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-7 + tolerance * b.abs();
        match got.iter().zip(&want).find(|(a, b)| !near(f64::from(**a), f64::from(**b))) {
            Some((got, want)) => Err(Failure::Wrong(format!("{got}, expected {want}"))),
            None => Ok(()),
        }
    }
}

fn decode(proto: &TensorProto) -> Result<(ArrayD<Float>, Kind), Failure> {
    let kind = Kind::checked(proto.data_type)?;
    let raw = &proto.raw_data;
    macro_rules! raw {
        ($type:ty) => {
            raw.chunks_exact(size_of::<$type>())
                .map(|bytes| <$type>::from_le_bytes(bytes.try_into().unwrap()) as Float)
                .collect()
        };
    }
    let bits = || raw.chunks_exact(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let numbers: Vec<Float> = match (kind.0, raw.is_empty()) {
        (_, false) if let Some(number) = kind.float8() => float8(&number, raw)?,
        (_, true) if let Some(number) = kind.float8() => {
            float8(&number, &proto.int32_data.iter().map(|x| *x as u8).collect::<Vec<_>>())?
        }
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
        (_, true) => proto.int32_data.iter().map(|x| *x as Float).collect(),
        (other, false) => return Err(Failure::Wrong(format!("type {other} is not read"))),
    };
    let shape: Vec<usize> = proto.dims.iter().map(|len| *len as usize).collect();
    let array = ArrayD::from_shape_vec(shape, numbers).map_err(|error| Failure::Wrong(error.to_string()))?;
    Ok((array, kind))
}

/// Numbers of 8 bits as the crate reads them from a file of weights.
fn float8(number: &NumberType, numbers: &[u8]) -> Result<Vec<Float>, Failure> {
    let len = numbers.len();
    let header = format!(r#"{{"x":{{"dtype":"{number}","shape":[{len}],"data_offsets":[0,{len}]}}}}"#);
    let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), numbers].concat();
    Ok(Weights::from_bytes(file)?.get("x")?.iter().copied().collect())
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
