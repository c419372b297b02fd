//! Functions that pull numbers towards 0.

use super::pointwise::activation;
use crate::kernels::math;
use crate::tensor::Float;

macro_rules! shrink {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            threshold: Float,
        }

        impl $name {
            /// With this threshold; 0.5 by default, and 0 if it is negative.
            pub fn new(threshold: Float) -> Self {
                Self { threshold: if threshold < 0.0 { 0.0 } else { threshold } }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new(0.5)
            }
        }
    };
}

shrink! {
    /// Soft shrinkage: `y = x - threshold` above the threshold, `x + threshold` below `-threshold`, 0 between.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = SoftShrink::default().apply(&Tape::inference().input(ndarray::arr1(&[-2.0, 0.25, 2.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-1.5, 0.0, 1.5]);
    /// ```
    ///
    /// Donoho & Johnstone 1994.
    SoftShrink
}

shrink! {
    /// Hard shrinkage: `y = x` where `|x|` is above the threshold, else 0.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = HardShrink::default().apply(&Tape::inference().input(ndarray::arr1(&[-2.0, 0.25, 2.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-2.0, 0.0, 2.0]);
    /// ```
    ///
    /// Donoho & Johnstone 1994.
    HardShrink
}

/// What the hyperbolic tangent leaves: `y = x - tanh(x)`.
///
/// ```
/// use gradus::prelude::*;
/// let y = TanhShrink.apply(&Tape::inference().input(ndarray::arr1(&[-20.0, 0.0, 20.0])));
/// assert_eq!(y.value().as_slice().unwrap(), [-19.0, 0.0, 19.0]);
/// ```
///
/// PyTorch `Tanhshrink`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TanhShrink;

activation! {
    SoftShrink,
    fn value(self, x) { x - super::hard::between(-self.threshold, x, self.threshold) }
    fn slope(self, y) { if y == 0.0 { 0.0 } else { 1.0 } }
    fn by_value(self) { true }
}

activation! {
    HardShrink,
    fn value(self, x) { if x.abs() <= self.threshold { 0.0 } else { x } }
    fn slope(self, y) { if y == 0.0 { 0.0 } else { 1.0 } }
    fn by_value(self) { true }
}

activation! {
    TanhShrink,
    fn value(self, x) { x - math::tanh(x) }
    fn slope(self, x) {
        let t = math::tanh(x);
        t * t
    }
    fn by_value(self) { false }
}
