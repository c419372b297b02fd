//! Adam with a rate for each tensor.

use super::adam::moments;
use super::{Optimizer, State, Step, correction};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::kernels::{
    elementwise::{add_scaled, sum_of_squares},
    simd::vectorize,
};
use crate::tensor::{Float, recycle, tensor};

described! {
    /// Adam whose step is as long as the tensor it changes: with Adam's step `u = m̂ / (√v̂ + ε)`,
    /// `w ← w - rate · ‖w‖/‖u‖ · u`, where the ratio of a norm that is 0 is 1. For batches of thousands of examples.
    ///
    /// You et al. 2020; Keras `Lamb`.
    ///
    /// ```
    /// use gradus::optimizers::Lamb;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Lamb::default(), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Lamb(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The decay of the mean of gradients.
        beta_1: [Float] = 0.9,
        /// The decay of the mean of squared gradients.
        beta_2: [Float] = 0.999,
        /// What is added to the root.
        epsilon: [Float] = 1e-7,
    }
}

impl Optimizer for Lamb {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let [mean, variance] = state.slots(weights.len());
        let [mean_scale, root_scale] =
            [self.beta_1, self.beta_2].map(|beta| (1.0 / correction(beta, step.number)) as Float);
        let mut change = buffer(weights.len());
        let Self { beta_1, beta_2, epsilon, .. } = *self;
        vectorize(|| {
            for (((u, &g), m), v) in change.iter_mut().zip(grads).zip(mean).zip(variance) {
                *m += (g - *m) * (1.0 - beta_1);
                *v += (g * g - *v) * (1.0 - beta_2);
                *u = mean_scale * *m / ((*v * root_scale).sqrt() + epsilon);
            }
        });
        let (length, step_length) = (sum_of_squares(weights).sqrt(), sum_of_squares(&change).sqrt());
        let ratio = if length > 0.0 && step_length > 0.0 { length / step_length } else { 1.0 };
        add_scaled(weights, -(f64::from(step.rate) * ratio) as Float, &change);
        recycle(tensor(&[change.len()], change));
    }

    moments!("Lamb");
}
