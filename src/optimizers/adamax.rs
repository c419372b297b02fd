//! Adam with the greatest gradient.

use super::adam::moments;
use super::{Optimizer, State, Step, correction};
use crate::config::{config, described};
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Adam with a decaying maximum in place of the root of mean squares: `m ← β₁ m + (1-β₁) g`, `u ← max(β₂ u, |g|)`,
    /// `w ← w - rate / (1-β₁ᵗ) · m / (u + ε)`.
    ///
    /// Kingma & Ba 2015, section 7.1; Keras `Adamax`.
    ///
    /// ```
    /// use gradus::optimizers::Adamax;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Adamax::default(), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Adamax(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The decay of the mean of gradients.
        beta_1: [Float] = 0.9,
        /// The decay of the greatest gradient.
        beta_2: [Float] = 0.999,
        /// What is added to the divisor.
        epsilon: [Float] = 1e-7,
    }
}

impl Optimizer for Adamax {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let alpha = (f64::from(step.rate) / correction(self.beta_1, step.number)) as Float;
        let Self { beta_1, beta_2, epsilon, .. } = *self;
        state.elementwise(weights, grads, |weights, grads, [mean, greatest]| {
            vectorize(|| {
                for (((w, &g), m), u) in weights.iter_mut().zip(grads).zip(mean).zip(greatest) {
                    *m += (g - *m) * (1.0 - beta_1);
                    *u = if beta_2 * *u > g.abs() { beta_2 * *u } else { g.abs() };
                    *w -= alpha * *m / (*u + epsilon);
                }
            });
        });
    }

    moments!("Adamax");

    fn is_elementwise(&self) -> bool {
        true
    }
}
