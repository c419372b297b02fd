//! Values that are the same everywhere.

use super::{Initializer, Rng};
use crate::tensor::{Float, Tensor};

/// All numbers are `self.0`.
///
/// ```
/// use gradus::prelude::*;
/// let bias_first = Dense::new(3).bias_initializer(Constant(0.1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Constant(
    /// The number.
    pub Float,
);

/// All zeros: the default of biases.
///
/// ```
/// use gradus::prelude::*;
/// let layer = Dense::new(3).kernel_initializer(Zeros);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Zeros;

/// All ones: the default of scales.
///
/// ```
/// use gradus::prelude::*;
/// let layer = Dense::new(3).kernel_initializer(Ones);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Ones;

impl Initializer for Constant {
    fn sample(&self, shape: &[usize], _: &mut Rng) -> Tensor {
        Tensor::from_elem(shape, self.0)
    }
}

impl Initializer for Zeros {
    fn sample(&self, shape: &[usize], _: &mut Rng) -> Tensor {
        Tensor::zeros(shape)
    }
}

impl Initializer for Ones {
    fn sample(&self, shape: &[usize], _: &mut Rng) -> Tensor {
        Tensor::ones(shape)
    }
}
