//! Classes of unequal size.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::{Dataset, classes_of, numbers};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

/// Examples that are read at once to look at their targets.
const PART: usize = 256;

/// The class of each example.
pub(super) fn read<D: Dataset + ?Sized>(dataset: &D) -> Result<Vec<usize>> {
    let mut classes = Vec::with_capacity(dataset.len());
    for part in numbers(dataset.len())?.chunks(PART) {
        let batch = dataset.batch(part)?.of(part.len())?;
        if let Some(targets) = batch.targets.first() {
            classes.extend(classes_of(targets)?);
        }
    }
    Ok(classes)
}

/// The numbers of the examples of each class that occurs, in the order of the classes.
pub(super) fn members(classes: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, class) in classes.iter().enumerate() {
        members.entry(*class).or_default().push(i);
    }
    members
}

/// Returns a weight for each class, by number, that gives all classes the same weight in sum:
/// `examples / (classes · count)`, with the number of classes that occur; 0 for a class that does not.
///
/// ```
/// assert_eq!(gradus::data::class_weights(&[0, 0, 0, 1]), [2.0 / 3.0, 2.0]);
/// ```
///
/// # Reference
/// scikit-learn's `class_weight="balanced"`
pub fn class_weights(classes: &[usize]) -> Vec<Float> {
    let members = members(classes);
    let last = members.keys().last().copied();
    let mut weights = vec![0.0; last.map_or(0, |class| class.saturating_add(1))];
    for (class, of_class) in &members {
        weights[*class] = (classes.len() as f64 / (members.len() * of_class.len()) as f64) as Float;
    }
    weights
}

/// Returns all examples, those of rare classes repeated at random until all classes have as many as the most frequent
/// one.
pub fn oversample(classes: &[usize], seed: u64) -> Vec<usize> {
    balance(classes, seed, |counts| counts.end - 1)
}

/// Returns as many examples of each class, chosen at random, as the rarest one has.
pub fn undersample(classes: &[usize], seed: u64) -> Vec<usize> {
    balance(classes, seed, |counts| counts.start)
}

/// As many examples of each class as `choose` says, in a random order.
fn balance(classes: &[usize], seed: u64, choose: impl Fn(Range<usize>) -> usize) -> Vec<usize> {
    let mut rng = Rng::seed_from_u64(seed);
    let members = members(classes);
    let counts = || members.values().map(Vec::len);
    let wanted = choose(counts().min().unwrap_or(0)..counts().max().unwrap_or(0) + 1);
    let mut all = Vec::with_capacity(wanted * members.len());
    for mut members in members.into_values() {
        members.shuffle(&mut rng);
        let further = (members.len()..wanted).map(|_| members[rng.random_range(0..members.len())]).collect::<Vec<_>>();
        all.extend(members.into_iter().take(wanted).chain(further));
    }
    all.shuffle(&mut rng);
    all
}
