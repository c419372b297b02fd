//! Lighter and darker images.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, share, value_range};
use crate::config::{config, described};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

described! {
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
    #[derive(Clone)]
    pub struct RandomBrightness(
        /// The greatest change, as a share of the range of values.
        factor: [Float],
    ) {
        /// The least and the greatest value, such as `[0.0, 255.0]`.
        value_range: [[Float; 2]] = [0.0, 1.0],
    }
}

impl Augment for RandomBrightness {
    config!();

    fn apply(&self, mut example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let most = share("RandomBrightness", "a factor", self.factor, 1.0)?;
        let [low, high] = value_range("RandomBrightness", self.value_range)?;
        let light = rng.random_range(-most..=most) * (high - low);
        example.mapv_inplace(|x| (x + light).clamp(low, high));
        Ok(example)
    }
}
