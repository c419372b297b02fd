//! Adam with a rectified variance.

use super::adam::moments;
use super::{Optimizer, State, Step, correction};
use crate::config::{config, described};
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Adam that waits until the mean of squares can be trusted: with `ρ∞ = 2/(1-β₂) - 1` and `ρₜ = ρ∞ - 2t β₂ᵗ/(1-β₂ᵗ)`,
    /// `w ← w - rate · m̂` while `ρₜ ≤ 5`, and from then on `w ← w - rate · m̂ · r · √(1-β₂ᵗ) / (√v + ε)` with
    /// `r = √((ρₜ-4)(ρₜ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρₜ))` and `m̂ = m / (1-β₁ᵗ)`.
    ///
    /// Liu et al. 2020; PyTorch `RAdam`.
    ///
    /// ```
    /// use gradus::optimizers::RAdam;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(RAdam::default(), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct RAdam(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The decay of the mean of gradients.
        beta_1: [Float] = 0.9,
        /// The decay of the mean of squared gradients.
        beta_2: [Float] = 0.999,
        /// What is added to the root.
        epsilon: [Float] = 1e-8,
    }
}

impl Optimizer for RAdam {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let rate = f64::from(step.rate) / correction(self.beta_1, step.number);
        let rectified = self.rectification(step.number).map(|factor| (rate * factor) as Float);
        let rate = rate as Float;
        let Self { beta_1, beta_2, epsilon, .. } = *self;
        state.elementwise(weights, grads, |weights, grads, [mean, variance]| {
            vectorize(|| {
                for (((w, &g), m), v) in weights.iter_mut().zip(grads).zip(mean).zip(variance) {
                    *m += (g - *m) * (1.0 - beta_1);
                    *v += (g * g - *v) * (1.0 - beta_2);
                    *w -= match rectified {
                        Some(rate) => rate * *m / (v.sqrt() + epsilon),
                        None => rate * *m,
                    };
                }
            });
        });
    }

    moments!("RAdam");

    fn is_elementwise(&self) -> bool {
        true
    }
}

impl RAdam {
    /// `r · √(1-β₂ᵗ)`, once the variance is known well enough.
    fn rectification(&self, step: u32) -> Option<f64> {
        let correction = correction(self.beta_2, step);
        let beta = f64::from(self.beta_2);
        let most = 2.0 / (1.0 - beta) - 1.0;
        let now = most - 2.0 * f64::from(step) * (1.0 - correction) / correction;
        let rectification = (now - 4.0) * (now - 2.0) * most / ((most - 4.0) * (most - 2.0) * now);
        (now > 5.0).then(|| (rectification * correction).sqrt())
    }
}
