//! Normally distributed values.

use rand_distr::{Distribution, StandardNormal};

use super::{Initializer, Rng, draw};
use crate::tensor::{Float, Tensor};

/// Normal with a mean and a standard deviation; by default 0 and 0.05, as in Keras.
///
/// ```
/// use gradus::prelude::*;
/// let layer = Dense::new(3).kernel_initializer(RandomNormal { mean: 0.0, std: 0.02 });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RandomNormal {
    /// Mean, 0.
    pub mean: Float,
    /// Standard deviation, 0.05.
    pub std: Float,
}

/// Normal, drawn again where a value is more than two standard deviations from the mean; by default mean 0 and
/// standard deviation 0.05 (of the distribution before it is cut), as in Keras.
///
/// ```
/// use gradus::prelude::*;
/// let layer = Dense::new(3).kernel_initializer(TruncatedNormal { mean: 0.0, std: 0.02 });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TruncatedNormal {
    /// Mean, 0.
    pub mean: Float,
    /// Standard deviation before the cut, 0.05.
    pub std: Float,
}

impl Default for RandomNormal {
    fn default() -> Self {
        Self { mean: 0.0, std: 0.05 }
    }
}

impl Default for TruncatedNormal {
    fn default() -> Self {
        Self { mean: 0.0, std: 0.05 }
    }
}

impl Initializer for RandomNormal {
    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        draw(shape, || {
            let unit: Float = StandardNormal.sample(rng);
            self.mean + self.std * unit
        })
    }
}

impl Initializer for TruncatedNormal {
    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        draw(shape, || {
            loop {
                let unit: Float = StandardNormal.sample(rng);
                if unit.abs() <= 2.0 {
                    return self.mean + self.std * unit;
                }
            }
        })
    }
}
