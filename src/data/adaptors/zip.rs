//! Two datasets side by side.

use super::{read, read_both};
use crate::data::{Batch, Dataset};
use crate::error::{Error, Result};

/// What [`Dataset::zip`] makes.
#[derive(Clone, Debug)]
pub struct Zip<A, B> {
    first: A,
    second: B,
}

impl<A: Dataset, B: Dataset> Zip<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        let mut batch = read(&self.first, indices, epoch)?;
        let other = read(&self.second, indices, epoch)?;
        batch.inputs.extend(other.inputs);
        batch.targets.extend(other.targets);
        Ok(batch)
    }
}

impl<A: Dataset, B: Dataset> Dataset for Zip<A, B> {
    read_both!();

    fn len(&self) -> usize {
        self.first.len()
    }

    fn check(&self) -> Result<()> {
        self.first.check()?;
        self.second.check()?;
        let (first, second) = (self.first.len(), self.second.len());
        if first == second {
            return Ok(());
        }
        Err(Error::shape(format!("zip: expected datasets of one length, got {first} and {second} examples")))
    }
}
