//! A function over batches.

use super::{read, read_both};
use crate::config::delegates;
use crate::data::{Batch, Dataset};
use crate::error::Result;

/// What [`Dataset::map`] makes.
#[derive(Clone, Debug)]
pub struct Map<D, F> {
    dataset: D,
    function: F,
}

impl<D, F> Map<D, F> {
    pub(crate) fn new(dataset: D, function: F) -> Self {
        Self { dataset, function }
    }
}

impl<D: Dataset, F: Fn(Batch) -> Result<Batch> + Sync> Map<D, F> {
    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        (self.function)(read(&self.dataset, indices, epoch)?)
    }
}

impl<D: Dataset, F: Fn(Batch) -> Result<Batch> + Sync> Dataset for Map<D, F> {
    read_both!();

    delegates! { self.dataset: len[&self]() -> usize; check[&self]() -> Result<()>; }
}
