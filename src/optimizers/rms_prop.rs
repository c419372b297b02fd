//! Gradients over the root of their mean squares.

use super::{Optimizer, State, Step, check_epsilon, check_factor, check_rate, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Gradients over the root of their mean squares: `v ← ρ v + (1-ρ) g²`, `w ← w - rate · g / √(v + ε)`; centred, `v`
    /// less the square of the mean gradient is under the root; with momentum, `b ← momentum · b + rate · g / √…`, `w ← w - b`.
    ///
    /// Keras' form; PyTorch adds ε to the root ([`RmsProp::epsilon_in_root`]).
    ///
    /// Tieleman & Hinton 2012; Graves 2013 for the centred form.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(RmsProp::new(0.01).momentum(0.9), MeanSquaredError::default());
    /// ```
    #[doc(alias = "RMSprop")]
    #[derive(Clone, Copy)]
    pub struct RmsProp(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The decay of the mean of squared gradients.
        rho: [Float] = 0.9,
        /// The share of the last step that is made again.
        momentum: [Float] = 0.0,
        /// What keeps the divisor from 0.
        epsilon: [Float] = 1e-7,
        /// Whether to divide by the deviation from the mean gradient.
        centered: [bool] = false,
        /// Whether ε is under the root, as in Keras; in PyTorch it is added to the root.
        epsilon_in_root: [bool] = true,
    }
}

impl Optimizer for RmsProp {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let (rate, Self { rho, momentum, .. }) = (step.rate, *self);
        let (inside, outside) = if self.epsilon_in_root { (self.epsilon, 0.0) } else { (0.0, self.epsilon) };
        if !self.centered && momentum == 0.0 {
            return state.elementwise(weights, grads, |weights, grads, [squares]| {
                vectorize(|| {
                    for ((w, &g), v) in weights.iter_mut().zip(grads).zip(squares) {
                        *v = rho * *v + (1.0 - rho) * g * g;
                        *w -= rate * g / ((*v + inside).sqrt() + outside);
                    }
                });
            });
        }
        // What is not centred has a mean that stays 0.
        let mean_share = if self.centered { 1.0 - rho } else { 0.0 };
        state.elementwise(weights, grads, |weights, grads, [squares, steps, means]| {
            vectorize(|| {
                for ((((w, &g), v), mean), b) in weights.iter_mut().zip(grads).zip(squares).zip(means).zip(steps) {
                    *v = rho * *v + (1.0 - rho) * g * g;
                    *mean = rho * *mean + mean_share * g;
                    // Rounding must not take the deviation below 0.
                    let deviation = *v - *mean * *mean;
                    let deviation = if deviation > 0.0 { deviation } else { 0.0 };
                    *b = momentum * *b + rate * g / ((deviation + inside).sqrt() + outside);
                    *w -= *b;
                }
            });
        });
    }

    learning_rate!();

    fn is_elementwise(&self) -> bool {
        true
    }

    fn stays_finite(&self) -> bool {
        self.epsilon >= 1e-9
    }

    fn check(&self) -> Result<()> {
        check_rate("RmsProp", self.learning_rate)?;
        check_factor("RmsProp", "rho", self.rho)?;
        check_factor("RmsProp", "momentum", self.momentum)?;
        check_epsilon("RmsProp", "epsilon", self.epsilon)
    }
}
