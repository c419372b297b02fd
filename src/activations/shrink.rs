//! Functions that pull numbers towards 0.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;
use crate::tensor::Float;

macro_rules! shrink {
    ($(#[$doc:meta])* $name:ident) => {
        described! {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name(
                /// How near to 0 numbers become 0; a negative one counts as 0.
                threshold: [Float] = 0.5,
            ) {}
        }
    };
}

shrink! {
    /// Soft shrinkage: `y = x - threshold` above the threshold, `x + threshold` below `-threshold`, 0 between.
    ///
    /// ```
    /// use gradus::activations::SoftShrink;
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
    /// use gradus::activations::HardShrink;
    /// use gradus::prelude::*;
    /// let y = HardShrink::default().apply(&Tape::inference().input(ndarray::arr1(&[-2.0, 0.25, 2.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-2.0, 0.0, 2.0]);
    /// ```
    ///
    /// Donoho & Johnstone 1994.
    HardShrink
}

described! {
    /// What the hyperbolic tangent leaves: `y = x - tanh(x)`.
    ///
    /// ```
    /// use gradus::activations::TanhShrink;
    /// use gradus::prelude::*;
    /// let y = TanhShrink.apply(&Tape::inference().input(ndarray::arr1(&[-20.0, 0.0, 20.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-19.0, 0.0, 19.0]);
    /// ```
    ///
    /// PyTorch `Tanhshrink`.
    pub struct TanhShrink;
}

activation! {
    SoftShrink,
    fn value(self, x) { x - super::hard::between(-self.threshold.max(0.0), x, self.threshold.max(0.0)) }
    fn slope(self, y) { if y == 0.0 { 0.0 } else { 1.0 } }
    fn by_value(self) { true }
}

activation! {
    HardShrink,
    fn value(self, x) { if x.abs() <= self.threshold.max(0.0) { 0.0 } else { x } }
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
