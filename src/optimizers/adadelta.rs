//! Steps as long as the last ones.

use super::{Optimizer, State, Step, check_epsilon, check_factor, check_rate, learning_rate};
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::simd::vectorize;
use crate::tensor::Float;

described! {
    /// Steps as long as the last ones, in the units of the weights: `v ← ρ v + (1-ρ) g²`, `u = √(s + ε) / √(v + ε) · g`,
    /// `s ← ρ s + (1-ρ) u²`, `w ← w - rate · u`.
    ///
    /// Keras' rate of 0.001 is small: the paper's is 1.
    ///
    /// Zeiler 2012.
    ///
    /// ```
    /// use gradus::optimizers::Adadelta;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Adadelta::new(1.0), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Adadelta(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The decay of both means.
        rho: [Float] = 0.95,
        /// What keeps roots from 0.
        epsilon: [Float] = 1e-7,
    }
}

impl Optimizer for Adadelta {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let (rate, Self { rho, epsilon, .. }) = (step.rate, *self);
        state.elementwise(weights, grads, |weights, grads, [squares, steps]| {
            vectorize(|| {
                for (((w, &g), v), s) in weights.iter_mut().zip(grads).zip(squares).zip(steps) {
                    *v = rho * *v + (1.0 - rho) * g * g;
                    let u = (*s + epsilon).sqrt() / (*v + epsilon).sqrt() * g;
                    *s = rho * *s + (1.0 - rho) * u * u;
                    *w -= rate * u;
                }
            });
        });
    }

    learning_rate!();

    fn is_elementwise(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("Adadelta", self.learning_rate)?;
        check_factor("Adadelta", "rho", self.rho)?;
        check_epsilon("Adadelta", "epsilon", self.epsilon)
    }
}
