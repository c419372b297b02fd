//! Shifted images.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Fill, Image, share};
use crate::config::{config, described};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Shifts an image by whole pixels, up to a share of its height and width in each direction. Keras shifts by parts of
    /// pixels too, which blurs.
    ///
    /// # Shapes
    /// images `[height, width, channels]`
    /// # Defaults
    /// mirrored at the edges
    /// # Errors
    /// a share outside of 0 to 1; examples that are not images
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomTranslation;
    /// use gradus::prelude::*;
    /// use gradus::data::augment::Fill;
    /// let (train, _) = mnist::load("examples/data/mnist")?;
    /// let train = train.augment(1, RandomTranslation::new(0.1, 0.1).fill_mode(Fill::Constant(0.0)));
    /// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `RandomTranslation`
    #[derive(Clone)]
    pub struct RandomTranslation(
        /// The greatest shift up or down, as a share of the height.
        height_factor: [Float],
        /// The greatest shift to the left or right, as a share of the width.
        width_factor: [Float],
    ) {
        /// What comes in from outside.
        fill_mode: [Fill] = Fill::Reflect,
    }
}

impl Augment for RandomTranslation {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let image = Image::new("RandomTranslation", example)?;
        let mut draw = |what, part, len: usize| -> Result<i64> {
            let most = (share("RandomTranslation", what, part, 1.0)? * len as Float) as i64;
            Ok(rng.random_range(-most..=most))
        };
        let down = draw("a height factor", self.height_factor, image.height)?;
        let right = draw("a width factor", self.width_factor, image.width)?;
        self.shifted(&image, down, right).into_example()
    }
}

impl RandomTranslation {
    fn shifted(&self, image: &Image, down: i64, right: i64) -> Image {
        let channels = image.channels;
        let mut pixels = vec![self.fill_mode.value(); image.pixels.len()];
        // The columns that stay are moved in one piece.
        let inside = (right.max(0) as usize)..((image.width as i64 + right.min(0)) as usize);
        for y in 0..image.height {
            let Some(source) = self.fill_mode.index(y as i64 - down, image.height) else { continue };
            let source = image.row(source);
            let out = &mut pixels[y * image.width * channels..][..image.width * channels];
            let start = (inside.start as i64 - right) as usize * channels;
            let piece = &mut out[inside.start * channels..inside.end * channels];
            piece.copy_from_slice(&source[start..start + piece.len()]);
            for x in (0..inside.start).chain(inside.end..image.width) {
                if let Some(column) = self.fill_mode.index(x as i64 - right, image.width) {
                    out[x * channels..][..channels].copy_from_slice(&source[column * channels..][..channels]);
                }
            }
        }
        Image { pixels, ..*image }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_move() {
        let image = Image { height: 2, width: 3, channels: 1, pixels: (1..7).map(|x| x as Float).collect() };
        let moved =
            |fill, down, right| RandomTranslation::new(1.0, 1.0).fill_mode(fill).shifted(&image, down, right).pixels;
        assert_eq!(moved(Fill::Constant(9.0), 0, 1), [9.0, 1.0, 2.0, 9.0, 4.0, 5.0]);
        assert_eq!(moved(Fill::Constant(9.0), 1, 0), [9.0, 9.0, 9.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved(Fill::Reflect, -1, -2), [6.0, 6.0, 5.0, 6.0, 6.0, 5.0]);
        assert_eq!(moved(Fill::Constant(9.0), 2, 3), [9.0; 6]);
        assert_eq!(moved(Fill::Wrap, 1, 1), [6.0, 4.0, 5.0, 3.0, 1.0, 2.0]);
    }
}
