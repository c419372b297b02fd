//! Gradient descent with momentum.

use super::{Optimizer, State, Step, check_factor, check_rate, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Gradient descent with momentum: `v ← momentum · v - rate · g`, `w ← w + v`; with Nesterov's look ahead
    /// `w ← w + momentum · v - rate · g`. Keras' form, in which the rate is part of the velocity.
    ///
    /// Without the rate in the velocity, as in PyTorch: `v ← momentum · v - g`, `w ← w + rate · v`. The two differ only
    /// where the rate changes.
    ///
    /// Polyak 1964; Nesterov 1983; Sutskever et al. 2013.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Momentum::new(0.1).nesterov(true), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Momentum(
        /// The learning rate.
        learning_rate: [Float] = 0.01,
    ) {
        /// The share of the velocity that survives a step.
        momentum: [Float] = 0.9,
        /// Whether to look ahead.
        nesterov: [bool] = false,
        /// Whether the velocity contains the rate, as in Keras; in PyTorch it does not.
        rate_in_velocity: [bool] = true,
        /// The share of the gradient that does not enter the velocity, from the second step on.
        dampening: [Float] = 0.0,
    }
}

impl Optimizer for Momentum {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let momentum = self.momentum;
        let entering = if step.number > 1 { 1.0 - self.dampening } else { 1.0 };
        let (inside, outside) = if self.rate_in_velocity { (step.rate, 1.0) } else { (1.0, step.rate) };
        // What the gradient adds, beside the velocity.
        let (share, ahead) = if self.nesterov { (momentum, inside) } else { (1.0, 0.0) };
        state.elementwise(weights, grads, |weights, grads, [velocity]| {
            vectorize(|| {
                for ((w, g), v) in weights.iter_mut().zip(grads).zip(velocity) {
                    *v = momentum * *v - inside * entering * g;
                    *w += outside * (share * *v - ahead * g);
                }
            });
        });
    }

    learning_rate!();

    fn is_elementwise(&self) -> bool {
        true
    }

    fn stays_finite(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("Momentum", self.learning_rate)?;
        check_factor("Momentum", "momentum", self.momentum)?;
        check_factor("Momentum", "dampening", self.dampening)
    }
}
