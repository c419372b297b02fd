//! Rectifiers with options.

use super::Relu;
use super::hard::{between, inside};
use super::pointwise::activation;
use crate::config::described;
use crate::tensor::Float;

described! {
    /// Rectifier that stops at 6: `y = min(max(x, 0), 6)`.
    ///
    /// ```
    /// use gradus::activations::Relu6;
    /// use gradus::prelude::*;
    /// let y = Relu6.apply(&Tape::inference().input(ndarray::arr1(&[-1.0, 2.0, 8.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 2.0, 6.0]);
    /// ```
    ///
    /// Krizhevsky 2010.
    pub struct Relu6;
}

described! {
    /// Rectifier with all of Keras' options: `y = x` above the threshold, else `y = negative_slope (x - threshold)`, and
    /// nowhere more than `max_value`. Made by [`Relu::max_value`], [`Relu::negative_slope`] or [`Relu::threshold`].
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr1(&[-2.0, 0.5, 2.0, 9.0]));
    /// let y = Relu::threshold(1.0).negative_slope(0.5).max_value(4.0).apply(&x);
    /// assert_eq!(y.value().as_slice().unwrap(), [-1.5, -0.25, 2.0, 4.0]);
    /// ```
    #[derive(Clone, Copy)]
    pub struct ReluWith {
        /// The greatest value.
        max_value: [Float] = Float::INFINITY,
        /// The slope up to the threshold.
        negative_slope: [Float] = 0.0,
        /// Numbers up to it are below.
        threshold: [Float] = 0.0,
    }
}

impl Relu {
    /// Creates a rectifier with this greatest value.
    pub fn max_value(max_value: Float) -> ReluWith {
        ReluWith::default().max_value(max_value)
    }

    /// Creates a rectifier with this slope up to the threshold.
    pub fn negative_slope(slope: Float) -> ReluWith {
        ReluWith::default().negative_slope(slope)
    }

    /// Creates a rectifier with this threshold.
    pub fn threshold(threshold: Float) -> ReluWith {
        ReluWith::default().threshold(threshold)
    }
}

activation! {
    Relu6,
    fn value(self, x) { between(0.0, x, 6.0) }
    fn slope(self, y) { inside(0.0, y, 6.0) }
    fn by_value(self) { true }
}

activation! {
    ReluWith,
    fn value(self, x) {
        let y = if x > self.threshold { x } else { self.negative_slope * (x - self.threshold) };
        if y > self.max_value { self.max_value } else { y }
    }
    fn slope(self, x) {
        let y = if x > self.threshold { x } else { self.negative_slope * (x - self.threshold) };
        let slope = if x > self.threshold { 1.0 } else { self.negative_slope };
        if y >= self.max_value { 0.0 } else { slope }
    }
    fn by_value(self) { false }
}
