//! The logarithm of softmax.

use super::Activation;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::ops::log_softmax_over;

described! {
    /// Logarithm of the softmax over the last axis: `y = x - ln Σ exp(x)`, which stays finite where the softmax is 0.
    /// [`Var::log_softmax`] takes any axis.
    ///
    /// The categorical cross-entropies recognise a prediction that comes out of it.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = LogSoftmax.apply(&Tape::inference().input(ndarray::arr2(&[[1000.0, 0.0]])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, -1000.0]);
    /// ```
    pub struct LogSoftmax;
}

impl Activation for LogSoftmax {
    config!();

    fn apply(&self, x: &Var) -> Var {
        log_softmax_over(x, x.value.shape().len().saturating_sub(1))
    }
}
