//! Sigmoid functions out of straight lines.

use super::pointwise::activation;
use crate::config::described;
use crate::tensor::Float;

described! {
    /// Hard sigmoid: `y = min(max(x / 6 + 1/2, 0), 1)`, as Keras 3 and PyTorch have it.
    ///
    /// ```
    /// use gradus::activations::HardSigmoid;
    /// use gradus::prelude::*;
    /// let y = HardSigmoid.apply(&Tape::inference().input(ndarray::arr1(&[-4.0, 0.0, 1.5, 4.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.5, 0.75, 1.0]);
    /// ```
    ///
    /// Courbariaux, Bengio & David 2015; Howard et al. 2019 for these constants.
    pub struct HardSigmoid;
}

described! {
    /// Hard SiLU, also called hard swish: `y = x · hard_sigmoid(x)`.
    ///
    /// ```
    /// use gradus::activations::HardSilu;
    /// use gradus::prelude::*;
    /// let y = HardSilu.apply(&Tape::inference().input(ndarray::arr1(&[-4.0, 0.0, 1.5, 4.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.0, 1.125, 4.0]);
    /// ```
    ///
    /// Howard et al. 2019, "Searching for MobileNetV3".
    #[doc(alias = "HardSwish")]
    pub struct HardSilu;
}

described! {
    /// Hard hyperbolic tangent: `y = min(max(x, -1), 1)`.
    ///
    /// ```
    /// use gradus::activations::HardTanh;
    /// use gradus::prelude::*;
    /// let y = HardTanh.apply(&Tape::inference().input(ndarray::arr1(&[-4.0, 0.5, 4.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-1.0, 0.5, 1.0]);
    /// ```
    ///
    /// Collobert 2004.
    pub struct HardTanh;
}

/// `x`, but not below `low` nor above `high`; NaN stays NaN.
#[inline(always)]
pub(super) fn between(low: Float, x: Float, high: Float) -> Float {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// 1 inside of an interval, 0 outside of it and at its ends.
#[inline(always)]
pub(super) fn inside(low: Float, x: Float, high: Float) -> Float {
    if (x > low) & (x < high) { 1.0 } else { 0.0 }
}

#[inline(always)]
fn hard_sigmoid(x: Float) -> Float {
    between(0.0, x + 3.0, 6.0) / 6.0
}

activation! {
    HardSigmoid,
    fn value(self, x) { hard_sigmoid(x) }
    fn slope(self, y) { inside(0.0, y, 1.0) / 6.0 }
    fn by_value(self) { true }
}

activation! {
    HardSilu,
    fn value(self, x) { x * hard_sigmoid(x) }
    fn slope(self, x) { hard_sigmoid(x) + x * inside(-3.0, x, 3.0) / 6.0 }
    fn by_value(self) { false }
}

activation! {
    HardTanh,
    fn value(self, x) { between(-1.0, x, 1.0) }
    fn slope(self, y) { inside(-1.0, y, 1.0) }
    fn by_value(self) { true }
}
