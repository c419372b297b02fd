//! Shifted images.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Fill, Image, share};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

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
/// let train = train.augment(1, RandomTranslation::new(0.1).fill(Fill::Constant(0.0)));
/// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `RandomTranslation`
#[derive(Clone, Debug)]
#[must_use]
pub struct RandomTranslation {
    height: Float,
    width: Float,
    fill: Fill,
}

impl RandomTranslation {
    /// Creates the augmentation, by up to this share of the height and of the width.
    pub fn new(share: Float) -> Self {
        Self { height: share, width: share, fill: Fill::Reflect }
    }

    /// Sets a share of the height and another one of the width.
    pub fn shares(mut self, height: Float, width: Float) -> Self {
        (self.height, self.width) = (height, width);
        self
    }

    /// Sets what comes in from outside.
    pub fn fill(mut self, fill: Fill) -> Self {
        self.fill = fill;
        self
    }
}

impl Augment for RandomTranslation {
    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let image = Image::new("RandomTranslation", example)?;
        let mut draw = |what, part, len: usize| -> Result<i64> {
            let most = (share("RandomTranslation", what, part, 1.0)? * len as Float) as i64;
            Ok(rng.random_range(-most..=most))
        };
        let down = draw("a share of the height", self.height, image.height)?;
        let right = draw("a share of the width", self.width, image.width)?;
        self.shifted(&image, down, right).into_example()
    }
}

impl RandomTranslation {
    fn shifted(&self, image: &Image, down: i64, right: i64) -> Image {
        let channels = image.channels;
        let mut pixels = vec![self.fill.value(); image.pixels.len()];
        // The columns that stay are moved in one piece.
        let inside = (right.max(0) as usize)..((image.width as i64 + right.min(0)) as usize);
        for y in 0..image.height {
            let Some(source) = self.fill.index(y as i64 - down, image.height) else { continue };
            let source = image.row(source);
            let out = &mut pixels[y * image.width * channels..][..image.width * channels];
            let start = (inside.start as i64 - right) as usize * channels;
            let piece = &mut out[inside.start * channels..inside.end * channels];
            piece.copy_from_slice(&source[start..start + piece.len()]);
            for x in (0..inside.start).chain(inside.end..image.width) {
                if let Some(column) = self.fill.index(x as i64 - right, image.width) {
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
        let moved = |fill, down, right| RandomTranslation::new(1.0).fill(fill).shifted(&image, down, right).pixels;
        assert_eq!(moved(Fill::Constant(9.0), 0, 1), [9.0, 1.0, 2.0, 9.0, 4.0, 5.0]);
        assert_eq!(moved(Fill::Constant(9.0), 1, 0), [9.0, 9.0, 9.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved(Fill::Reflect, -1, -2), [6.0, 6.0, 5.0, 6.0, 6.0, 5.0]);
        assert_eq!(moved(Fill::Constant(9.0), 2, 3), [9.0; 6]);
        assert_eq!(moved(Fill::Wrap, 1, 1), [6.0, 4.0, 5.0, 3.0, 1.0, 2.0]);
    }
}
