//! Images with a hole.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Image, share};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

/// Replaces a rectangle by one number. The rectangle lies inside of the image; one that finds no room is made smaller.
///
/// # Shapes
/// images `[height, width, channels]`
/// # Defaults
/// always; 2% to 33% of the area; sides from 1 : 3.3 to 3.3 : 1; filled with 0
/// # Errors
/// a rate or an area outside of 0 to 1; areas in the wrong order; examples that are not images
/// # Example
/// ```
/// use gradus::data::augment::RandomErasing;
/// use gradus::prelude::*;
/// let (train, _) = mnist::load("examples/data/mnist")?;
/// let train = train.augment(1, RandomErasing::new().rate(0.5));
/// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Zhong et al. 2017; DeVries & Taylor 2017 (cutout); Keras and torchvision `RandomErasing`
#[derive(Clone, Debug)]
#[doc(alias = "Cutout")]
#[must_use]
pub struct RandomErasing {
    rate: Float,
    area: (Float, Float),
    squares: bool,
    value: Float,
}

/// The longest side over the shortest.
const RATIO: f64 = 3.3;

impl RandomErasing {
    /// Creates the augmentation with the defaults.
    pub fn new() -> Self {
        Self { rate: 1.0, area: (0.02, 0.33), squares: false, value: 0.0 }
    }

    /// Sets the share of images that are changed.
    pub fn rate(mut self, rate: Float) -> Self {
        self.rate = rate;
        self
    }

    /// Sets the least and the greatest share of the image that is replaced.
    pub fn area(mut self, least: Float, most: Float) -> Self {
        self.area = (least, most);
        self
    }

    /// Sets whether the hole is as high as wide, as in cutout.
    pub fn squares(mut self, yes: bool) -> Self {
        self.squares = yes;
        self
    }

    /// Sets the number that fills the hole.
    pub fn value(mut self, value: Float) -> Self {
        self.value = value;
        self
    }
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self::new()
    }
}

impl Augment for RandomErasing {
    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let mut image = Image::new("RandomErasing", example)?;
        let rate = share("RandomErasing", "a rate", self.rate, 1.0)?;
        let least = share("RandomErasing", "a least area", self.area.0, 1.0)?;
        let most = share("RandomErasing", "a greatest area", self.area.1, 1.0)?;
        if least > most {
            return Err(Error::value(format!(
                "RandomErasing: expected areas least to greatest, got {least} to {most}"
            )));
        }
        if rng.random::<Float>() >= rate {
            return image.into_example();
        }
        let area = f64::from(rng.random_range(least..=most)) * (image.height * image.width) as f64;
        let log = if self.squares { 0.0 } else { libm::log(RATIO) };
        let ratio = libm::exp(rng.random_range(-log..=log));
        let rows = (((area * ratio).sqrt().round()) as usize).min(image.height);
        let columns = (((area / ratio).sqrt().round()) as usize).min(image.width);
        let (top, left) = (rng.random_range(0..=image.height - rows), rng.random_range(0..=image.width - columns));
        let hole = Image { pixels: vec![self.value; image.pixels.len()], ..image };
        image.paste(&hole, [top, left], [rows, columns]);
        image.into_example()
    }
}
