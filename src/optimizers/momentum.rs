//! Gradient descent with momentum.

use super::{Optimizer, State, check_factor, check_rate};
use crate::error::Result;
use crate::tensor::Float;

/// Gradient descent with momentum: `v ← momentum · v - rate · g`, `w ← w + v`; with Nesterov's look ahead
/// `w ← w + momentum · v - rate · g`. Keras' form, in which the rate is part of the velocity.
///
/// Polyak 1964; Nesterov 1983; Sutskever et al. 2013.
///
/// ```
/// use gradus::prelude::*;
/// let model = Dense::new(1).compile(Momentum::new(0.1).nesterov(true), MeanSquaredError::default());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Momentum {
    /// Learning rate, 0.01.
    pub learning_rate: Float,
    /// Share of the velocity that survives a step, 0.9.
    pub momentum: Float,
    /// Whether to look ahead, no.
    pub nesterov: bool,
}

impl Momentum {
    /// With this learning rate, momentum 0.9, without Nesterov's look ahead.
    pub fn new(learning_rate: Float) -> Self {
        Self { learning_rate, momentum: 0.9, nesterov: false }
    }

    /// Sets the share of the velocity that survives a step.
    pub fn momentum(mut self, momentum: Float) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets whether to look ahead.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }
}

impl Default for Momentum {
    fn default() -> Self {
        Self::new(0.01)
    }
}

impl Optimizer for Momentum {
    fn update(&self, _: u32, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let [velocity] = state.slots(weights.len());
        for ((w, g), v) in weights.iter_mut().zip(grads).zip(velocity) {
            *v = self.momentum * *v - self.learning_rate * g;
            *w += if self.nesterov { self.momentum * *v - self.learning_rate * g } else { *v };
        }
    }

    fn learning_rate(&self) -> Option<Float> {
        Some(self.learning_rate)
    }

    fn set_learning_rate(&mut self, rate: Float) -> Result<()> {
        let changed = Self { learning_rate: rate, ..*self };
        changed.check()?;
        *self = changed;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        check_rate("Momentum", self.learning_rate)?;
        check_factor("Momentum", "momentum", self.momentum)
    }
}
