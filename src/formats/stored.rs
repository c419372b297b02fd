//! A tensor as it is stored: type, shape, layout, and where its bytes are.

use std::sync::Arc;

use super::NumberType;
use super::bytes::Bytes;
use super::gather::gather;
use crate::tensor::{Float, Tensor, data, tensor};

/// As many axes as PyTorch and NumPy have.
pub(super) const MOST_AXES: usize = 64;

/// A view that repeats numbers of a file may take as many bytes, even where the file is smaller.
const MOST_REPEATED: usize = 1 << 26;

/// Where bytes are.
#[derive(Clone)]
pub(super) enum Source {
    Bytes(Bytes),
    #[cfg(any(feature = "pytorch", feature = "numpy"))]
    Member(super::archive::Member),
    #[cfg(feature = "keras")]
    Chunks(Arc<super::hdf5::Chunks>),
}

impl Source {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            #[cfg(any(feature = "pytorch", feature = "numpy"))]
            Self::Member(member) => member.len,
            #[cfg(feature = "keras")]
            Self::Chunks(chunks) => chunks.len(),
        }
    }

    fn bytes(&self) -> Result<Bytes, String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            #[cfg(any(feature = "pytorch", feature = "numpy"))]
            Self::Member(member) => member.bytes(),
            #[cfg(feature = "keras")]
            Self::Chunks(chunks) => chunks.bytes(),
        }
    }
}

/// A tensor of a file, which is decoded when it is asked for, or one in memory.
///
/// What a file says of it is checked against the bytes that are there before anything is allocated for it.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) number: NumberType,
    pub(super) shape: Vec<usize>,
    place: Backing,
}

#[derive(Clone)]
enum Backing {
    Memory(Tensor),
    File(Layout, Source),
    /// Why it cannot be read.
    Unreadable(Arc<str>),
}

/// How the numbers of a tensor lie in a source.
#[derive(Clone)]
pub(super) struct Layout {
    /// Where the first number is, in bytes.
    pub(super) start: usize,
    /// From one number to the next along each axis, in numbers.
    pub(super) strides: Vec<usize>,
    /// Whether the first byte of a number is its greatest.
    pub(super) big_endian: bool,
    /// Whether each number stands for the one of the other sign.
    pub(super) negative: bool,
}

impl From<Tensor> for Stored {
    fn from(value: Tensor) -> Self {
        Self { number: NumberType::FLOAT, shape: value.shape().to_vec(), place: Backing::Memory(value) }
    }
}

impl Stored {
    /// A list of numbers in double precision.
    pub(super) fn numbers(list: &[f64]) -> Self {
        let bytes = list.iter().map(|x| x.to_le_bytes()).collect::<Vec<_>>().into_flattened();
        let layout = Layout { start: 0, strides: vec![1], big_endian: false, negative: false };
        let place = Backing::File(layout, Source::Bytes(bytes.into()));
        Self { number: NumberType::F64, shape: vec![list.len()], place }
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
fn numbers(shape: &[usize]) -> Result<usize, String> {
    let mut most = isize::MAX as usize / 16;
    shape.iter().filter(|len| **len > 0).for_each(|len| most /= len);
    match most {
        _ if shape.len() > MOST_AXES => Err(format!("expected at most {MOST_AXES} axes, got {}", shape.len())),
        0 => Err(format!("its shape {shape:?} asks for more numbers than there can be")),
        _ => Ok(shape.iter().product()),
    }
}

impl Layout {
    /// Numbers that lie one after the other from this byte on, the last axis fastest.
    pub(super) fn row_major(start: usize, shape: &[usize]) -> Result<Self, String> {
        numbers(shape)?;
        Ok(Self { start, strides: row_major(shape), big_endian: false, negative: false })
    }

    /// Numbers that lie one after the other from this byte on, the first axis fastest.
    #[cfg(feature = "numpy")]
    pub(super) fn column_major(start: usize, shape: &[usize]) -> Result<Self, String> {
        numbers(shape)?;
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let strides = row_major(&reversed).into_iter().rev().collect();
        Ok(Self { start, strides, big_endian: false, negative: false })
    }

    /// Whether the bytes stand as they are wanted: in the order of the indices, the least byte of each number first.
    fn is_plain(&self, shape: &[usize], size: usize) -> bool {
        self.strides == row_major(shape) && !(self.big_endian && size > 1) && !self.negative
    }

    /// How many bytes of a source it reaches, from its beginning.
    fn reach(&self, shape: &[usize], size: usize) -> Option<usize> {
        if shape.contains(&0) {
            return Some(self.start);
        }
        let last = shape.iter().zip(&self.strides).try_fold(0_usize, |last, (len, stride)| {
            last.checked_add((len - 1).checked_mul(*stride)?) // of no length 0
        });
        last?.checked_add(1)?.checked_mul(size)?.checked_add(self.start)
    }
}

impl Stored {
    /// A tensor of a file, after a check that it is there.
    pub(super) fn new(
        number: NumberType,
        shape: Vec<usize>,
        mut layout: Layout,
        source: Source,
    ) -> Result<Self, String> {
        let numbers = numbers(&shape)?;
        if layout.strides.len() != shape.len() {
            return Err(format!("expected a stride for each axis of {shape:?}, got {:?}", layout.strides));
        }
        // No step is ever taken along an axis of length 1.
        for ((stride, plain), len) in layout.strides.iter_mut().zip(row_major(&shape)).zip(&shape) {
            if *len == 1 || numbers == 0 {
                *stride = plain;
            }
        }
        if let Some(size) = number.size() {
            let len = source.len();
            match layout.reach(&shape, size) {
                Some(reach) if reach <= len => {}
                reach => {
                    let reach = reach.map_or("more bytes than there can be".into(), |reach| format!("{reach} bytes"));
                    return Err(format!("its shape {shape:?} of {number} needs {reach}, but there are {len}"));
                }
            }
        }
        Ok(Self { number, shape, place: Backing::File(layout, source) })
    }

    /// A tensor of which no more is known than that it is there, and why it cannot be read.
    pub(super) fn unreadable(number: NumberType, reason: String) -> Self {
        Self { number, shape: Vec::new(), place: Backing::Unreadable(reason.into()) }
    }

    /// Rounded to another type.
    pub(super) fn converted(&self, number: &NumberType) -> Result<Self, String> {
        let bytes: Bytes = number.encode(data(&self.decode()?))?.into();
        let layout = Layout::row_major(0, &self.shape)?;
        Self::new(number.clone(), self.shape.clone(), layout, Source::Bytes(bytes))
    }

    /// The bytes that a layout is of, and those of a number, after a check that as many numbers can be.
    fn opened(&self, source: &Source) -> Result<(Bytes, usize), String> {
        let size = self.number.size().ok_or_else(|| self.number.unreadable())?;
        if self.len() * size > source.len().max(MOST_REPEATED) {
            return Err(format!(
                "repeats its {} numbers in a view of shape {:?}; save `tensor.contiguous()`",
                source.len() / size,
                self.shape
            ));
        }
        Ok((source.bytes()?, size))
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its numbers as bytes, one after the other, the last axis fastest, the least byte of each first.
    pub(super) fn bytes(&self) -> Result<Bytes, String> {
        let (layout, source) = match &self.place {
            Backing::Memory(value) => {
                return Ok(data(value).iter().map(|x| x.to_le_bytes()).collect::<Vec<_>>().into_flattened().into());
            }
            Backing::Unreadable(reason) => return Err(reason.to_string()),
            Backing::File(layout, source) => (layout, source),
        };
        let (source, size) = self.opened(source)?;
        if layout.is_plain(&self.shape, size) {
            let end = layout.start + self.len() * size;
            return source.slice(layout.start..end).ok_or_else(|| "is cut off".into());
        }
        let mut bytes = self.gathered(layout, source.as_ref(), size);
        if layout.negative {
            self.number.negate(&mut bytes)?;
        }
        Ok(bytes.into())
    }

    /// The bytes of its numbers in the order of their indices, the least byte of each first.
    fn gathered(&self, layout: &Layout, stored: &[u8], size: usize) -> Vec<u8> {
        fn bytes<const N: usize>(shape: &[usize], layout: &Layout, stored: &[u8]) -> Vec<u8> {
            let mut numbers = gather(shape, layout, stored, [0; N], |number: [u8; N]| number);
            if layout.big_endian {
                numbers.iter_mut().for_each(|number| number.reverse());
            }
            numbers.into_flattened()
        }
        match size {
            1 => bytes::<1>(&self.shape, layout, stored),
            2 => bytes::<2>(&self.shape, layout, stored),
            4 => bytes::<4>(&self.shape, layout, stored),
            _ => bytes::<8>(&self.shape, layout, stored),
        }
    }

    /// Its value.
    pub(super) fn decode(&self) -> Result<Tensor, String> {
        match &self.place {
            Backing::Memory(value) => Ok(value.clone()),
            Backing::Unreadable(reason) => Err(reason.to_string()),
            // Most numbers are of this type: they take their places and their type in one go.
            Backing::File(layout, source)
                if self.number == NumberType::F32 && !layout.negative && !layout.is_plain(&self.shape, 4) =>
            {
                let source = self.opened(source)?.0;
                let read = if layout.big_endian { f32::from_be_bytes } else { f32::from_le_bytes };
                let numbers = gather(&self.shape, layout, source.as_ref(), 0.0, |bytes| read(bytes) as Float);
                Ok(tensor(&self.shape, numbers))
            }
            Backing::File(..) => Ok(tensor(&self.shape, self.number.decode(self.bytes()?.as_ref())?)),
        }
    }
}
