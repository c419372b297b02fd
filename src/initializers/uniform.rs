//! Uniformly distributed values.

use rand_distr::{Distribution, StandardUniform};

use super::{Initializer, draw};
use crate::config::{config, described};
use crate::random::Rng;
use crate::tensor::{Float, Tensor};

described! {
    /// Uniform between `min` and `max`; by default between -0.05 and 0.05, as in Keras.
    ///
    /// ```
    /// use gradus::initializers::RandomUniform;
    /// use gradus::prelude::*;
    /// let layer = Dense::new(3).kernel_initializer(RandomUniform { minval: -0.1, maxval: 0.1 });
    /// ```
    #[derive(Clone, Copy)]
    pub struct RandomUniform {
        /// The least value.
        minval: [Float] = -0.05,
        /// The greatest value.
        maxval: [Float] = 0.05,
    }
}

impl Initializer for RandomUniform {
    config!();

    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        draw(shape, || {
            let unit: Float = StandardUniform.sample(rng);
            self.minval + (self.maxval - self.minval) * unit
        })
    }
}
