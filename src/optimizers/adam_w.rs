//! Adam with decoupled weight decay.

use super::{Adam, Optimizer, State, Step, check_at_least_0, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// [`Adam`] with weight decay that does not go through the gradient: `w ← w - rate · decay · w` before each step.
    ///
    /// To leave biases and norms out, see [`Group`](super::Group). All optimizers can decay weights so, by
    /// [`Stepper::weight_decay`](super::Stepper::weight_decay); for a penalty in the loss see [`crate::regularizers`].
    ///
    /// Loshchilov & Hutter 2019.
    ///
    /// ```
    /// use gradus::optimizers::Group;
    /// use gradus::prelude::*;
    /// let optimizer = AdamW::new(3e-4).weight_decay(0.01).group("*bias", Group::new().weight_decay(0.0));
    /// let model = Dense::new(1).compile(optimizer, MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct AdamW(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The share of a weight that it loses, times the rate, in a step; in PyTorch 0.01.
        weight_decay: [Float] = 0.004,
        /// The decay of the mean of gradients.
        beta_1: [Float] = 0.9,
        /// The decay of the mean of squared gradients.
        beta_2: [Float] = 0.999,
        /// What is added to the root.
        epsilon: [Float] = 1e-7,
        /// Whether to divide by the greatest mean of squares so far.
        amsgrad: [bool] = false,
    }
}

impl AdamW {
    /// See [`Adam::betas`].
    #[must_use]
    pub fn betas(mut self, beta_1: Float, beta_2: Float) -> Self {
        (self.beta_1, self.beta_2) = (beta_1, beta_2);
        self
    }

    fn adam(&self) -> Adam {
        let Self { learning_rate, beta_1, beta_2, epsilon, amsgrad, .. } = *self;
        Adam { learning_rate, beta_1, beta_2, epsilon, amsgrad }
    }
}

impl From<Adam> for AdamW {
    fn from(adam: Adam) -> Self {
        let Adam { learning_rate, beta_1, beta_2, epsilon, amsgrad } = adam;
        Self { learning_rate, beta_1, beta_2, epsilon, amsgrad, ..Self::default() }
    }
}

impl Optimizer for AdamW {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        self.adam().update(step, weights, grads, state);
    }

    learning_rate!();

    fn default_weight_decay(&self) -> Float {
        self.weight_decay
    }

    fn stays_finite(&self) -> bool {
        self.adam().stays_finite()
    }

    fn is_elementwise(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.adam().check_as("AdamW")?;
        check_at_least_0("AdamW", "a weight decay", self.weight_decay, "0.004 is usual")
    }
}
