//! A part of a dataset, in any order.

use std::collections::HashMap;
use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::assembled::{assemble, epoch_of};
use super::{read, read_both};
use crate::data::{Batch, Dataset, known};
use crate::error::{Error, Result};
use crate::random::Rng;

/// Which examples a [`Subset`] has: a range, or a list of numbers in any order, also repeated.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a range or a list")]
pub enum Selection {
    /// Neighbours.
    Range(Range<usize>),
    /// These.
    List(Vec<usize>),
}

impl From<Range<usize>> for Selection {
    fn from(range: Range<usize>) -> Self {
        Self::Range(range)
    }
}

impl From<Vec<usize>> for Selection {
    fn from(list: Vec<usize>) -> Self {
        Self::List(list)
    }
}

/// Some examples of a dataset: what [`Dataset::subset`], [`Dataset::take`], [`Dataset::shuffle`] and the splits make.
///
/// A range is cut where the dataset ends; a number in a list that the dataset does not have is an error. An example that a
/// list repeats is augmented differently each time.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::data::Subset;
/// let data = (ndarray::Array2::<f32>::zeros((10, 3)), ndarray::Array1::<u8>::zeros(10));
/// assert_eq!(Subset::new(&data, 8..100).len(), 2);
/// assert_eq!(Subset::new(&data, vec![7, 0, 7]).len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Subset<D> {
    dataset: D,
    selection: Selection,
    /// How often the example of each place of a list stands before it; empty if none is repeated.
    repeated: Vec<usize>,
    /// How often the most frequent example of a list is in it.
    times: usize,
}

impl<D: Dataset> Subset<D> {
    /// Creates a dataset of these examples of `dataset`.
    pub fn new(dataset: D, selection: impl Into<Selection>) -> Self {
        let selection = match selection.into() {
            Selection::Range(range) => {
                let end = range.end.min(dataset.len());
                Selection::Range(range.start.min(end)..end)
            }
            list => list,
        };
        let repeated = match &selection {
            Selection::Range(_) => Vec::new(),
            Selection::List(list) => repetitions(list),
        };
        let times = repeated.iter().max().map_or(1, |most| most + 1);
        Self { dataset, selection, repeated, times }
    }

    /// All examples in a random order that the seed decides.
    pub(crate) fn shuffled(dataset: D, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..dataset.len()).collect();
        order.shuffle(&mut Rng::seed_from_u64(seed));
        Self::new(dataset, order)
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        known(indices, self.len())?;
        let numbers = |indices: &[usize]| -> Result<Vec<usize>> {
            let numbers = match &self.selection {
                Selection::Range(range) => indices.iter().map(|i| i + range.start).collect(),
                Selection::List(list) => indices.iter().map(|i| list[*i]).collect::<Vec<usize>>(),
            };
            self.check_numbers(&numbers)?;
            Ok(numbers)
        };
        if epoch.is_none() || self.repeated.is_empty() {
            return read(&self.dataset, &numbers(indices)?, epoch);
        }
        let place = |i: usize| (self.repeated[i], i);
        assemble(indices, place, |time, indices| {
            read(&self.dataset, &numbers(indices)?, epoch_of(epoch, self.times, time))
        })
    }

    fn check_numbers(&self, numbers: &[usize]) -> Result<()> {
        known(numbers, self.dataset.len()).map_err(|error| Error::value(format!("subset: {error}")))
    }
}

/// How often each number stands before its place; nothing if none is repeated.
fn repetitions(list: &[usize]) -> Vec<usize> {
    let mut counts: HashMap<usize, usize> = HashMap::with_capacity(list.len());
    let mut before = Vec::with_capacity(list.len());
    for number in list {
        let count = counts.entry(*number).or_default();
        before.push(*count);
        *count += 1;
    }
    if counts.len() == list.len() { Vec::new() } else { before }
}

impl<D: Dataset> Dataset for Subset<D> {
    read_both!();

    fn len(&self) -> usize {
        match &self.selection {
            Selection::Range(range) => range.len(),
            Selection::List(list) => list.len(),
        }
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        match &self.selection {
            Selection::Range(_) => Ok(()),
            Selection::List(list) => self.check_numbers(list),
        }
    }
}
