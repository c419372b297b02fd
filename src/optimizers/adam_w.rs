//! Adam with decoupled weight decay.

use super::{Adam, Optimizer, State, Step, check_at_least_0};
use crate::error::Result;
use crate::tensor::Float;

/// [`Adam`] with weight decay that does not go through the gradient: `w ← w - rate · decay · w` before each step.
///
/// To leave biases and norms out, see [`Group`](super::Group). All optimizers can decay weights so, by
/// [`Stepper::weight_decay`](super::Stepper::weight_decay); for a penalty in the loss see [`crate::regularizers`].
///
/// Loshchilov & Hutter 2019.
///
/// ```
/// use gradus::prelude::*;
/// let optimizer = AdamW::new(3e-4).weight_decay(0.01).group("*bias", Group::new().weight_decay(0.0));
/// let model = Dense::new(1).compile(optimizer, MeanSquaredError::default());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    /// The rule, with its settings.
    pub adam: Adam,
    /// Share of a weight that it loses, times the rate, in a step; 0.004 as in Keras (0.01 in PyTorch).
    pub weight_decay: Float,
}

impl AdamW {
    /// Creates the optimizer with this learning rate and Keras' defaults for the rest.
    pub fn new(learning_rate: Float) -> Self {
        Adam::new(learning_rate).into()
    }

    /// Sets the share of a weight that it loses, times the rate, in a step.
    pub fn weight_decay(mut self, decay: Float) -> Self {
        self.weight_decay = decay;
        self
    }

    /// See [`Adam::betas`].
    pub fn betas(mut self, beta_1: Float, beta_2: Float) -> Self {
        self.adam = self.adam.betas(beta_1, beta_2);
        self
    }

    /// See [`Adam::epsilon`].
    pub fn epsilon(mut self, epsilon: Float) -> Self {
        self.adam.epsilon = epsilon;
        self
    }

    /// See [`Adam::amsgrad`].
    pub fn amsgrad(mut self, yes: bool) -> Self {
        self.adam.amsgrad = yes;
        self
    }
}

impl From<Adam> for AdamW {
    fn from(adam: Adam) -> Self {
        Self { adam, weight_decay: 0.004 }
    }
}

impl Default for AdamW {
    fn default() -> Self {
        Adam::default().into()
    }
}

impl Optimizer for AdamW {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        self.adam.update(step, weights, grads, state);
    }

    fn learning_rate(&self) -> Option<Float> {
        self.adam.learning_rate()
    }

    fn set_learning_rate(&mut self, rate: Float) -> Result<()> {
        super::check_rate("AdamW", rate)?;
        self.adam.set_learning_rate(rate)
    }

    fn default_weight_decay(&self) -> Float {
        self.weight_decay
    }

    fn stays_finite(&self) -> bool {
        self.adam.stays_finite()
    }

    fn check(&self) -> Result<()> {
        self.adam.check_as("AdamW")?;
        check_at_least_0("AdamW", "a weight decay", self.weight_decay, "0.004 is usual")
    }
}
