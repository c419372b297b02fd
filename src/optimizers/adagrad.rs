//! Gradients over the root of the sum of their squares.

use super::{Optimizer, State, Step, check_at_least_0, check_epsilon, check_rate, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Gradients over the root of the sum of their squares: `s ← s + g²`, `w ← w - rate · g / √(s + ε)`.
    ///
    /// Keras' form; PyTorch starts at 0 and adds ε to the root ([`Adagrad::epsilon_in_root`]). Its `lr_decay` is
    /// [`InverseTimeDecay`](super::schedules::InverseTimeDecay).
    ///
    /// Duchi, Hazan & Singer 2011.
    ///
    /// ```
    /// use gradus::optimizers::Adagrad;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Adagrad::new(0.1), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Adagrad(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The sum before the first step.
        initial_accumulator_value: [Float] = 0.1,
        /// What keeps the divisor from 0.
        epsilon: [Float] = 1e-7,
        /// Whether ε is under the root, as in Keras; in PyTorch it is added to the root.
        epsilon_in_root: [bool] = true,
    }
}

impl Optimizer for Adagrad {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let is_new = state.is_new();
        let rate = step.rate;
        let (inside, outside) = if self.epsilon_in_root { (self.epsilon, 0.0) } else { (0.0, self.epsilon) };
        state.elementwise(weights, grads, |weights, grads, [sums]| {
            if is_new {
                sums.fill(self.initial_accumulator_value);
            }
            vectorize(|| {
                for ((w, &g), sum) in weights.iter_mut().zip(grads).zip(sums) {
                    *sum += g * g;
                    *w -= rate * g / ((*sum + inside).sqrt() + outside);
                }
            });
        });
    }

    learning_rate!();

    fn is_elementwise(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("Adagrad", self.learning_rate)?;
        check_at_least_0("Adagrad", "an initial sum", self.initial_accumulator_value, "0.1 is usual")?;
        check_epsilon("Adagrad", "epsilon", self.epsilon)
    }
}
