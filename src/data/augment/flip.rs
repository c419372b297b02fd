//! Mirrored images.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Image};
use crate::config::{config, described};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Mirrors an image with probability 1/2.
    ///
    /// # Shapes
    /// images `[height, width, channels]`
    /// # Errors
    /// examples that are not images
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomFlip;
    /// use gradus::prelude::*;
    /// let data = (ndarray::Array4::<f32>::zeros((10, 8, 8, 3)), ndarray::Array1::<u8>::zeros(10));
    /// let data = data.augment(1, RandomFlip::horizontal());
    /// # assert_eq!(data.training_batch(&[0], 0)?.inputs[0].shape(), [1, 8, 8, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `RandomFlip`
    #[derive(Clone)]
    #[doc(alias = "RandomHorizontalFlip")]
    pub struct RandomFlip(
        /// Whether left and right are exchanged.
        horizontal: [bool],
        /// Whether top and bottom are exchanged.
        vertical: [bool],
    ) {}
}

impl RandomFlip {
    /// Creates a flip that exchanges left and right.
    pub fn horizontal() -> Self {
        Self::new(true, false)
    }

    /// Creates a flip that exchanges top and bottom.
    pub fn vertical() -> Self {
        Self::new(false, true)
    }

    /// Creates a flip in both directions, independently of each other.
    pub fn both() -> Self {
        Self::new(true, true)
    }
}

impl Augment for RandomFlip {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let mut image = Image::new("RandomFlip", example)?;
        let row = image.width * image.channels;
        if self.horizontal && rng.random_bool(0.5) && row > 0 {
            for pixels in image.pixels.chunks_mut(row) {
                if image.channels == 1 {
                    pixels.reverse();
                    continue;
                }
                for x in 0..image.width / 2 {
                    let (left, right) = pixels.split_at_mut((image.width - 1 - x) * image.channels);
                    left[x * image.channels..][..image.channels].swap_with_slice(&mut right[..image.channels]);
                }
            }
        }
        if self.vertical && rng.random_bool(0.5) {
            for y in 0..image.height / 2 {
                let (top, bottom) = image.pixels.split_at_mut((image.height - 1 - y) * row);
                top[y * row..][..row].swap_with_slice(&mut bottom[..row]);
            }
        }
        image.into_example()
    }
}
