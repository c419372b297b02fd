//! The smooth rectifier.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;

described! {
    /// Smooth rectifier: `y = ln(1 + exp(x))`, computed as `max(x, 0) + ln(1 + exp(-|x|))`.
    ///
    /// ```
    /// use gradus::activations::Softplus;
    /// use gradus::prelude::*;
    /// let y = Softplus.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 1000.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 1000.0]);
    /// ```
    ///
    /// Dugas et al. 2001.
    pub struct Softplus;
}

activation! {
    Softplus,
    fn value(self, x) { math::softplus(x) }
    fn slope(self, y) { -math::exp_m1(-y) }
    fn by_value(self) { true }
}
