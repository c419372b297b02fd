//! Lighter and darker images.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, share, value_range};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

/// Adds one number to all pixels, up to a share of the range of values either way, and keeps them in the range.
///
/// # Shapes
/// examples of any shape
/// # Defaults
/// values from 0 to 1 (in Keras from 0 to 255)
/// # Errors
/// a factor outside of 0 to 1; a range whose end is not above its beginning
/// # Example
/// ```
/// use gradus::data::augment::{RandomBrightness, RandomContrast};
/// use gradus::prelude::*;
/// let (train, _) = mnist::load("examples/data/mnist")?;
/// let train = train.augment(1, (RandomBrightness::new(0.2), RandomContrast::new(0.2)));
/// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `RandomBrightness`
#[derive(Clone, Debug)]
#[must_use]
pub struct RandomBrightness {
    factor: Float,
    low: Float,
    high: Float,
}

impl RandomBrightness {
    /// Creates the augmentation, by up to this share of the range.
    pub fn new(factor: Float) -> Self {
        Self { factor, low: 0.0, high: 1.0 }
    }

    /// Sets the range of values.
    pub fn value_range(mut self, low: Float, high: Float) -> Self {
        (self.low, self.high) = (low, high);
        self
    }
}

impl Augment for RandomBrightness {
    fn apply(&self, mut example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let most = share("RandomBrightness", "a factor", self.factor, 1.0)?;
        value_range("RandomBrightness", self.low, self.high)?;
        let light = rng.random_range(-most..=most) * (self.high - self.low);
        example.mapv_inplace(|x| (x + light).max(self.low).min(self.high));
        Ok(example)
    }
}
