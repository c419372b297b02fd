//! Turned images.

use std::f64::consts::TAU;

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Fill, Image, share};
use crate::config::{config, described};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Turns an image around its centre, up to a share of a full turn either way.
    ///
    /// # Shapes
    /// images `[height, width, channels]`
    /// # Defaults
    /// mirrored at the edges
    /// # Errors
    /// a share outside of 0 to 1; examples that are not images
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomRotation;
    /// use gradus::prelude::*;
    /// let (train, _) = mnist::load("examples/data/mnist")?;
    /// let train = train.augment(1, RandomRotation::new(15.0 / 360.0));
    /// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `RandomRotation`
    #[derive(Clone)]
    pub struct RandomRotation(
        /// The greatest angle either way, as a share of a full turn: 0.1 is 36 degrees.
        factor: [Float],
    ) {
        /// What comes in from outside.
        fill_mode: [Fill] = Fill::Reflect,
    }
}

impl Augment for RandomRotation {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let image = Image::new("RandomRotation", example)?;
        let most = share("RandomRotation", "a share of a full turn", self.factor, 1.0)?;
        // `libm` gives the same bits on every machine.
        let (sin, cos) = libm::sincos(f64::from(rng.random_range(-most..=most)) * TAU);
        let (sin, cos) = (sin as Float, cos as Float);
        image.transform(self.fill_mode, [cos, -sin, sin, cos]).into_example()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn() {
        let image = Image { height: 2, width: 2, channels: 1, pixels: vec![1.0, 2.0, 3.0, 4.0] };
        assert_eq!(image.transform(Fill::Nearest, [0.0, -1.0, 1.0, 0.0]).pixels, [3.0, 1.0, 4.0, 2.0]);
        assert_eq!(image.transform(Fill::Nearest, [1.0, 0.0, 0.0, 1.0]).pixels, image.pixels);
    }
}
