//! Uniformly distributed values.

use rand_distr::{Distribution, StandardUniform};

use super::{Initializer, Rng, draw};
use crate::tensor::{Float, Tensor};

/// Uniform between `min` and `max`; by default between -0.05 and 0.05, as in Keras.
///
/// ```
/// use gradus::prelude::*;
/// let layer = Dense::new(3).kernel_initializer(RandomUniform { min: -0.1, max: 0.1 });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RandomUniform {
    /// Least value, -0.05.
    pub min: Float,
    /// Greatest value, 0.05.
    pub max: Float,
}

impl Default for RandomUniform {
    fn default() -> Self {
        Self { min: -0.05, max: 0.05 }
    }
}

impl Initializer for RandomUniform {
    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        draw(shape, || {
            let unit: Float = StandardUniform.sample(rng);
            self.min + (self.max - self.min) * unit
        })
    }
}
