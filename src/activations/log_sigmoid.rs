//! The logarithm of the logistic function.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;

described! {
    /// Logarithm of the sigmoid: `y = ln(1 / (1 + exp(-x)))`, computed without overflow on both sides.
    ///
    /// ```
    /// use gradus::activations::LogSigmoid;
    /// use gradus::prelude::*;
    /// let y = LogSigmoid.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 1000.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-1000.0, 0.0]);
    /// ```
    pub struct LogSigmoid;
}

activation! {
    LogSigmoid,
    fn value(self, x) { -math::softplus(-x) }
    fn slope(self, y) { -math::exp_m1(y) }
    fn by_value(self) { true }
}
