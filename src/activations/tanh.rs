//! The hyperbolic tangent.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;

described! {
    /// Hyperbolic tangent: `y = tanh(x)`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Tanh.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-1.0, 0.0, 1.0]);
    /// ```
    ///
    /// Its slope is taken from the value, `1 - y²`, as in PyTorch and Keras: 0 beyond 9, where `y` is 1 to the last bit.
    ///
    /// LeCun et al. 1998, "Efficient BackProp".
    pub struct Tanh;
}

activation! {
    Tanh,
    fn value(self, x) { math::tanh(x) }
    fn slope(self, y) { 1.0 - y * y }
    fn by_value(self) { true }
}
