//! A dataset as it is in one epoch of training.

use crate::data::{Batch, Dataset};
use crate::error::Result;

/// Its batches are the training batches of an epoch.
pub(crate) struct Epoch<'a> {
    pub dataset: &'a dyn Dataset,
    pub number: u64,
}

impl Dataset for Epoch<'_> {
    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        self.dataset.training_batch(indices, self.number)
    }
}
