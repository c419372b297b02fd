//! The exponential.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;

described! {
    /// Exponential: `y = exp(x)`.
    ///
    /// ```
    /// use gradus::activations::Exponential;
    /// use gradus::prelude::*;
    /// let y = Exponential.apply(&Tape::inference().input(ndarray::arr1(&[0.0, 1.0])));
    /// assert!((y.value()[1] - 2.718_281_8).abs() < 1e-6);
    /// ```
    pub struct Exponential;
}

activation! {
    Exponential,
    fn value(self, x) { math::exp(x) }
    fn slope(self, y) { y }
    fn by_value(self) { true }
}
