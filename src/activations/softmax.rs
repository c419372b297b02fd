//! Softmax.

use super::Activation;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::ops::softmax_over;

described! {
    /// Softmax over the last axis: `y = exp(x) / Σ exp(x)`, computed from `x - max(x)`. [`Var::softmax`] takes any axis.
    ///
    /// The cross-entropies recognise a prediction that comes out of it and work on `x`, in one stable operation.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Softmax.apply(&Tape::inference().input(ndarray::arr2(&[[1000.0, 1000.0]])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.5, 0.5]);
    /// ```
    pub struct Softmax;
}

impl Activation for Softmax {
    config!();

    fn apply(&self, x: &Var) -> Var {
        softmax_over(x, x.value.shape().len().saturating_sub(1))
    }
}
