//! Adam.

use super::{Optimizer, State, Step, check_epsilon, check_factor, check_rate, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::{
    elementwise::{self, AdamStep},
    simd::vectorize,
};
use crate::tensor::Float;

described! {
    /// Adam: `m ← β₁ m + (1-β₁) g`, `v ← β₂ v + (1-β₂) g²`, `w ← w - rate · √(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε)`.
    ///
    /// Kingma & Ba 2015, section 2's last form, as in Keras: ε is added to the uncorrected root (PyTorch adds it to the
    /// corrected one). With AMSGrad (Reddi, Kale & Kumar 2018) the greatest `v` so far takes the place of `v`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Adam::new(3e-4), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Adam(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The decay of the mean of gradients.
        beta_1: [Float] = 0.9,
        /// The decay of the mean of squared gradients.
        beta_2: [Float] = 0.999,
        /// What is added to the root.
        epsilon: [Float] = 1e-7,
        /// Whether to divide by the greatest mean of squares so far.
        amsgrad: [bool] = false,
    }
}

impl Adam {
    /// Sets the decays of the mean of gradients and of squared gradients.
    #[must_use]
    pub fn betas(mut self, beta_1: Float, beta_2: Float) -> Self {
        (self.beta_1, self.beta_2) = (beta_1, beta_2);
        self
    }

    pub(super) fn check_as(&self, name: &str) -> Result<()> {
        check_moments(name, self.learning_rate, self.beta_1, self.beta_2, self.epsilon)
    }
}

impl Optimizer for Adam {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let constants = AdamStep {
            alpha: step.corrected_rate(self.beta_1, self.beta_2),
            beta1: self.beta_1,
            beta2: self.beta_2,
            epsilon: self.epsilon,
        };
        if self.amsgrad {
            return state.elementwise(weights, grads, |weights, grads, [m, v, greatest]| {
                amsgrad(constants, weights, grads, m, v, greatest);
            });
        }
        state.elementwise(weights, grads, |weights, grads, [m, v]| elementwise::adam(constants, weights, grads, m, v));
    }

    learning_rate!();

    fn stays_finite(&self) -> bool {
        // A mean of 1e19 at a corrected rate of 1e9 over this.
        self.epsilon >= 1e-9
    }

    fn is_elementwise(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.check_as("Adam")
    }
}

fn amsgrad(
    step: AdamStep,
    weights: &mut [Float],
    grads: &[Float],
    mean: &mut [Float],
    variance: &mut [Float],
    greatest: &mut [Float],
) {
    let AdamStep { alpha, beta1, beta2, epsilon } = step;
    vectorize(|| {
        for ((((w, &g), m), v), greatest) in weights.iter_mut().zip(grads).zip(mean).zip(variance).zip(greatest) {
            *m += (g - *m) * (1.0 - beta1);
            *v += (g * g - *v) * (1.0 - beta2);
            *greatest = if *v > *greatest { *v } else { *greatest };
            *w -= alpha * *m / (greatest.sqrt() + epsilon);
        }
    });
}

/// The settings of all that keep a mean of gradients and one of their squares.
pub(super) fn check_moments(name: &str, rate: Float, beta_1: Float, beta_2: Float, epsilon: Float) -> Result<()> {
    check_rate(name, rate)?;
    check_factor(name, "beta_1", beta_1)?;
    check_factor(name, "beta_2", beta_2)?;
    check_epsilon(name, "epsilon", epsilon)
}

/// The methods of an optimizer with a learning rate, `beta_1`, `beta_2` and `epsilon`.
macro_rules! moments {
    ($name:literal) => {
        $crate::optimizers::learning_rate!();

        fn check(&self) -> $crate::error::Result<()> {
            $crate::optimizers::adam::check_moments($name, self.learning_rate, self.beta_1, self.beta_2, self.epsilon)
        }
    };
}
pub(super) use moments;
