//! Images of more and of less contrast.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Image, share, value_range};
use crate::config::{config, described};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Moves all pixels away from the mean of their channel, or towards it, `1 ± factor` times, and keeps them in the range of
    /// values: `y = (x - mean) · factor + mean`.
    ///
    /// # Shapes
    /// images `[height, width, channels]`
    /// # Defaults
    /// values from 0 to 1 (in Keras from 0 to 255)
    /// # Errors
    /// a factor outside of 0 to 1; a range whose end is not above its beginning; examples that are not images
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomContrast;
    /// use gradus::prelude::*;
    /// let (train, _) = mnist::load("examples/data/mnist")?;
    /// let train = train.augment(1, RandomContrast::new(0.2));
    /// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `RandomContrast`
    #[derive(Clone)]
    pub struct RandomContrast(
        /// The contrast is multiplied by `1 - factor` to `1 + factor`.
        factor: [Float],
    ) {
        /// The least and the greatest value, such as `[0.0, 255.0]`.
        value_range: [[Float; 2]] = [0.0, 1.0],
    }
}

impl Augment for RandomContrast {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let mut image = Image::new("RandomContrast", example)?;
        let most = share("RandomContrast", "a factor", self.factor, 1.0)?;
        let [low, high] = value_range("RandomContrast", self.value_range)?;
        let factor = 1.0 + rng.random_range(-most..=most);
        let count = (image.height * image.width) as f64;
        for channel in 0..image.channels {
            let sum: f64 = image.pixels.iter().skip(channel).step_by(image.channels).map(|x| f64::from(*x)).sum();
            let mean = (sum / count) as Float;
            for x in image.pixels.iter_mut().skip(channel).step_by(image.channels) {
                *x = ((*x - mean) * factor + mean).clamp(low, high);
            }
        }
        image.into_example()
    }
}
