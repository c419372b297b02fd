//! Normally distributed values.

use rand_distr::{Distribution, StandardNormal};

use super::{Initializer, draw};
use crate::config::{config, described};
use crate::random::Rng;
use crate::tensor::{Float, Tensor};

described! {
    /// Normal with a mean and a standard deviation; by default 0 and 0.05, as in Keras.
    ///
    /// ```
    /// use gradus::initializers::RandomNormal;
    /// use gradus::prelude::*;
    /// let layer = Dense::new(3).kernel_initializer(RandomNormal { mean: 0.0, stddev: 0.02 });
    /// ```
    #[derive(Clone, Copy)]
    pub struct RandomNormal {
        /// The mean.
        mean: [Float] = 0.0,
        /// The standard deviation.
        stddev: [Float] = 0.05,
    }
}

described! {
    /// Normal, drawn again where a value is more than two standard deviations from the mean; by default mean 0 and
    /// standard deviation 0.05 (of the distribution before it is cut), as in Keras.
    ///
    /// ```
    /// use gradus::initializers::TruncatedNormal;
    /// use gradus::prelude::*;
    /// let layer = Dense::new(3).kernel_initializer(TruncatedNormal { mean: 0.0, stddev: 0.02 });
    /// ```
    #[derive(Clone, Copy)]
    pub struct TruncatedNormal {
        /// The mean.
        mean: [Float] = 0.0,
        /// The standard deviation before the cut.
        stddev: [Float] = 0.05,
    }
}

impl Initializer for RandomNormal {
    config!();

    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        draw(shape, || {
            let unit: Float = StandardNormal.sample(rng);
            self.mean + self.stddev * unit
        })
    }
}

impl Initializer for TruncatedNormal {
    config!();

    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        draw(shape, || {
            loop {
                let unit: Float = StandardNormal.sample(rng);
                if unit.abs() <= 2.0 {
                    return self.mean + self.stddev * unit;
                }
            }
        })
    }
}
