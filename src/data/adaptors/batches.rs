//! Batches for loops written by hand.

use std::sync::mpsc::sync_channel;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::read;
use crate::data::{Batch, Dataset, numbers, seeds};
use crate::error::{Error, Result};
use crate::random::Rng;

/// The batches of one pass over a dataset: what [`Dataset::batches`] makes. An iterator of `Result<Batch>`.
///
/// # Defaults
/// in the order of the dataset, as it is without augmentation, the last batch smaller if need be
/// # Errors
/// a batch size of 0 or invalid data, as the first item; examples that cannot be read
/// # Example
/// ```
/// use gradus::prelude::*;
/// let data = (ndarray::Array2::<f32>::zeros((10, 3)), ndarray::Array1::<u8>::zeros(10));
/// for epoch in 0..2 {
///     for batch in data.batches(4).shuffle(1).epoch(epoch) {
///         assert!(batch?.len() <= 4);
///     }
/// }
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "DataLoader")]
#[must_use]
pub struct Batches<'a> {
    dataset: &'a dyn Dataset,
    size: usize,
    seed: Option<u64>,
    epoch: Option<u64>,
    drop_last: bool,
    order: Option<Vec<usize>>,
    next: usize,
}

impl std::fmt::Debug for Batches<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches")
            .field("size", &self.size)
            .field("examples", &self.dataset.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Batches<'a> {
    pub(crate) fn new(dataset: &'a dyn Dataset, size: usize) -> Self {
        Self { dataset, size, seed: None, epoch: None, drop_last: false, order: None, next: 0 }
    }

    /// These examples, in this order.
    pub(crate) fn in_order(dataset: &'a dyn Dataset, size: usize, order: Vec<usize>) -> Self {
        Self { order: Some(order), ..Self::new(dataset, size) }
    }

    /// Shuffles the examples: by this seed and the number of the [epoch](Self::epoch).
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Reads the examples for training in this epoch, so that they are augmented, differently in each epoch.
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// Leaves out a last batch that would be smaller.
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Calls `work` with these batches, which another thread prepares, at most `ahead` of them in advance.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let data = (ndarray::Array2::<f32>::zeros((10, 3)), ndarray::Array1::<u8>::zeros(10));
    /// let count = data.batches(4).prefetch(2, |batches| batches.map(|batch| Ok(batch?.len())).sum::<Result<usize>>())?;
    /// assert_eq!(count, 10);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn prefetch<R>(self, ahead: usize, work: impl FnOnce(&mut dyn Iterator<Item = Result<Batch>>) -> R) -> R {
        let (send, receive) = sync_channel(ahead);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for batch in self {
                    // Nobody wants more once the loop was left.
                    if send.send(batch).is_err() {
                        break;
                    }
                }
            });
            work(&mut receive.into_iter())
        })
    }

    fn start(&self) -> Result<Vec<usize>> {
        self.dataset.check()?;
        if self.size == 0 {
            return Err(Error::value("batches: expected a batch size of at least 1, got 0; 32 is usual"));
        }
        let mut order = numbers(self.dataset.len())?;
        if let Some(seed) = self.seed {
            order.shuffle(&mut Rng::from_seed(seeds(seed, self.epoch.unwrap_or(0), ORDER)));
        }
        if self.drop_last {
            order.truncate(order.len() / self.size * self.size);
        }
        Ok(order)
    }
}

/// In place of an example's number, for the order of all.
const ORDER: u64 = u64::MAX;

impl Iterator for Batches<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.order.is_none() {
            match self.start() {
                Ok(order) => self.order = Some(order),
                Err(error) => {
                    self.order = Some(Vec::new());
                    return Some(Err(error));
                }
            }
        }
        let rest = self.order.as_ref()?.get(self.next..).filter(|rest| !rest.is_empty())?;
        let indices = &rest[..self.size.min(rest.len())];
        self.next += indices.len();
        Some(read(self.dataset, indices, self.epoch))
    }
}
