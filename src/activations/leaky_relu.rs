//! The rectifier with a slope on its left.

use super::pointwise::activation;
use crate::config::described;
use crate::tensor::Float;

described! {
    /// Leaky rectifier: `y = x` for positive `x`, else `y = slope · x`; the derivative at 0 is `slope`.
    ///
    /// The default slope is 0.3, that of Keras 3's `LeakyReLU` layer; its function `leaky_relu` has 0.2, PyTorch's
    /// `LeakyReLU` 0.01.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr1(&[-2.0, 2.0]));
    /// assert_eq!(LeakyRelu::new(0.5).apply(&x).value().as_slice().unwrap(), [-1.0, 2.0]);
    /// assert_eq!(LeakyRelu::default().negative_slope, 0.3);
    /// ```
    ///
    /// Maas, Hannun & Ng 2013.
    #[derive(Clone, Copy)]
    pub struct LeakyRelu(
        /// The slope for negative numbers.
        negative_slope: [Float] = 0.3,
    ) {}
}

activation! {
    LeakyRelu,
    fn value(self, x) { if x > 0.0 { x } else { self.negative_slope * x } }
    fn slope(self, at) { if at > 0.0 { 1.0 } else { self.negative_slope } }
    // A negative slope gives positive values on both sides, which then do not tell their own slope.
    fn by_value(self) { self.negative_slope >= 0.0 }
}
