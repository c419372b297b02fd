//! Adam.

use super::{Optimizer, State, check_factor, check_rate};
use crate::error::{Error, Result};
use crate::kernels::elementwise::{self, AdamStep};
use crate::tensor::Float;

/// Adam: `m ← β₁ m + (1-β₁) g`, `v ← β₂ v + (1-β₂) g²`, `w ← w - rate · √(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε)`.
///
/// Kingma & Ba 2015, section 2's last form, as in Keras: ε is added to the uncorrected root (PyTorch adds it to the
/// corrected one).
///
/// ```
/// use gradus::prelude::*;
/// let model = Dense::new(1).compile(Adam::new(3e-4), MeanSquaredError::default());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Learning rate, 0.001.
    pub learning_rate: Float,
    /// Decay of the mean of gradients, 0.9.
    pub beta_1: Float,
    /// Decay of the mean of squared gradients, 0.999.
    pub beta_2: Float,
    /// Added to the root, 1e-7.
    pub epsilon: Float,
}

impl Adam {
    /// With this learning rate and Keras' defaults for the rest.
    pub fn new(learning_rate: Float) -> Self {
        Self { learning_rate, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }

    /// Sets the decays of the mean of gradients and of squared gradients.
    pub fn betas(mut self, beta_1: Float, beta_2: Float) -> Self {
        (self.beta_1, self.beta_2) = (beta_1, beta_2);
        self
    }

    /// Sets what is added to the root.
    pub fn epsilon(mut self, epsilon: Float) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Optimizer for Adam {
    fn update(&self, step: u32, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let [m, v] = state.slots(weights.len());
        let correct = |beta: Float| 1.0 - f64::from(beta).powi(step.min(i32::MAX as u32) as i32);
        let rate = f64::from(self.learning_rate) * correct(self.beta_2).sqrt() / correct(self.beta_1);
        let step = AdamStep { alpha: rate as Float, beta1: self.beta_1, beta2: self.beta_2, epsilon: self.epsilon };
        elementwise::adam(step, weights, grads, m, v);
    }

    fn learning_rate(&self) -> Option<Float> {
        Some(self.learning_rate)
    }

    fn set_learning_rate(&mut self, rate: Float) -> Result<()> {
        let changed = Self { learning_rate: rate, ..*self };
        changed.check()?;
        *self = changed;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        check_rate("Adam", self.learning_rate)?;
        check_factor("Adam", "beta_1", self.beta_1)?;
        check_factor("Adam", "beta_2", self.beta_2)?;
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return Err(Error::value(format!("Adam: expected epsilon above 0, got {}; 1e-7 is usual", self.epsilon)));
        }
        Ok(())
    }
}
