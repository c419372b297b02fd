//! A dataset as it is in one epoch of training, and a batch that was read in advance.

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
        self.dataset.training_batch(indices, self.number)?.of(indices.len())
    }
}

/// A batch that was read in advance, as a dataset.
pub(crate) struct Ready(Batch);

impl Ready {
    /// Creates a batch with this many examples.
    pub fn new(batch: Batch, count: usize) -> Result<Self> {
        Ok(Self(batch.of(count)?))
    }
}

impl Dataset for Ready {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        self.0.clone().select(indices)
    }
}
