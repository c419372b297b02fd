//! The sigmoid linear unit.

use super::sigmoid::sigmoid;
use super::{Activation, apply_sloped};
use crate::autograd::Var;

/// Sigmoid linear unit, also called swish: `y = x · sigmoid(x)`.
///
/// ```
/// use gradus::prelude::*;
/// let y = Silu.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
/// assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.0, 1000.0]);
/// ```
///
/// Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017.
#[doc(alias = "Swish")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Silu;

impl Activation for Silu {
    fn apply(&self, x: &Var) -> Var {
        apply_sloped(x, |x| {
            let s = sigmoid(x);
            (x * s, s * (1.0 + x * (1.0 - s)))
        })
    }
}
