//! Mish.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;

described! {
    /// Mish: `y = x · tanh(softplus(x))`.
    ///
    /// ```
    /// use gradus::activations::Mish;
    /// use gradus::prelude::*;
    /// let y = Mish.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.0, 1000.0]);
    /// ```
    ///
    /// Misra 2019.
    pub struct Mish;
}

activation! {
    Mish,
    fn value(self, x) { x * math::tanh(math::softplus(x)) }
    fn slope(self, x) {
        let t = math::tanh(math::softplus(x));
        t + x * (1.0 - t * t) * math::sigmoid(x)
    }
    fn by_value(self) { false }
}
