//! The exponential linear unit.

use super::hard::between;
use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;
use crate::tensor::Float;

described! {
    /// Exponential linear unit: `y = x` for positive `x`, else `y = alpha (exp(x) - 1)`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Elu::default().apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-1.0, 0.0, 1000.0]);
    /// ```
    ///
    /// Clevert, Unterthiner & Hochreiter 2016.
    #[derive(Clone, Copy)]
    pub struct Elu(
        /// What negative numbers approach, with the other sign.
        alpha: [Float] = 1.0,
    ) {}
}

activation! {
    Elu,
    fn value(self, x) {
        let below = self.alpha * math::exp_m1(between(Float::NEG_INFINITY, x, 0.0));
        if x > 0.0 { x } else { below }
    }
    fn slope(self, at) {
        let below = if self.by_value() { at + self.alpha } else { self.alpha * math::exp(at) };
        if at > 0.0 { 1.0 } else { below }
    }
    // A negative alpha gives positive values on both sides, which then do not tell their own slope.
    fn by_value(self) { self.alpha >= 0.0 }
}
