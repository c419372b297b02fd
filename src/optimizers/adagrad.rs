//! Gradients over the root of the sum of their squares.

use super::{Optimizer, State, Step, check_at_least_0, check_epsilon, check_rate, learning_rate, setters};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

/// Gradients over the root of the sum of their squares: `s ← s + g²`, `w ← w - rate · g / √(s + ε)`.
///
/// Keras' form; PyTorch starts at 0 and adds ε to the root ([`Adagrad::epsilon_in_root`]). Its `lr_decay` is
/// [`InverseTimeDecay`](super::schedules::InverseTimeDecay).
///
/// Duchi, Hazan & Singer 2011.
///
/// ```
/// use gradus::prelude::*;
/// let model = Dense::new(1).compile(Adagrad::new(0.1), MeanSquaredError::default());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Adagrad {
    /// Learning rate, 0.001.
    pub learning_rate: Float,
    /// The sum before the first step, 0.1.
    pub initial: Float,
    /// Keeps the divisor from 0, 1e-7.
    pub epsilon: Float,
    /// Whether ε is under the root, yes.
    pub epsilon_in_root: bool,
}

impl Adagrad {
    /// Creates the optimizer with this learning rate and Keras' defaults for the rest.
    pub fn new(learning_rate: Float) -> Self {
        Self { learning_rate, initial: 0.1, epsilon: 1e-7, epsilon_in_root: true }
    }

    setters! {
        /// Sets the sum before the first step.
        #[doc(alias = "initial_accumulator_value")]
        initial: Float;
        /// Sets what keeps the divisor from 0.
        epsilon: Float;
        /// Sets whether ε is under the root, as in Keras; in PyTorch it is added to the root.
        epsilon_in_root: bool;
    }
}

impl Default for Adagrad {
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Optimizer for Adagrad {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let is_new = state.is_new();
        let [sums] = state.slots(weights.len());
        if is_new {
            sums.fill(self.initial);
        }
        let rate = step.rate;
        let (inside, outside) = if self.epsilon_in_root { (self.epsilon, 0.0) } else { (0.0, self.epsilon) };
        vectorize(|| {
            for ((w, &g), sum) in weights.iter_mut().zip(grads).zip(sums) {
                *sum += g * g;
                *w -= rate * g / ((*sum + inside).sqrt() + outside);
            }
        });
    }

    learning_rate!();

    fn check(&self) -> Result<()> {
        check_rate("Adagrad", self.learning_rate)?;
        check_at_least_0("Adagrad", "an initial sum", self.initial, "0.1 is usual")?;
        check_epsilon("Adagrad", "epsilon", self.epsilon)
    }
}
