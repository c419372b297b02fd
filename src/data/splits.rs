//! Examples to train on and examples to validate on.

use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::classes::members;
use super::{Dataset, Subset};
use crate::error::{Error, Result};
use crate::random::Rng;

/// Two parts of a dataset that have no example in common: to train on, and to validate on.
pub type Halves<D> = (Subset<Arc<D>>, Subset<Arc<D>>);

pub(super) fn subsets<D: Dataset + Send>(all: &Arc<D>, (first, second): (Vec<usize>, Vec<usize>)) -> Halves<D> {
    (Subset::new(all.clone(), first), Subset::new(all.clone(), second))
}

/// How many of `len` examples a share is.
pub(crate) fn first_share(len: usize, share: f64) -> Result<usize> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::value(format!("split: expected a share in 0..=1, such as 0.8 for 80 %, got {share}")));
    }
    Ok((len as f64 * share).round() as usize)
}

/// Returns numbers of examples: a random share of each class, and the rest. Each class is cut where its share is
/// rounded to, so that both parts together have every example once.
///
/// ```
/// let (train, test) = gradus::data::stratified_split(&[0, 0, 0, 0, 1, 1], 0.5, 7)?;
/// assert_eq!((train.len(), test.len()), (3, 3));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// a share outside of 0 to 1
pub fn stratified_split(classes: &[usize], share: f64, seed: u64) -> Result<(Vec<usize>, Vec<usize>)> {
    let mut rng = Rng::seed_from_u64(seed);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for mut members in members(classes).into_values() {
        members.shuffle(&mut rng);
        let (left, right) = members.split_at(first_share(members.len(), share)?);
        first.extend_from_slice(left);
        second.extend_from_slice(right);
    }
    first.shuffle(&mut rng);
    second.shuffle(&mut rng);
    Ok((first, second))
}

/// Returns, for each of `k` random parts of `0..len`, which differ in size by 1 at most: the other numbers, and the
/// part.
///
/// # Errors
/// `k` below 2 or above `len`
pub fn k_fold(len: usize, k: usize, seed: u64) -> Result<Vec<(Vec<usize>, Vec<usize>)>> {
    stratified_k_fold(&vec![0; len], k, seed)
}

/// Does what [`k_fold`] does, with the same share of each class in all parts, to 1 example.
///
/// # Errors
/// `k` below 2 or above the number of examples
pub fn stratified_k_fold(classes: &[usize], k: usize, seed: u64) -> Result<Vec<(Vec<usize>, Vec<usize>)>> {
    let len = classes.len();
    if !(2..=len).contains(&k) {
        return Err(Error::value(format!("k_fold: expected k from 2 to the number of examples, {len}, got {k}")));
    }
    let mut rng = Rng::seed_from_u64(seed);
    let mut part = vec![0; len];
    // Dealt like cards: the next class goes on where the last one ended, so that the parts stay of one size.
    let mut order = members(classes);
    order.values_mut().for_each(|members| members.shuffle(&mut rng));
    order.values().flatten().enumerate().for_each(|(turn, i)| part[*i] = turn % k);
    let mut shuffled: Vec<usize> = (0..len).collect();
    shuffled.shuffle(&mut rng);
    Ok((0..k).map(|fold| shuffled.iter().partition(|i| part[**i] != fold)).collect())
}
