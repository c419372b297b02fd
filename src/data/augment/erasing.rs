//! Images with a hole.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Image, share};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Replaces a rectangle by one number. The rectangle lies inside of the image; one that finds no room is made smaller.
    ///
    /// # Shapes
    /// images `[height, width, channels]`
    /// # Defaults
    /// always; 2% to 33% of the area; sides from 1 : 3.3 to 3.3 : 1; filled with 0
    /// # Errors
    /// a factor or a scale outside of 0 to 1; a scale in the wrong order; examples that are not images
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomErasing;
    /// use gradus::prelude::*;
    /// let (train, _) = mnist::load("examples/data/mnist")?;
    /// let train = train.augment(1, RandomErasing::default().factor(0.5));
    /// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Zhong et al. 2017; DeVries & Taylor 2017 (cutout); Keras and torchvision `RandomErasing`
    #[derive(Clone)]
    #[doc(alias = "Cutout")]
    pub struct RandomErasing {
        /// The share of images that are changed.
        factor: [Float] = 1.0,
        /// The least and the greatest share of the image that is replaced.
        scale: [[Float; 2]] = [0.02, 0.33],
        /// Whether the hole is as high as wide, as in cutout.
        squares: [bool] = false,
        /// The number that fills the hole.
        fill_value: [Float] = 0.0,
    }
}

/// The longest side over the shortest.
const RATIO: f64 = 3.3;

impl Augment for RandomErasing {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let mut image = Image::new("RandomErasing", example)?;
        let factor = share("RandomErasing", "a factor", self.factor, 1.0)?;
        let least = share("RandomErasing", "a least scale", self.scale[0], 1.0)?;
        let most = share("RandomErasing", "a greatest scale", self.scale[1], 1.0)?;
        if least > most {
            return Err(Error::value(format!(
                "RandomErasing: expected a scale from least to greatest, got {least} to {most}"
            )));
        }
        if rng.random::<Float>() >= factor {
            return image.into_example();
        }
        let area = f64::from(rng.random_range(least..=most)) * (image.height * image.width) as f64;
        let log = if self.squares { 0.0 } else { libm::log(RATIO) };
        let ratio = libm::exp(rng.random_range(-log..=log));
        let rows = (((area * ratio).sqrt().round()) as usize).min(image.height);
        let columns = (((area / ratio).sqrt().round()) as usize).min(image.width);
        let (top, left) = (rng.random_range(0..=image.height - rows), rng.random_range(0..=image.width - columns));
        let hole = Image { pixels: vec![self.fill_value; image.pixels.len()], ..image };
        image.paste(&hole, [top, left], [rows, columns]);
        image.into_example()
    }
}
