//! Gradient descent.

use super::{Optimizer, State, Step, check_rate, learning_rate};
use crate::error::Result;
use crate::tensor::Float;

/// Gradient descent: `w ← w - rate · g`. The default rate is 0.01, as in Keras.
///
/// ```
/// use gradus::prelude::*;
/// let model = Dense::new(1).compile(Sgd::new(0.1), MeanSquaredError::default());
/// ```
#[doc(alias = "GradientDescent")]
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// Learning rate, 0.01.
    pub learning_rate: Float,
}

impl Sgd {
    /// Creates the optimizer with this learning rate.
    pub fn new(learning_rate: Float) -> Self {
        Self { learning_rate }
    }
}

impl Default for Sgd {
    fn default() -> Self {
        Self::new(0.01)
    }
}

impl Optimizer for Sgd {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], _: &mut State) {
        for (w, g) in weights.iter_mut().zip(grads) {
            *w -= step.rate * g;
        }
    }

    learning_rate!();

    fn stays_finite(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("Sgd", self.learning_rate)
    }
}
