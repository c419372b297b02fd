//! Sparsemax.

use super::Activation;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::ops::sparsemax_over;

described! {
    /// Sparsemax over the last axis: the point of the simplex that is nearest to `x`, so that small numbers become 0
    /// altogether. [`Sparsemax::over`] and [`Var::sparsemax`] take any axis.
    ///
    /// ```
    /// use gradus::activations::Sparsemax;
    /// use gradus::prelude::*;
    /// let y = Sparsemax.apply(&Tape::inference().input(ndarray::arr2(&[[1.0, 0.5, -1.0]])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.75, 0.25, 0.0]);
    /// ```
    ///
    /// Martins & Astudillo 2016.
    pub struct Sparsemax;
}

impl Activation for Sparsemax {
    config!();

    fn apply(&self, x: &Var) -> Var {
        sparsemax_over(x, x.value.shape().len().saturating_sub(1))
    }
}
