//! Datasets made of other datasets. All are lazy: they read nothing before their batches are asked for.

mod assembled;
mod batches;
mod epoch;
mod function;
mod map;
mod subset;
mod zip;

pub use assembled::{Chain, Repeat};
pub use batches::Batches;
pub(crate) use epoch::{Epoch, Ready};
pub use function::{FromFn, from_fn};
pub use map::Map;
pub use subset::{Selection, Subset};
pub use zip::Zip;

use super::{Batch, Dataset};
use crate::error::Result;

/// Reads examples for an epoch of training, or as they are.
pub(crate) fn read<D: Dataset + ?Sized>(dataset: &D, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
    let batch = match epoch {
        Some(epoch) => dataset.training_batch(indices, epoch),
        None => dataset.batch(indices),
    };
    batch?.of(indices.len())
}

/// Both ways to read a batch, for a dataset with a method `read(indices, epoch)`.
macro_rules! read_both {
    () => {
        fn batch(&self, indices: &[usize]) -> $crate::error::Result<$crate::data::Batch> {
            self.read(indices, None)
        }

        fn training_batch(&self, indices: &[usize], epoch: u64) -> $crate::error::Result<$crate::data::Batch> {
            self.read(indices, Some(epoch))
        }
    };
}
pub(crate) use read_both;
