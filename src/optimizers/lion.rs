//! The sign of a momentum.

use super::{Optimizer, State, Step, check_factor, check_rate, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// The sign of a momentum: `w ← w - rate · sign(β₁ m + (1-β₁) g)`, then `m ← β₂ m + (1-β₂) g`.
    ///
    /// All weights move by the rate, which wants to be 3 to 10 times smaller than Adam's, and the weight decay as much larger.
    ///
    /// Chen et al. 2023; Keras `Lion`.
    ///
    /// ```
    /// use gradus::optimizers::Lion;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Lion::new(1e-4).weight_decay(0.1), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Lion(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The share of the momentum in the direction.
        beta_1: [Float] = 0.9,
        /// The decay of the momentum.
        beta_2: [Float] = 0.99,
    }
}

impl Optimizer for Lion {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let (rate, Self { beta_1, beta_2, .. }) = (step.rate, *self);
        state.elementwise(weights, grads, |weights, grads, [momentum]| {
            vectorize(|| {
                for ((w, &g), m) in weights.iter_mut().zip(grads).zip(momentum) {
                    let direction = beta_1 * *m + (1.0 - beta_1) * g;
                    *w -= if direction == 0.0 { 0.0 } else { rate.copysign(direction) };
                    *m = beta_2 * *m + (1.0 - beta_2) * g;
                }
            });
        });
    }

    learning_rate!();

    fn is_elementwise(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("Lion", self.learning_rate)?;
        check_factor("Lion", "beta_1", self.beta_1)?;
        check_factor("Lion", "beta_2", self.beta_2)
    }
}
