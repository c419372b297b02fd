//! Class numbers as vectors.

use super::{read, read_both};
use crate::data::{Batch, Dataset};
use crate::error::Result;
use crate::preprocessing;

/// What [`Dataset::one_hot`] makes.
#[derive(Clone, Debug)]
pub struct OneHot<D> {
    dataset: D,
    classes: usize,
}

impl<D: Dataset> OneHot<D> {
    pub(crate) fn new(dataset: D, classes: usize) -> Self {
        Self { dataset, classes }
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        let mut batch = read(&self.dataset, indices, epoch)?;
        if let Some(targets) = batch.targets.first_mut() {
            *targets = preprocessing::one_hot(&*targets, self.classes)?;
        }
        Ok(batch)
    }
}

impl<D: Dataset> Dataset for OneHot<D> {
    read_both!();

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()
    }
}
