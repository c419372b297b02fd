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

activation! {
    Squareplus,
    // On the left in another form, whose digits do not cancel.
    fn value(self, x) {
        let reach = x.abs() + (x * x + self.b).sqrt();
        if x < 0.0 { 0.5 * self.b / reach } else { 0.5 * reach }
    }
    fn slope(self, x) {
        let root = (x * x + self.b).sqrt();
        let reach = x.abs() + root;
        0.5 * if x < 0.0 { self.b / (root * reach) } else { reach / root }
    }
    fn by_value(self) { false }
}
