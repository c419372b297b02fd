//! The threshold.

use super::pointwise::activation;
use crate::config::described;
use crate::tensor::Float;

described! {
    /// Threshold: `y = x` above it, else `y = value`.
    ///
    /// ```
    /// use gradus::activations::Threshold;
    /// use gradus::prelude::*;
    /// let y = Threshold::new(1.0, -5.0).apply(&Tape::inference().input(ndarray::arr1(&[0.5, 1.0, 2.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-5.0, -5.0, 2.0]);
    /// ```
    ///
    /// Keras and PyTorch `Threshold`.
    #[derive(Clone, Copy)]
    pub struct Threshold(
        /// Above it numbers stay as they are.
        threshold: [Float],
        /// What the others become.
        value: [Float],
    ) {}
}

activation! {
    Threshold,
    fn value(self, x) { if x > self.threshold { x } else { self.value } }
    fn slope(self, at) { if at > self.threshold { 1.0 } else { 0.0 } }
    // A value above the threshold would not tell where it came from.
    fn by_value(self) { self.value <= self.threshold }
}
