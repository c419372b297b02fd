//! Gradient descent.

use super::{Optimizer, State, Step, check_rate, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Gradient descent: `w ← w - rate · g`. The default rate is 0.01, as in Keras.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Sgd::new(0.1), MeanSquaredError::default());
    /// ```
    #[doc(alias = "GradientDescent")]
    #[derive(Clone, Copy)]
    pub struct Sgd(
        /// The learning rate.
        learning_rate: [Float] = 0.01,
    ) {}
}

impl Optimizer for Sgd {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        state.elementwise(weights, grads, |weights, grads, []| {
            vectorize(|| weights.iter_mut().zip(grads).for_each(|(w, g)| *w -= step.rate * g));
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
        check_rate("Sgd", self.learning_rate)
    }
}
