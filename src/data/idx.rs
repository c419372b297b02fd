//! The IDX file format, of MNIST and the sets made in its image: arrays of any number of axes, gzipped (feature `gzip`) or not.
//!
//! [`mnist`](super::mnist) reads sets of images with labels; [`load`] reads any single file.

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use num_traits::{NumCast, ToPrimitive};

use super::bytes;
use crate::error::{Error, Result};

/// Reads an array from an IDX file: `path`, or `path.gz` where that is absent.
///
/// The file may hold unsigned or signed bytes, integers of 16 or 32 bits, or floating point numbers of 32 or 64 bits.
/// They become numbers of the type that you ask for, which must hold each of them exactly.
///
/// # Errors
/// a file that is absent, cut off, corrupt or of another format; a number that the type cannot hold
/// # Example
/// ```no_run
/// use gradus::data::idx;
/// # fn main() -> gradus::Result<()> {
/// // QMNIST's labels are integers: the class and seven more columns.
/// let labels = idx::load::<u32>("qmnist-test-labels-idx2-int")?;
/// let images = idx::load::<u8>("qmnist-test-images-idx3-ubyte")?;
/// assert_eq!((labels.shape(), images.shape()), (&[60_000, 8][..], &[60_000, 28, 28][..]));
/// # Ok(())
/// # }
/// ```
pub fn load<A: NumCast + Copy>(path: impl AsRef<Path>) -> Result<ArrayD<A>> {
    read(path.as_ref(), "")?.array()
}

/// An IDX file whose parts fit together.
pub(super) struct Idx {
    pub path: PathBuf,
    pub sizes: Vec<usize>,
    /// The number of the type of its numbers, and the numbers, in big-endian order.
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Idx {
    /// The numbers as an array of this type.
    pub fn array<A: NumCast + Copy>(&self) -> Result<ArrayD<A>> {
        let numbers = match self.kind {
            0x08 => self.numbers(|[byte]| byte),
            0x09 => self.numbers(|[byte]| byte as i8),
            0x0B => self.numbers(i16::from_be_bytes),
            0x0C => self.numbers(i32::from_be_bytes),
            0x0D => self.numbers(f32::from_be_bytes),
            _ => self.numbers(f64::from_be_bytes),
        }?;
        ArrayD::from_shape_vec(IxDyn(&self.sizes), numbers).map_err(|error| Error::file(&self.path, error))
    }

    /// The numbers, converted one by one.
    fn numbers<A: NumCast + Copy, B: ToPrimitive + Copy, const N: usize>(
        &self,
        number: impl Fn([u8; N]) -> B,
    ) -> Result<Vec<A>> {
        let mut all = Vec::with_capacity(self.body.len() / N);
        for (place, bytes) in self.body.as_chunks::<N>().0.iter().enumerate() {
            let read = number(*bytes);
            let exact = read.to_f64();
            let cast = A::from(read).filter(|cast| cast.to_f64() == exact || exact.is_some_and(f64::is_nan));
            let Some(cast) = cast else {
                let (name, exact) = (std::any::type_name::<A>(), exact.unwrap_or(f64::NAN));
                let reason = format!("expected numbers that {name} holds exactly, got {exact} at place {place}");
                return Err(Error::file(&self.path, format!("{reason}; load another type")));
            };
            all.push(cast);
        }
        Ok(all)
    }
}

/// Bytes of a number of this type.
fn width(kind: u8) -> Option<usize> {
    match kind {
        0x08 | 0x09 => Some(1),
        0x0B => Some(2),
        0x0C | 0x0D => Some(4),
        0x0E => Some(8),
        _ => None,
    }
}

/// Reads `path`, or `path.gz`; `hint` ends the message where neither is there.
pub(super) fn read(path: &Path, hint: &str) -> Result<Idx> {
    let (path, mut bytes) = bytes::file_or_zipped(path, hint)?;
    let fail = |reason: String| Error::file(&path, reason);
    let [0, 0, kind, axes, ..] = *bytes.as_slice() else {
        if let Some(what) = bytes::foreign(&bytes) {
            return Err(fail(format!("expected an IDX file, got {what}")));
        }
        return Err(fail(format!(
            "is not an IDX file: expected it to begin with two zero bytes, got {:?}",
            &bytes[..bytes.len().min(4)]
        )));
    };
    let Some(width) = width(kind) else {
        return Err(fail(format!("expected numbers of type 8, 9, 11, 12, 13 or 14, got type {kind}")));
    };
    let start = 4 + axes as usize * 4;
    if bytes.len() < start {
        return Err(fail(format!("is cut off in its header: expected {start} bytes, got {}", bytes.len())));
    }
    let sizes: Vec<usize> =
        bytes[4..start].chunks_exact(4).map(|n| u32::from_be_bytes([n[0], n[1], n[2], n[3]]) as usize).collect();
    let total = sizes.iter().try_fold(width, |total, size| total.checked_mul(*size));
    bytes.drain(..start);
    if total != Some(bytes.len()) {
        return Err(fail(format!(
            "expected the bytes of an array {sizes:?} after its header, got {}; is it cut off?",
            bytes.len()
        )));
    }
    Ok(Idx { path, sizes, kind, body: bytes })
}
