//! Smooth functions without exponentials.

use super::pointwise::{activation, from_value};
use crate::config::described;
use crate::tensor::Float;

described! {
    /// Softsign: `y = x / (1 + |x|)`.
    ///
    /// ```
    /// use gradus::activations::Softsign;
    /// use gradus::prelude::*;
    /// let y = Softsign.apply(&Tape::inference().input(ndarray::arr1(&[-3.0, 0.0, 1.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-0.75, 0.0, 0.5]);
    /// ```
    ///
    /// Bergstra et al. 2009.
    pub struct Softsign;
}

described! {
    /// Squareplus, a softplus of roots: `y = (x + √(x² + b)) / 2`.
    ///
    /// ```
    /// use gradus::activations::Squareplus;
    /// use gradus::prelude::*;
    /// let y = Squareplus::default().apply(&Tape::inference().input(ndarray::arr1(&[-1.5, 0.0, 1.5])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.5, 1.0, 2.0]);
    /// ```
    ///
    /// Barron 2021.
    #[derive(Clone, Copy)]
    pub struct Squareplus(
        /// How smooth it is: 0 gives the rectifier.
        b: [Float] = 4.0,
    ) {}
}

activation! {
    Softsign,
    fn value(self, x) { x / (1.0 + x.abs()) }
    fn slope(self, x) { (1.0 / (1.0 + x.abs())) * (1.0 / (1.0 + x.abs())) }
    fn by_value(self) { false }
    fn recurrent(self) { Some(from_value(*self, |_, y| (1.0 - y.abs()) * (1.0 - y.abs()))) }
}

impl Squareplus {
    /// `√(x² + b)`, also where the square overflows or vanishes.
    fn root(self, x: Float) -> Float {
        let square = x * x + self.b;
        if square.is_nan() || (Float::MIN_POSITIVE..Float::INFINITY).contains(&square) {
            square.sqrt()
        } else {
            x.abs().max(self.b.sqrt())
        }
    }
}

activation! {
    Squareplus,
    // On the left in another form, whose digits do not cancel.
    fn value(self, x) {
        let root = self.root(x);
        if x < 0.0 { 0.5 * self.b / (x.abs() + root) } else { 0.5 * x + 0.5 * root }
    }
    fn slope(self, x) {
        let root = self.root(x);
        if x < 0.0 {
            0.5 * (self.b / root / (x.abs() + root))
        } else if root == 0.0 || x == Float::INFINITY {
            if x > 0.0 { 1.0 } else { 0.5 }
        } else {
            0.5 + 0.5 * (x / root)
        }
    }
    fn by_value(self) { false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::curve::Curve;

    #[test]
    fn squareplus_is_a_rectifier_far_from_zero_and_without_b() {
        for b in [0.0, 4.0] {
            let curve = Squareplus::new(b);
            for x in [1e20, Float::MAX, Float::INFINITY] {
                assert_eq!((curve.value(x), curve.slope(x)), (x, 1.0), "{x} {b}");
                let (below, slope) = (curve.value(-x), curve.slope(-x));
                assert!((0.0..1e-19).contains(&below) && (0.0..1e-19).contains(&slope), "{below} {slope}");
            }
        }
        let rectifier = Squareplus::new(0.0);
        let tiny = Float::MIN_POSITIVE.sqrt() / 16.0;
        assert_eq!((rectifier.value(tiny), rectifier.slope(tiny)), (tiny, 1.0));
        assert_eq!((rectifier.value(-tiny), rectifier.slope(-tiny)), (0.0, 0.0));
        assert_eq!((rectifier.value(0.0), rectifier.slope(0.0)), (0.0, 0.5));
        assert!(rectifier.value(Float::NAN).is_nan() && rectifier.slope(Float::NAN).is_nan());
    }
}
