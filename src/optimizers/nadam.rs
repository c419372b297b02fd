//! Adam with Nesterov's look ahead.

use super::adam::moments;
use super::{Optimizer, State, Step, correction};
use crate::config::{config, described};
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Adam with Nesterov's look ahead. With `μₜ = β₁ (1 - 0.96ᵗ / 2)`, `Πₜ = μ₁ … μₜ` and the means `m` and `v` of Adam:
    /// `w ← w - rate · (μₜ₊₁ m / (1-Πₜ₊₁) + (1-μₜ) g / (1-Πₜ)) / (√(v / (1-β₂ᵗ)) + ε)`.
    ///
    /// Dozat 2016; Keras `Nadam`.
    ///
    /// ```
    /// use gradus::optimizers::Nadam;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Nadam::default(), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Nadam(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The decay of the mean of gradients.
        beta_1: [Float] = 0.9,
        /// The decay of the mean of squared gradients.
        beta_2: [Float] = 0.999,
        /// What is added to the root.
        epsilon: [Float] = 1e-7,
    }
}

impl Optimizer for Nadam {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let rate = f64::from(step.rate);
        let (now, next) = (self.share(step.number), self.share(step.number.saturating_add(1)));
        let product = self.product(step.number);
        let from_mean = (rate * next / (1.0 - product * next)) as Float;
        let from_gradient = (rate * (1.0 - now) / (1.0 - product)) as Float;
        let root = (1.0 / correction(self.beta_2, step.number)) as Float;
        let Self { beta_1, beta_2, epsilon, .. } = *self;
        state.elementwise(weights, grads, |weights, grads, [mean, variance]| {
            vectorize(|| {
                for (((w, &g), m), v) in weights.iter_mut().zip(grads).zip(mean).zip(variance) {
                    *m += (g - *m) * (1.0 - beta_1);
                    *v += (g * g - *v) * (1.0 - beta_2);
                    *w -= (from_mean * *m + from_gradient * g) / ((*v * root).sqrt() + epsilon);
                }
            });
        });
    }

    moments!("Nadam");

    fn is_elementwise(&self) -> bool {
        true
    }
}

impl Nadam {
    /// `μₜ`
    fn share(&self, step: u32) -> f64 {
        f64::from(self.beta_1) * (1.0 - 0.5 * 0.96_f64.powf(f64::from(step)))
    }

    /// `Πₜ`, which is computed and not remembered; a product this small is 0 compared to 1.
    fn product(&self, step: u32) -> f64 {
        let mut product = 1.0;
        for i in 1..=step {
            product *= self.share(i);
            if product < 1e-20 {
                return 0.0;
            }
        }
        product
    }
}
