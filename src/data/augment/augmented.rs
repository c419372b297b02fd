//! A dataset whose examples change at random.

use ndarray::{ArrayD, Axis};
use rand::SeedableRng;

use super::Augment;
use crate::config::delegates;
use crate::data::{Batch, Dataset, read, read_both, seeds, stack};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::random::Rng;
use crate::tensor::{Float, Tensor};

/// Examples that one piece of work changes.
const PART: usize = 8;

/// What [`Dataset::augment`] makes.
#[derive(Clone, Debug)]
#[must_use]
pub struct Augmented<D, A> {
    dataset: D,
    seed: u64,
    augment: A,
    input: usize,
}

impl<D: Dataset, A: Augment> Augmented<D, A> {
    pub(crate) fn new(dataset: D, seed: u64, augment: A) -> Self {
        Self { dataset, seed, augment, input: 0 }
    }

    /// Sets which of several inputs is changed; the default is the first, 0.
    pub fn input(mut self, number: usize) -> Self {
        self.input = number;
        self
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        let mut batch = read(&self.dataset, indices, epoch)?;
        let inputs = batch.inputs.len();
        let Some(x) = batch.inputs.get_mut(self.input) else {
            let number = self.input;
            return Err(Error::value(format!("augment: expected a number of an input below {inputs}, got {number}")));
        };
        let change = |row: usize| -> Result<Tensor> {
            let example: ArrayD<Float> = x.index_axis(Axis(0), row).to_owned();
            let changed = match epoch {
                Some(epoch) => {
                    let mut rng = Rng::from_seed(seeds(self.seed, epoch, indices[row] as u64));
                    self.augment.apply(example, &mut rng)?
                }
                None => self.augment.plain(example)?,
            };
            Ok(changed.into_shared())
        };
        let parts = parallel::map_chunks(indices.len(), PART, |range| range.map(change).collect::<Result<Vec<_>>>());
        let examples: Vec<Vec<Tensor>> = parts.into_iter().collect::<Result<_>>()?;
        *x = stack(indices, &examples.concat())?;
        Ok(batch)
    }
}

impl<D: Dataset, A: Augment> Dataset for Augmented<D, A> {
    read_both!();

    delegates! { self.dataset: len[&self]() -> usize; check[&self]() -> Result<()>; }
}
