//! A dataset whose examples are mixed with others.

use ndarray::{ArrayD, Axis};
use rand::{RngExt, SeedableRng};

use crate::config::{Config, delegates, family};
use crate::data::{Batch, Dataset, read, read_both, seeds, stack};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::{Float, Tensor};

/// An example that [`Mix`] mixes.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// What the model takes.
    pub input: ArrayD<Float>,
    /// What it should give.
    pub target: ArrayD<Float>,
}

/// Mixes two examples at random, for [`Dataset::mix`].
///
/// ```
/// use gradus::prelude::*;
/// use gradus::{Rng, data::augment::{Example, Mix}};
///
/// /// The mean of both.
/// struct Halves;
///
/// impl Mix for Halves {
///     fn mix(&self, mut example: Example, other: &Example, _: &mut Rng) -> Result<Example> {
///         example.input = (example.input + &other.input) / 2.0;
///         example.target = (example.target + &other.target) / 2.0;
///         Ok(example)
///     }
/// }
/// ```
pub trait Mix: Send + Sync {
    /// The example with something of the other one in it, of the same shapes.
    ///
    /// # Errors
    /// Examples that do not fit; settings out of their range.
    fn mix(&self, example: Example, other: &Example, rng: &mut Rng) -> Result<Example>;

    /// Returns what makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

family!(Box, dyn Mix);

impl Mix for Box<dyn Mix> {
    delegates! { self:
        mix[&self](example: Example, other: &Example, rng: &mut Rng) -> Result<Example>;
        config[&self]() -> Config;
    }
}

/// What [`Dataset::mix`] makes: in training, each example is mixed with one that is chosen among all at random.
#[derive(Clone, Debug)]
pub struct Mixed<D, M> {
    dataset: D,
    seed: u64,
    mix: M,
}

impl<D: Dataset, M: Mix> Mixed<D, M> {
    pub(crate) fn new(dataset: D, seed: u64, mix: M) -> Self {
        Self { dataset, seed, mix }
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        let mut batch = read(&self.dataset, indices, epoch)?;
        let Some(epoch) = epoch else { return Ok(batch) };
        let rng = |i: &usize| Rng::from_seed(seeds(self.seed, epoch, *i as u64));
        let mut rngs: Vec<Rng> = indices.iter().map(rng).collect();
        let partners: Vec<usize> = rngs.iter_mut().map(|rng| rng.random_range(0..self.dataset.len())).collect();
        let others = read(&self.dataset, &partners, Some(epoch))?;
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for (row, rng) in rngs.iter_mut().enumerate() {
            let mixed = self.mix.mix(example(&batch, row)?, &example(&others, row)?, rng)?;
            inputs.push(mixed.input.into_shared());
            targets.push(mixed.target.into_shared());
        }
        // `example` has found both.
        if let (Some(x), Some(y)) = (batch.inputs.first_mut(), batch.targets.first_mut()) {
            (*x, *y) = (stack(indices, &inputs)?, stack(indices, &targets)?);
        }
        Ok(batch)
    }
}

fn example(batch: &Batch, row: usize) -> Result<Example> {
    let (Some(inputs), Some(targets)) = (batch.inputs.first(), batch.targets.first()) else {
        return Err(Error::shape("mix: expected examples with an input and a target"));
    };
    let row_of = |tensor: &Tensor| tensor.index_axis(Axis(0), row).to_owned();
    if targets.ndim() < 2 {
        return Err(Error::shape(format!(
            "mix: expected targets that can be mixed, [batch, ...], got class numbers {:?}; call `one_hot(classes)` on \
             the dataset before `mix`",
            targets.shape()
        )));
    }
    Ok(Example { input: row_of(inputs), target: row_of(targets) })
}

impl<D: Dataset, M: Mix> Dataset for Mixed<D, M> {
    read_both!();

    delegates! { self.dataset: len[&self]() -> usize; check[&self]() -> Result<()>; }
}

impl Example {
    /// `(1 - share) · self + share · other`, the targets only.
    pub(super) fn mix_target(&mut self, other: &Self, share: Float) {
        self.target.zip_mut_with(&other.target, |a, b| *a = (1.0 - share) * *a + share * b);
    }

    pub(super) fn same_shapes(&self, who: &str, other: &Self) -> Result<()> {
        let shapes = |example: &Self| (example.input.shape().to_vec(), example.target.shape().to_vec());
        if shapes(self) == shapes(other) {
            return Ok(());
        }
        let (first, second) = (shapes(self), shapes(other));
        Err(Error::shape(format!("{who}: expected examples of one shape, got {first:?} and {second:?}")))
    }
}
