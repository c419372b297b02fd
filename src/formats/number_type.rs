//! The number types of files of weights, and how they become [`Float`].

use std::borrow::Cow;

use crate::tensor::Float;

/// The type of the numbers of a stored tensor. It shows as safetensors names it: `F32`, `BF16`, `I64`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberType {
    /// 64 bits, floating point.
    F64,
    /// 32 bits, floating point.
    F32,
    /// 16 bits, floating point.
    F16,
    /// The upper 16 bits of an `F32`.
    BF16,
    /// 8 bits: a sign, 4 of exponent, 3 of fraction; up to ±448, without infinity.
    #[doc(alias = "float8_e4m3fn")]
    F8E4M3,
    /// The upper 8 bits of an `F16`.
    #[doc(alias = "float8_e5m2")]
    F8E5M2,
    /// Powers of two in 8 bits, from 2^-127: the scales of blocks of smaller numbers.
    #[doc(alias = "float8_e8m0fnu")]
    F8E8M0,
    /// As `F8E4M3`, with half the value, and a NaN in the place of the negative zero; up to ±240.
    #[doc(alias = "float8_e4m3fnuz")]
    F8E4M3FNUZ,
    /// As `F8E5M2`, with half the value, and a NaN in the place of the negative zero, without infinity; up to ±57344.
    #[doc(alias = "float8_e5m2fnuz")]
    F8E5M2FNUZ,
    /// 64 bits, with a sign.
    I64,
    /// 32 bits, with a sign.
    I32,
    /// 16 bits, with a sign.
    I16,
    /// 8 bits, with a sign.
    I8,
    /// 64 bits, without a sign.
    U64,
    /// 32 bits, without a sign.
    U32,
    /// 16 bits, without a sign.
    U16,
    /// 8 bits, without a sign.
    U8,
    /// A byte that is 0 or not.
    Bool,
    /// Any other, such as complex numbers or texts: such tensors are listed, but not read.
    Other(Cow<'static, str>),
}

impl std::fmt::Display for NumberType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool => f.pad("BOOL"),
            Self::Other(name) => f.pad(name),
            known => f.pad(&format!("{known:?}").replacen("F8", "F8_", 1)),
        }
    }
}

/// Decodes little-endian numbers one by one; `$convert` may fail with what is wrong with one of them.
macro_rules! each {
    ($bytes:expr, $kind:ty, $convert:expr) => {{
        let all = $bytes.as_chunks().0;
        let mut numbers: Vec<Float> = Vec::with_capacity(all.len());
        for bytes in all {
            let number: Result<Float, String> = $convert(<$kind>::from_le_bytes(*bytes));
            numbers.push(number?);
        }
        Ok(numbers)
    }};
}

/// A whole number, if [`Float`] holds it exactly.
macro_rules! whole {
    ($kind:ty) => {
        |number: $kind| match number as Float {
            float if float as i128 == i128::from(number) => Ok(float),
            _ => Err(format!(
                "{number} is a whole number that `Float` does not hold exactly (it does to ±{}); leave this tensor out",
                1_u64 << Float::MANTISSA_DIGITS
            )),
        }
    };
}

impl NumberType {
    /// The type of this crate's tensors.
    #[cfg(not(float64))]
    pub(super) const FLOAT: Self = Self::F32;
    /// The type of this crate's tensors.
    #[cfg(float64)]
    pub(super) const FLOAT: Self = Self::F64;

    /// Bytes of a number; `None` if that is unknown.
    pub(crate) fn size(&self) -> Option<usize> {
        Some(match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F8E4M3 | Self::F8E5M2 | Self::F8E8M0 | Self::F8E4M3FNUZ | Self::F8E5M2FNUZ => 1,
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::Other(_) => return None,
        })
    }

    /// The numbers in these bytes, the least byte of each first.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Vec<Float>, String> {
        match self {
            Self::F64 => each!(bytes, f64, narrowed),
            // Most of all weights, whose memory is taken at once where none can be refused.
            Self::F32 => Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes) as Float).collect()),
            Self::F16 => each!(bytes, u16, |x| Ok(half(x) as Float)),
            Self::BF16 => each!(bytes, u16, |x| Ok(f32::from_bits(u32::from(x) << 16) as Float)),
            Self::F8E4M3 => each!(bytes, u8, |x| Ok(if x & 127 == 127 { f32::NAN } else { small(x, 3, 7) } as Float)),
            Self::F8E5M2 => each!(bytes, u8, |x| Ok(half(u16::from(x) << 8) as Float)),
            Self::F8E8M0 => each!(bytes, u8, |x| Ok(power(x) as Float)),
            Self::F8E4M3FNUZ => each!(bytes, u8, |x| Ok(if x == 128 { f32::NAN } else { small(x, 3, 8) } as Float)),
            Self::F8E5M2FNUZ => each!(bytes, u8, |x| Ok(if x == 128 { f32::NAN } else { small(x, 2, 16) } as Float)),
            Self::I64 => each!(bytes, i64, whole!(i64)),
            Self::I32 => each!(bytes, i32, whole!(i32)),
            Self::I16 => each!(bytes, i16, |x| Ok(Float::from(x))),
            Self::I8 => each!(bytes, i8, |x| Ok(Float::from(x))),
            Self::U64 => each!(bytes, u64, whole!(u64)),
            Self::U32 => each!(bytes, u32, whole!(u32)),
            Self::U16 => each!(bytes, u16, |x| Ok(Float::from(x))),
            Self::U8 => each!(bytes, u8, |x| Ok(Float::from(x))),
            Self::Bool => each!(bytes, u8, |x| Ok(Float::from(u8::from(x != 0)))),
            Self::Other(_) => Err(self.unreadable()),
        }
    }

    /// Whether it has fractions.
    pub(super) fn is_floating(&self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F8E8M0) || self.small_format().is_some()
    }

    /// Bits of fraction, bias of the exponent, the bits of the greatest number, of infinity (which is 0 if there is none)
    /// and of what is not a number.
    fn small_format(&self) -> Option<[u32; 5]> {
        Some(match self {
            Self::F16 => [10, 15, 0x7BFF, 0x7C00, 0x7E00],
            Self::BF16 => [7, 127, 0x7F7F, 0x7F80, 0x7FC0],
            Self::F8E4M3 => [3, 7, 126, 0, 127],
            Self::F8E5M2 => [2, 15, 123, 124, 126],
            Self::F8E4M3FNUZ => [3, 8, 127, 0, 128],
            Self::F8E5M2FNUZ => [2, 16, 127, 0, 128],
            _ => return None,
        })
    }

    /// The bytes of numbers, each rounded to the nearest of this type, halfway to the one that is even.
    pub(crate) fn encode(&self, numbers: &[Float]) -> Result<Vec<u8>, String> {
        let Some([fraction, bias, greatest, infinity, nan]) = self.small_format() else {
            return match self {
                Self::F64 => {
                    Ok(numbers.iter().map(|x| f64::from(*x).to_le_bytes()).collect::<Vec<_>>().into_flattened())
                }
                Self::F32 => each_fits(numbers, |x| {
                    let narrow = f64::from(*x) as f32;
                    (narrow.is_finite() || !x.is_finite()).then_some(narrow.to_le_bytes())
                })
                .map_err(|x| self.too_small(x)),
                _ => Err(format!("expected F64, F32, F16, BF16 or a type of 8 bits with a sign, got {self}")),
            };
        };
        let size = self.size().unwrap_or_default();
        let sign = 1 << (8 * size - 1);
        let bytes = each_fits(numbers, |x| {
            let x = f64::from(*x);
            let magnitude = match x.abs() {
                x if x.is_nan() => nan,
                f64::INFINITY => Some(infinity).filter(|bits| *bits > 0)?,
                x => Some(rounded(x, fraction, bias)).filter(|bits| *bits <= greatest)?,
            };
            // Where its bits mean something else, there is no negative zero, nor a NaN with a sign.
            let negative = x.is_sign_negative() && (nan != sign || magnitude % sign != 0);
            Some((magnitude | if negative { sign } else { 0 }).to_le_bytes())
        });
        let bytes = bytes.map_err(|x| self.too_small(x))?;
        let mut short = Vec::with_capacity(numbers.len() * size);
        bytes.chunks_exact(4).for_each(|bits| short.extend_from_slice(&bits[..size]));
        Ok(short)
    }

    /// Gives the numbers in these bytes, the least byte of each first, the other sign.
    pub(super) fn negate(&self, bytes: &mut [u8]) -> Result<(), String> {
        let size = match (self, self.size()) {
            (Self::F8E8M0 | Self::Bool, _) | (_, None) => {
                return Err(format!("has numbers of {self}, which have no sign"));
            }
            (_, Some(size)) => size,
        };
        for number in bytes.chunks_exact_mut(size) {
            if self.is_floating() {
                // Where its bits mean something else, there is no negative zero.
                let whole = matches!(self, Self::F8E4M3FNUZ | Self::F8E5M2FNUZ) && number[0] & 127 == 0;
                number[size - 1] ^= if whole { 0 } else { 128 };
                continue;
            }
            let mut carry = true;
            for byte in number {
                (*byte, carry) = (!*byte).overflowing_add(carry.into());
            }
        }
        Ok(())
    }

    fn too_small(&self, number: Float) -> String {
        format!("{number:e} is beyond the range of {self}; scale it, or keep a larger type")
    }

    /// Why a tensor of this type is not read.
    pub(super) fn unreadable(&self) -> String {
        format!(
            "expected floating point numbers, integers or bool (F64, F32, F16, BF16, F8, I64 to U8, BOOL), got {self}; \
             convert it where it was made"
        )
    }
}

fn narrowed(number: f64) -> Result<Float, String> {
    match number as Float {
        float if float.is_infinite() && number.is_finite() => {
            Err(format!("{number:e} is beyond the range of `Float`; scale it where it was made"))
        }
        float => Ok(float),
    }
}

/// The bytes of all numbers, or the first that has none.
fn each_fits(numbers: &[Float], bytes: impl Fn(&Float) -> Option<[u8; 4]>) -> Result<Vec<u8>, Float> {
    let mut all = Vec::with_capacity(4 * numbers.len());
    for number in numbers {
        all.extend(bytes(number).ok_or(*number)?);
    }
    Ok(all)
}

/// The bits of the nearest number with this many of fraction and this bias of the exponent, as if there were no
/// greatest.
fn rounded(magnitude: f64, fraction: u32, bias: u32) -> u32 {
    let exponent = i64::max((magnitude.to_bits() >> 52) as i64 - 1023, 1 - i64::from(bias));
    // 2^(exponent - fraction), of which a number is a whole multiple; a carry of the fraction raises the exponent.
    let unit = f64::from_bits(((exponent - i64::from(fraction) + 1023) as u64) << 52);
    let exponents = (exponent + i64::from(bias) - 1) as u32;
    (exponents << fraction) + (magnitude / unit).round_ties_even() as u32
}

/// An IEEE 754 number of 16 bits.
fn half(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7FFF);
    let wide = if magnitude >> 10 == 31 { 255 << 23 | (magnitude & 1023) << 13 } else { widened(magnitude, 10, 15) };
    signed(bits >> 15, wide)
}

/// A number of 8 bits with this many of fraction and this bias of the exponent.
fn small(bits: u8, fraction: u32, bias: u32) -> f32 {
    signed(u16::from(bits >> 7), widened(u32::from(bits & 127), fraction, bias))
}

/// A power of two, by its exponent.
fn power(bits: u8) -> f32 {
    f32::from_bits(match bits {
        0 => 1 << 22,
        255 => return f32::NAN,
        _ => u32::from(bits) << 23,
    })
}

fn signed(sign: u16, magnitude: u32) -> f32 {
    f32::from_bits(u32::from(sign) << 31 | magnitude)
}

/// The bits of an `f32`, in integers because denormal numbers may count as zero.
fn widened(magnitude: u32, fraction: u32, bias: u32) -> u32 {
    match magnitude >> fraction {
        0 => (magnitude as f32 / (1_u32 << (bias - 1 + fraction)) as f32).to_bits(),
        _ => (magnitude << (23 - fraction)) + ((127 - bias) << 23),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_has_its_value() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let expected = sign
                * match exponent {
                    0 => fraction * 2_f64.powi(-24),
                    31 if fraction == 0.0 => f64::INFINITY,
                    31 => f64::NAN,
                    _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
                };
            let value = f64::from(half(bits));
            assert!(value.to_bits() == expected.to_bits() || value.is_nan() && expected.is_nan(), "{bits:#x}");
        }
    }

    #[test]
    fn every_number_of_8_bits_has_its_value() {
        type Special = fn(u8) -> Option<f64>;
        // Of each type its bits of fraction, its bias, and which codes are infinite or no number.
        let types: [(NumberType, u32, i32, Special); 4] = [
            (NumberType::F8E4M3, 3, 7, |x| (x & 127 == 127).then_some(f64::NAN)),
            (NumberType::F8E5M2, 2, 15, |x| {
                (x & 127 >= 124).then_some([f64::INFINITY, f64::NAN][usize::from(x & 3 != 0)])
            }),
            (NumberType::F8E4M3FNUZ, 3, 8, |x| (x == 128).then_some(f64::NAN)),
            (NumberType::F8E5M2FNUZ, 2, 16, |x| (x == 128).then_some(f64::NAN)),
        ];
        let same = |number: &NumberType, bits: u8, expected: f64| {
            let value = f64::from(number.decode(&[bits]).unwrap()[0]);
            assert!(value.to_bits() == expected.to_bits() || value.is_nan() && expected.is_nan(), "{number} {bits:#x}");
        };
        for bits in 0..=u8::MAX {
            for (number, fraction, bias, special) in &types {
                let (exponent, unit) = (i32::from(bits & 127) >> fraction, 1 << fraction);
                let part = f64::from(i32::from(bits) % unit) / f64::from(unit);
                let sign = if bits >> 7 == 1 { -1.0 } else { 1.0 };
                let size = special(bits).unwrap_or(match exponent {
                    0 => part * 2_f64.powi(1 - bias),
                    _ => (1.0 + part) * 2_f64.powi(exponent - bias),
                });
                same(number, bits, sign * size);
            }
            same(&NumberType::F8E8M0, bits, if bits == 255 { f64::NAN } else { 2_f64.powi(i32::from(bits) - 127) });
        }
    }

    #[test]
    fn rounding_goes_to_the_nearest_or_the_even_one() {
        use NumberType::*;
        for number in [F16, BF16, F8E4M3, F8E5M2, F8E4M3FNUZ, F8E5M2FNUZ] {
            let size = number.size().unwrap();
            let bits = |x: Float| {
                let bytes = number.encode(&[x]).unwrap();
                bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte))
            };
            let value = |bits: u32| number.decode(&bits.to_le_bytes()[..size]).unwrap()[0];
            let [.., greatest, _, nan] = number.small_format().unwrap();
            let sign = 1 << (8 * size - 1);
            assert_eq!((bits(Float::NAN), bits(-0.0)), (nan, if nan == sign { 0 } else { sign }), "{number}");
            for low in 0..greatest {
                let (from, to) = (value(low), value(low + 1));
                let middle = from + (to - from) / 2.0;
                assert_eq!([bits(from), bits(to)], [low, low + 1], "{number}");
                assert_eq!(bits(middle), low + low % 2, "{number}: halfway from {from}");
                assert_eq!([bits(middle.next_down()), bits(middle.next_up())], [low, low + 1], "{number}: {middle}");
                if low > 0 {
                    assert_eq!(bits(-from), low + sign, "{number}");
                }
            }
            let (most, below) = (value(greatest), value(greatest - 1));
            for beyond in [Float::MAX, most + (most - below)].into_iter().filter(|x| x.is_finite()) {
                assert!(number.encode(&[1.0, beyond]).unwrap_err().ends_with("keep a larger type"), "{number}");
            }
            match number.encode(&[Float::INFINITY]) {
                Ok(bytes) => assert_eq!(number.decode(&bytes), Ok(vec![Float::INFINITY])),
                Err(reason) => assert!(reason.contains("beyond the range"), "{number}: {reason}"),
            }
        }
        assert!(I64.encode(&[1.0]).is_err() && F8E8M0.encode(&[1.0]).is_err());
    }

    #[test]
    fn whole_numbers_are_exact_or_refused() {
        let decode = |number: i64| NumberType::I64.decode(&number.to_le_bytes());
        let greatest = 1 << Float::MANTISSA_DIGITS;
        assert_eq!(decode(-greatest), Ok(vec![-greatest as Float]));
        assert_eq!(decode(greatest * 2), Ok(vec![(greatest * 2) as Float]));
        assert_eq!(decode(i64::MIN), Ok(vec![i64::MIN as Float]));
        for number in [greatest + 1, -greatest - 1, i64::MAX] {
            assert!(decode(number).unwrap_err().starts_with(&format!("{number} is a whole number that")));
        }
        assert!(NumberType::U64.decode(&u64::MAX.to_le_bytes()).is_err());
        assert!(NumberType::U32.decode(&0xFFFF_FFFF_u32.to_le_bytes()).is_err() || cfg!(float64));
    }
}
