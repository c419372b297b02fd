//! Examples in a file that may be larger than memory. [`write()`] makes one from any dataset, and [`RecordFile`] reads it:
//! each batch reads its own examples from the disk, and nothing stays in memory.
//!
//! ```
//! use gradus::prelude::*;
//! use gradus::data::{RecordFile, records::{self, Kind}};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("digits.records");
//! let (train, _) = mnist::load("examples/data/mnist")?;
//! records::write(&path, &train.take(100), Kind::Float32)?;
//! let file = RecordFile::open(&path)?;
//! assert_eq!(file.batch(&[99, 3])?.inputs[0].shape(), [2, 28, 28, 1]);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! The file is a header and one record after another, all of one length, numbers little-endian: the eight bytes
//! `GRADUSR1`; as 64-bit integers the number of records, of inputs, and of targets; for each of these a byte with the
//! kind of its numbers (0 for bytes, 1 for `f32`), a byte with its number of axes, and their lengths as 64-bit integers.
//! A record has the numbers of its inputs and targets in this order.

mod header;
mod positioned;
mod read;
mod write;

pub use read::RecordFile;
pub use write::write;

/// How the numbers of inputs are stored. Targets are always stored as `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Whole numbers from 0 to 255, a byte each.
    Byte,
    /// Numbers of 4 bytes.
    Float32,
}
