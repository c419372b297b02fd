//! Types of numbers.

use super::Cursor;
use crate::formats::NumberType;

/// An element of a dataset.
pub(super) struct Element {
    pub number: NumberType,
    pub size: usize,
    pub big_endian: bool,
}

impl Element {
    /// With the type that Keras names.
    pub fn named(self, dtype: Option<&str>) -> Self {
        match (dtype, self.size) {
            (Some("bfloat16"), 2) => Self { number: NumberType::BF16, ..self },
            _ => self,
        }
    }
}

/// Reads the description of a type. What is not a number is named, and listed by its bytes.
pub(super) fn element(mut content: Cursor) -> Result<Element, String> {
    let class = content.byte()? & 15;
    let bits = content.number(3)?;
    let size = content.small(4)?;
    let signed = bits & 8 > 0;
    let number = match (class, size) {
        (1, 8) => NumberType::F64,
        (1, 4) => NumberType::F32,
        (1, 2) => {
            content.take(5)?;
            if content.byte()? == 8 { NumberType::BF16 } else { NumberType::F16 }
        }
        (0, 8) => {
            if signed {
                NumberType::I64
            } else {
                NumberType::U64
            }
        }
        (0, 4) => {
            if signed {
                NumberType::I32
            } else {
                NumberType::U32
            }
        }
        (0, 2) => {
            if signed {
                NumberType::I16
            } else {
                NumberType::U16
            }
        }
        (0, 1) => {
            if signed {
                NumberType::I8
            } else {
                NumberType::U8
            }
        }
        // NumPy's bool is an enumeration of two bytes.
        (8, 1) => NumberType::Bool,
        (3 | 9, _) => NumberType::Other("text".into()),
        (5, _) => NumberType::Other(format!("{size} bytes each").into()),
        _ => NumberType::Other(format!("class {class} of HDF5").into()),
    };
    Ok(Element { number, size, big_endian: bits & 1 > 0 && class < 2 })
}

/// The description of a type.
pub(super) fn describe(number: &NumberType) -> Option<Vec<u8>> {
    // Of floats: exponent and fraction, where each begins and how long it is.
    let float = |size: u8, exponent: [u8; 2], fraction: u8| {
        let bias: u32 = (1 << (exponent[1] - 1)) - 1;
        let head =
            [0x11, 0x20, size * 8 - 1, 0, size, 0, 0, 0, 0, 0, size * 8, 0, exponent[0], exponent[1], 0, fraction];
        [&head[..], &bias.to_le_bytes()].concat()
    };
    let whole = |size: u8, signed: bool| vec![0x10, u8::from(signed) * 8, 0, 0, size, 0, 0, 0, 0, 0, size * 8, 0];
    Some(match number {
        NumberType::F64 => float(8, [52, 11], 52),
        NumberType::F32 => float(4, [23, 8], 23),
        NumberType::F16 => float(2, [10, 5], 10),
        NumberType::I64 => whole(8, true),
        NumberType::I32 => whole(4, true),
        NumberType::I16 => whole(2, true),
        NumberType::I8 => whole(1, true),
        NumberType::U64 => whole(8, false),
        NumberType::U32 => whole(4, false),
        NumberType::U16 => whole(2, false),
        NumberType::U8 | NumberType::Bool => whole(1, false),
        _ => return None,
    })
}
