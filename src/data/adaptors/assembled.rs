//! Datasets one after another.

use super::{read, read_both};
use crate::data::{Batch, Dataset, known};
use crate::error::Result;

/// Batches whose examples come from several sources: `place` gives source and number there of each index, `read` what a
/// source has under these numbers. The examples are in the order of `indices`.
pub(super) fn assemble(
    indices: &[usize],
    place: impl Fn(usize) -> (usize, usize),
    read: impl Fn(usize, &[usize]) -> Result<Batch>,
) -> Result<Batch> {
    let places: Vec<(usize, usize)> = indices.iter().map(|i| place(*i)).collect();
    let mut sources: Vec<usize> = places.iter().map(|(source, _)| *source).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut parts = Vec::with_capacity(sources.len());
    // Where each example is once the parts stand one after another.
    let mut order = vec![0; indices.len()];
    let mut row = 0;
    for source in sources {
        let here = places.iter().enumerate().filter(|(_, place)| place.0 == source);
        let (rows, numbers): (Vec<usize>, Vec<usize>) = here.map(|(i, place)| (i, place.1)).unzip();
        for i in rows {
            order[i] = row;
            row += 1;
        }
        parts.push(read(source, &numbers)?);
    }
    match parts.len() {
        1 => Ok(parts.remove(0)),
        _ => Batch::concatenate(parts)?.select(&order),
    }
}

/// An example that is there several times in an epoch is augmented anew each time: each time is an epoch of its own.
pub(super) fn epoch_of(epoch: Option<u64>, times: usize, time: usize) -> Option<u64> {
    epoch.map(|epoch| epoch.wrapping_mul(times as u64).wrapping_add(time as u64))
}

/// What [`Dataset::chain`] makes.
#[derive(Clone, Debug)]
pub struct Chain<A, B> {
    first: A,
    second: B,
}

impl<A: Dataset, B: Dataset> Chain<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        known(indices, self.len())?;
        let len = self.first.len();
        let place = |i| if i < len { (0, i) } else { (1, i - len) };
        assemble(indices, place, |source, numbers| match source {
            // Both may be the same dataset.
            0 => read(&self.first, numbers, epoch_of(epoch, 2, 0)),
            _ => read(&self.second, numbers, epoch_of(epoch, 2, 1)),
        })
    }
}

impl<A: Dataset, B: Dataset> Dataset for Chain<A, B> {
    read_both!();

    fn len(&self) -> usize {
        self.first.len().saturating_add(self.second.len())
    }

    fn check(&self) -> Result<()> {
        self.first.check()?;
        self.second.check()
    }
}

/// What [`Dataset::repeat`] makes.
#[derive(Clone, Debug)]
pub struct Repeat<D> {
    dataset: D,
    times: usize,
}

impl<D: Dataset> Repeat<D> {
    pub(crate) fn new(dataset: D, times: usize) -> Self {
        Self { dataset, times }
    }

    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        known(indices, self.len())?;
        let len = self.dataset.len();
        assemble(
            indices,
            |i| (i / len, i % len),
            |time, numbers| read(&self.dataset, numbers, epoch_of(epoch, self.times, time)),
        )
    }
}

impl<D: Dataset> Dataset for Repeat<D> {
    read_both!();

    fn len(&self) -> usize {
        self.dataset.len().saturating_mul(self.times)
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()
    }
}
