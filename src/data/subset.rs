//! A part of a dataset.

use std::ops::Range;

use super::{Batch, Dataset};
use crate::error::Result;

/// The examples of a dataset whose numbers are in a range.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::data::Subset;
/// let data = (ndarray::Array2::<f32>::zeros((10, 3)), ndarray::Array1::<u8>::zeros(10));
/// assert_eq!(Subset::new(&data, 8..100).len(), 2);
/// ```
pub struct Subset<'a> {
    dataset: &'a dyn Dataset,
    range: Range<usize>,
}

impl<'a> Subset<'a> {
    /// The part of `range` that there is.
    pub fn new(dataset: &'a dyn Dataset, range: Range<usize>) -> Self {
        let end = range.end.min(dataset.len());
        Self { dataset, range: range.start.min(end)..end }
    }
}

impl Dataset for Subset<'_> {
    fn len(&self) -> usize {
        self.range.len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        let indices: Vec<usize> = indices.iter().map(|i| i + self.range.start).collect();
        self.dataset.batch(&indices)
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()
    }
}
