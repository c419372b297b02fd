//! A part of a dataset, in any order.

use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::{read, read_both};
use crate::data::{Batch, Dataset};
use crate::error::{Error, Result};
use crate::initializers::Rng;

/// Which examples a [`Subset`] has: a range, or a list of numbers in any order, also repeated.
#[derive(Clone, Debug)]
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
/// A range is cut where the dataset ends; a number in a list that the dataset does not have is an error.
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
}

impl<D: Dataset> Subset<D> {
    /// These examples of `dataset`.
    pub fn new(dataset: D, selection: impl Into<Selection>) -> Self {
        let selection = match selection.into() {
            Selection::Range(range) => {
                let end = range.end.min(dataset.len());
                Selection::Range(range.start.min(end)..end)
            }
            list => list,
        };
        Self { dataset, selection }
    }

    /// All examples in a random order that the seed decides.
    pub(crate) fn shuffled(dataset: D, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..dataset.len()).collect();
        order.shuffle(&mut Rng::seed_from_u64(seed));
        Self::new(dataset, order)
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        let indices = match &self.selection {
            Selection::Range(range) => indices.iter().map(|i| i + range.start).collect(),
            Selection::List(list) => indices.iter().map(|i| list[*i]).collect::<Vec<usize>>(),
        };
        self.known(&indices)?;
        read(&self.dataset, &indices, epoch)
    }

    fn known(&self, indices: &[usize]) -> Result<()> {
        let len = self.dataset.len();
        match indices.iter().find(|i| **i >= len) {
            Some(i) => Err(Error::value(format!("subset: expected numbers of examples below {len}, got {i}"))),
            None => Ok(()),
        }
    }
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
            Selection::List(list) => self.known(list),
        }
    }
}
