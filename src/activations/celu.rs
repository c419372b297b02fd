//! Exponential linear units with other constants.

use super::hard::between;
use super::pointwise::{activation, from_value};
use crate::config::described;
use crate::kernels::math;
use crate::tensor::Float;

described! {
    /// Scaled exponential linear unit: `y = scale · x` for positive `x`, else `y = scale · alpha (exp(x) - 1)`, with the
    /// constants that keep mean 0 and variance 1 from layer to layer. For kernels of `LecunNormal`. Its slope at 0 is `scale`, as
    /// in Keras; PyTorch has `scale · alpha` there.
    ///
    /// ```
    /// use gradus::activations::Selu;
    /// use gradus::prelude::*;
    /// let y = Selu.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 1.0])));
    /// assert!((y.value()[0] + 1.758_099_3).abs() < 1e-6 && (y.value()[1] - 1.050_701).abs() < 1e-6);
    /// ```
    ///
    /// Klambauer et al. 2017.
    pub struct Selu;
}

const SCALE: Float = 1.050_700_987_355_480_493_419_334_985_294_6;
const ALPHA: Float = 1.673_263_242_354_377_284_817_042_991_671_7;

described! {
    /// Continuously differentiable exponential linear unit: `y = x` for positive `x`, else `y = alpha (exp(x / alpha) - 1)`.
    ///
    /// ```
    /// use gradus::activations::Celu;
    /// use gradus::prelude::*;
    /// let y = Celu::new(2.0).apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 3.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-2.0, 3.0]);
    /// ```
    ///
    /// Barron 2017.
    #[derive(Clone, Copy)]
    pub struct Celu(
        /// What negative numbers approach, with the other sign.
        alpha: [Float] = 1.0,
    ) {}
}

activation! {
    Selu,
    fn value(self, x) {
        let below = ALPHA * math::exp_m1(between(Float::NEG_INFINITY, x, 0.0));
        SCALE * if x > 0.0 { x } else { below }
    }
    fn slope(self, x) {
        let below = SCALE * ALPHA * math::exp(between(Float::NEG_INFINITY, x, 0.0));
        if x < 0.0 { below } else { SCALE }
    }
    fn by_value(self) { false }
    fn recurrent(self) { Some(from_value(*self, |_, y| if y < 0.0 { y + SCALE * ALPHA } else { SCALE })) }
}

activation! {
    Celu,
    fn value(self, x) {
        let below = self.alpha * math::exp_m1(between(Float::NEG_INFINITY, x, 0.0) / self.alpha);
        if x > 0.0 { x } else { below }
    }
    fn slope(self, x) {
        let below = math::exp(between(Float::NEG_INFINITY, x, 0.0) / self.alpha);
        if x > 0.0 { 1.0 } else { below }
    }
    fn by_value(self) { false }
    fn recurrent(self) {
        (self.alpha > 0.0).then(|| from_value(*self, |celu, y| if y > 0.0 { 1.0 } else { 1.0 + y / celu.alpha }))
    }
}
