//! Weights that make groups and targets independent.

use std::collections::HashMap;

use super::members;
use crate::error::Result;
use crate::tensor::{Float, IntoTensor, Tensor};

/// Returns a weight for each example, with which its target says nothing of its group: `P(group) P(target) / P(group, target)`. Give
/// them to [`Dataset`](crate::data::Dataset) as weights of the examples.
///
/// ```
/// use gradus::fairness::reweighing;
/// use gradus::ndarray::arr1;
/// // Of three in group a two have target 1, of three in b one.
/// let weights = reweighing(arr1(&[1, 1, 0, 1, 0, 0]), &["a", "a", "a", "b", "b", "b"])?;
/// assert_eq!(weights, arr1(&[0.75, 0.75, 1.5, 1.5, 0.75, 0.75]).into_dyn());
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// a group missing or too many
/// # Reference
/// Kamiran & Calders 2012
pub fn reweighing<G: ToString>(targets: impl IntoTensor, groups: &[G]) -> Result<Tensor> {
    let targets = targets.into_tensor();
    // By bits, since targets are exact: numbers of classes.
    let target: Vec<u64> = targets.iter().map(|target| (f64::from(*target) + 0.0).to_bits()).collect();
    let members = members("reweighing", groups, target.len())?;
    let mut of_target: HashMap<u64, f64> = HashMap::new();
    for target in &target {
        *of_target.entry(*target).or_default() += 1.0;
    }
    let mut weights = vec![0.0; target.len()];
    for rows in members.values() {
        let mut of_both: HashMap<u64, f64> = HashMap::new();
        for row in rows {
            *of_both.entry(target[*row]).or_default() += 1.0;
        }
        for row in rows {
            let expected = rows.len() as f64 * of_target[&target[*row]] / target.len() as f64;
            weights[*row] = (expected / of_both[&target[*row]]) as Float;
        }
    }
    Ok(ndarray::Array1::from_vec(weights).into_tensor())
}
