//! Adam with the greatest gradient.

use super::adam::check_moments;
use super::{Optimizer, State, Step, correction, learning_rate, setters};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

/// Adam with a decaying maximum in place of the root of mean squares: `m ← β₁ m + (1-β₁) g`, `u ← max(β₂ u, |g|)`,
/// `w ← w - rate / (1-β₁ᵗ) · m / (u + ε)`.
///
/// Kingma & Ba 2015, section 7.1; Keras `Adamax`.
///
/// ```
/// use gradus::prelude::*;
/// let model = Dense::new(1).compile(Adamax::default(), MeanSquaredError::default());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Adamax {
    /// Learning rate, 0.001.
    pub learning_rate: Float,
    /// Decay of the mean of gradients, 0.9.
    pub beta_1: Float,
    /// Decay of the greatest gradient, 0.999.
    pub beta_2: Float,
    /// Added to the divisor, 1e-7.
    pub epsilon: Float,
}

impl Adamax {
    /// Creates the optimizer with this learning rate and the usual settings for the rest.
    pub fn new(learning_rate: Float) -> Self {
        Self { learning_rate, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }

    setters! {
        /// Sets the decay of the mean of gradients.
        beta_1: Float;
        /// Sets the decay of the greatest gradient.
        beta_2: Float;
        /// Sets what is added to the divisor.
        epsilon: Float;
    }
}

impl Default for Adamax {
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Optimizer for Adamax {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let [mean, greatest] = state.slots(weights.len());
        let alpha = (f64::from(step.rate) / correction(self.beta_1, step.number)) as Float;
        let Self { beta_1, beta_2, epsilon, .. } = *self;
        vectorize(|| {
            for (((w, &g), m), u) in weights.iter_mut().zip(grads).zip(mean).zip(greatest) {
                *m += (g - *m) * (1.0 - beta_1);
                *u = if beta_2 * *u > g.abs() { beta_2 * *u } else { g.abs() };
                *w -= alpha * *m / (*u + epsilon);
            }
        });
    }

    learning_rate!();

    fn check(&self) -> Result<()> {
        check_moments("Adamax", self.learning_rate, self.beta_1, self.beta_2, self.epsilon)
    }
}
