//! The order of things by what is compared: each sort of another type would be 10 kB of code.

use std::cmp::Ordering;

use crate::float::Float;

/// Returns the numbers below `count` as `compare` orders them; equals stay in order.
pub(crate) fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| compare(*a, *b));
    order
}

/// Returns the places of the scores, the greatest first; equals stay in order.
pub(crate) fn descending(scores: impl Iterator<Item = Float>) -> Vec<usize> {
    fn places(mut scores: Vec<(usize, Float)>) -> Vec<usize> {
        scores.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        scores.into_iter().map(|(place, _)| place).collect()
    }
    places(scores.enumerate().collect())
}

/// Sorts numbers, the least first, a NaN after all others or, if it is negative, before them.
pub(crate) fn sort(numbers: &mut [Float]) {
    numbers.sort_unstable_by(Float::total_cmp);
}
