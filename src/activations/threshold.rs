//! The threshold.

use super::pointwise::activation;
use crate::tensor::Float;

/// Threshold: `y = x` above it, else `y = value`.
///
/// ```
/// use gradus::prelude::*;
/// let y = Threshold::new(1.0, -5.0).apply(&Tape::inference().input(ndarray::arr1(&[0.5, 1.0, 2.0])));
/// assert_eq!(y.value().as_slice().unwrap(), [-5.0, -5.0, 2.0]);
/// ```
///
/// Keras and PyTorch `Threshold`.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    /// Above it numbers stay as they are.
    pub threshold: Float,
    /// What the others become.
    pub value: Float,
}

impl Threshold {
    /// With this threshold, and this value for numbers that are not above it.
    pub fn new(threshold: Float, value: Float) -> Self {
        Self { threshold, value }
    }
}

activation! {
    Threshold,
    fn value(self, x) { if x > self.threshold { x } else { self.value } }
    fn slope(self, at) { if at > self.threshold { 1.0 } else { 0.0 } }
    // A value above the threshold would not tell where it came from.
    fn by_value(self) { self.value <= self.threshold }
}
