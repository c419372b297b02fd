//! A tensor as it is stored: type, shape, layout, and where its bytes are.

use std::borrow::Cow;

use super::NumberType;
use super::bytes::Bytes;
use crate::tensor::{Float, Tensor, data, tensor};

/// As many axes as PyTorch and NumPy have.
const MOST_AXES: usize = 64;

/// A tensor of a file, which is decoded when it is asked for, or one in memory.
///
/// What a file says of it is checked against the bytes that are there before anything is allocated for it.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) number: NumberType,
    pub(super) shape: Vec<usize>,
    /// From one number to the next along each axis, in numbers.
    strides: Vec<usize>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Memory(Tensor),
    Slice(Bytes),
}

impl From<Tensor> for Stored {
    fn from(value: Tensor) -> Self {
        let shape = value.shape().to_vec();
        Self { number: NumberType::FLOAT, strides: row_major(&shape), shape, source: Source::Memory(value) }
    }
}

/// The strides of numbers that lie one after the other, the last axis fastest.
fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The product of a shape, if memory could hold as many numbers; axes of length 0 do not excuse the others.
pub(super) fn numbers(shape: &[usize]) -> Result<usize, String> {
    let mut most = Some(isize::MAX as usize / 16);
    shape.iter().filter(|len| **len > 0).for_each(|len| most = most.map(|most| most / len).filter(|most| *most > 0));
    match most {
        _ if shape.len() > MOST_AXES => Err(format!("expected at most {MOST_AXES} axes, got {}", shape.len())),
        None => Err(format!("its shape {shape:?} asks for more numbers than there can be")),
        Some(_) => Ok(shape.iter().product()),
    }
}

impl Stored {
    /// Numbers that lie one after the other, the last axis fastest.
    pub(super) fn row_major(number: NumberType, shape: Vec<usize>, bytes: Bytes) -> Result<Self, String> {
        numbers(&shape)?;
        let strides = row_major(&shape);
        Self::strided(number, shape, strides, bytes)
    }

    /// Numbers with these distances, the first of them at the beginning of `bytes`.
    pub(super) fn strided(
        number: NumberType,
        shape: Vec<usize>,
        strides: Vec<usize>,
        bytes: Bytes,
    ) -> Result<Self, String> {
        let numbers = numbers(&shape)?;
        if strides.len() != shape.len() {
            return Err(format!("expected a stride for each axis of {shape:?}, got {strides:?}"));
        }
        if let Some(size) = number.size() {
            let last = shape
                .iter()
                .zip(&strides)
                .try_fold(0_usize, |last, (len, stride)| last.checked_add(len.saturating_sub(1).checked_mul(*stride)?));
            let end = last.and_then(|last| last.checked_add(1)?.checked_mul(size));
            let there = bytes.len();
            if numbers > 0 && end.is_none_or(|end| end > there) {
                let end = end.map_or("more than there can be".into(), |end| end.to_string());
                return Err(format!("its shape {shape:?} of {number} needs {end} bytes, the file has {there} for it"));
            }
            if numbers * size > there {
                return Err(format!(
                    "is a view of shape {shape:?} that repeats the {} numbers it has; save `tensor.contiguous()`",
                    there / size
                ));
            }
        }
        Ok(Self { number, shape, strides, source: Source::Slice(bytes) })
    }

    /// Its numbers as bytes, one after the other, the last axis fastest, the least byte of each first.
    pub(super) fn bytes(&self) -> Result<Cow<'_, [u8]>, String> {
        let size = self.number.size().ok_or_else(|| self.number.unreadable())?;
        let stored = match &self.source {
            Source::Memory(value) => return Ok(data(value).iter().flat_map(|x| x.to_le_bytes()).collect()),
            Source::Slice(bytes) => bytes.as_ref(),
        };
        let numbers: usize = self.shape.iter().product();
        Ok(match self.strides == row_major(&self.shape) {
            true => Cow::Borrowed(&stored[..numbers * size]),
            false => Cow::Owned(self.gathered(stored, numbers, size)),
        })
    }

    /// The numbers in the order of their indices.
    fn gathered(&self, stored: &[u8], numbers: usize, size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(numbers * size);
        let mut index = vec![0; self.shape.len()];
        let mut place = 0;
        for _ in 0..numbers {
            bytes.extend_from_slice(&stored[place * size..][..size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                place += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                place -= self.strides[axis] * index[axis];
                index[axis] = 0;
            }
        }
        bytes
    }

    /// Its value.
    pub(super) fn decode(&self) -> Result<Tensor, String> {
        if let Source::Memory(value) = &self.source {
            return Ok(value.clone());
        }
        let numbers: Vec<Float> = self.number.decode(&self.bytes()?)?;
        Ok(tensor(&self.shape, numbers))
    }
}
