//! Gradients over the root of their mean squares.

use super::{Optimizer, State, Step, check_epsilon, check_factor, check_rate, learning_rate, setters};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

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
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    /// Learning rate, 0.001.
    pub learning_rate: Float,
    /// Decay of the mean of squared gradients, 0.9.
    pub rho: Float,
    /// Share of the last step that is made again, 0.
    pub momentum: Float,
    /// Keeps the divisor from 0, 1e-7.
    pub epsilon: Float,
    /// Whether to divide by the deviation from the mean gradient, no.
    pub centered: bool,
    /// Whether ε is under the root, yes.
    pub epsilon_in_root: bool,
}

impl RmsProp {
    /// Creates the optimizer with this learning rate and Keras' defaults for the rest.
    pub fn new(learning_rate: Float) -> Self {
        Self { learning_rate, rho: 0.9, momentum: 0.0, epsilon: 1e-7, centered: false, epsilon_in_root: true }
    }

    setters! {
        /// Sets the decay of the mean of squared gradients.
        rho: Float;
        /// Sets the share of the last step that is made again.
        momentum: Float;
        /// Sets what keeps the divisor from 0.
        epsilon: Float;
        /// Sets whether to divide by the deviation from the mean gradient.
        centered: bool;
        /// Sets whether ε is under the root, as in Keras; in PyTorch it is added to the root.
        epsilon_in_root: bool;
    }
}

impl Default for RmsProp {
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Optimizer for RmsProp {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let (rate, Self { rho, momentum, .. }) = (step.rate, *self);
        let (inside, outside) = if self.epsilon_in_root { (self.epsilon, 0.0) } else { (0.0, self.epsilon) };
        if !self.centered && momentum == 0.0 {
            let [squares] = state.slots(weights.len());
            return vectorize(|| {
                for ((w, &g), v) in weights.iter_mut().zip(grads).zip(squares) {
                    *v = rho * *v + (1.0 - rho) * g * g;
                    *w -= rate * g / ((*v + inside).sqrt() + outside);
                }
            });
        }
        let [squares, steps, means] = state.slots(weights.len());
        // What is not centred has a mean that stays 0.
        let mean_share = if self.centered { 1.0 - rho } else { 0.0 };
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
    }

    learning_rate!();

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
