//! Images from nearer and from farther.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Fill, Image, share};
use crate::config::{config, described};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Enlarges or shrinks an image around its centre: a pixel comes from `1 ± factor` times its distance to the centre.
    ///
    /// # Shapes
    /// images `[height, width, channels]`
    /// # Defaults
    /// height and width alike; mirrored at the edges
    /// # Errors
    /// a factor outside of 0 to 1; examples that are not images
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomZoom;
    /// use gradus::prelude::*;
    /// let (train, _) = mnist::load("examples/data/mnist")?;
    /// let train = train.augment(1, RandomZoom::new(0.1));
    /// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `RandomZoom`
    #[derive(Clone)]
    pub struct RandomZoom(
        /// Images are zoomed by `1 - factor` to `1 + factor`.
        factor: [Float],
    ) {
        /// Whether height and width are zoomed alike.
        keep_ratio: [bool] = true,
        /// What comes in from outside.
        fill_mode: [Fill] = Fill::Reflect,
    }
}

impl Augment for RandomZoom {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let image = Image::new("RandomZoom", example)?;
        let most = share("RandomZoom", "a factor", self.factor, 1.0)?;
        let mut draw = || 1.0 + rng.random_range(-most..=most);
        let height = draw();
        let width = if self.keep_ratio { height } else { draw() };
        image.transform(self.fill_mode, [height, 0.0, 0.0, width]).into_example()
    }
}
