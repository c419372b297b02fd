//! ONNX files: their messages, and their tensors. Models of them are read and written in `onnx`.

pub(crate) mod proto;
pub(crate) mod tensors;

use super::NumberType;
use crate::error::{Error, Result};

pub(super) use tensors::list;

/// The type of a tensor's elements, by the number that ONNX has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementType(pub i32);

impl ElementType {
    pub const FLOAT: Self = Self(1);
    pub const INT64: Self = Self(7);
    pub const BOOL: Self = Self(9);

    pub fn is_float(self) -> bool {
        matches!(self.0, 1 | 10 | 11 | 16 | 23) || self.float8().is_some()
    }

    /// The type that numbers are rounded to in a cast to this one, if there is anything to round.
    pub fn rounds_to(self) -> Option<NumberType> {
        match self.0 {
            10 => Some(NumberType::F16),
            16 => Some(NumberType::BF16),
            _ => self.float8(),
        }
    }

    /// This type, if it is one of 8 bits with a fraction.
    pub fn float8(self) -> Option<NumberType> {
        Some(match self.0 {
            17 => NumberType::F8E4M3,
            18 => NumberType::F8E4M3FNUZ,
            19 => NumberType::F8E5M2,
            20 => NumberType::F8E5M2FNUZ,
            24 => NumberType::F8E8M0,
            _ => return None,
        })
    }

    /// The bits of an integer, and whether it has a sign.
    pub fn integer(self) -> Option<(i32, bool)> {
        Some(match self.0 {
            2 => (8, false),
            3 => (8, true),
            4 => (16, false),
            5 => (16, true),
            6 => (32, true),
            7 => (64, true),
            12 => (32, false),
            13 => (64, false),
            21 => (4, false),
            22 => (4, true),
            25 => (2, false),
            26 => (2, true),
            _ => return None,
        })
    }

    /// # Errors
    /// a type that the crate does not have
    pub fn checked(number: i32) -> Result<Self> {
        Err(Error::value(match number {
            1..=7 | 9..=13 | 16..=26 => return Ok(Self(number)),
            8 => "is not supported: string tensors",
            14 | 15 => "is not supported: complex numbers",
            _ => "is not supported: undefined type",
        }))
    }
}
