//! The sigmoid linear unit.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;

described! {
    /// Sigmoid linear unit, also called swish: `y = x · sigmoid(x)`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Silu.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.0, 1000.0]);
    /// ```
    ///
    /// Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017.
    #[doc(alias = "Swish")]
    pub struct Silu;
}

activation! {
    Silu,
    fn value(self, x) { x * math::sigmoid(x) }
    fn slope(self, x) {
        let s = math::sigmoid(x);
        s * (1.0 + x * (1.0 - s))
    }
    fn by_value(self) { false }
}
