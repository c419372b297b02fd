//! Values that are the same everywhere.

use super::Initializer;
use crate::config::{config, described, described_as};
use crate::random::Rng;
use crate::tensor::{Float, Tensor};

/// All numbers are `self.0`.
///
/// ```
/// use gradus::initializers::Constant;
/// use gradus::prelude::*;
/// let bias_first = Dense::new(3).bias_initializer(Constant(0.1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Constant(
    /// The number.
    pub Float,
);

described_as!(Constant("value"), new(value: Float));

described! {
    /// All zeros: the default of biases.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let layer = Dense::new(3).kernel_initializer(Zeros);
    /// ```
    pub struct Zeros;
}

described! {
    /// All ones: the default of scales.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let layer = Dense::new(3).kernel_initializer(Ones);
    /// ```
    pub struct Ones;
}

impl Initializer for Constant {
    config!();

    fn sample(&self, shape: &[usize], _: &mut Rng) -> Tensor {
        Tensor::from_elem(shape, self.0)
    }
}

impl Initializer for Zeros {
    config!();

    fn sample(&self, shape: &[usize], _: &mut Rng) -> Tensor {
        Tensor::zeros(shape)
    }
}

impl Initializer for Ones {
    config!();

    fn sample(&self, shape: &[usize], _: &mut Rng) -> Tensor {
        Tensor::ones(shape)
    }
}
