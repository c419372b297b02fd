//! Parts of images.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Image, share};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Cuts a part of fixed size out of an image, at random in training and in the middle in evaluation.
    ///
    /// # Shapes
    /// images `[height, width, channels]` to `[crop height, crop width, channels]`
    /// # Defaults
    /// no padding
    /// # Errors
    /// images smaller than the part, or no images; a size of 0
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomCrop;
    /// use gradus::prelude::*;
    /// let data = (ndarray::Array4::<f32>::zeros((10, 32, 32, 3)), ndarray::Array1::<u8>::zeros(10));
    /// let data = data.augment(1, RandomCrop::new(32, 32).padding(4));
    /// assert_eq!(data.training_batch(&[0], 0)?.inputs[0].shape(), [1, 32, 32, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `RandomCrop`, torchvision `RandomCrop(padding)`
    #[derive(Clone)]
    pub struct RandomCrop(
        /// Rows of the part.
        height: [usize],
        /// Columns of the part.
        width: [usize],
    ) {
        /// Rows and columns of zeros around the image in training.
        padding: [usize] = 0,
    }
}

impl RandomCrop {
    /// The part whose corner `corner(room)` gives for each axis, where `room` is how far it can move.
    fn cut(
        &self,
        example: ArrayD<Float>,
        padding: usize,
        mut corner: impl FnMut(usize) -> usize,
    ) -> Result<ArrayD<Float>> {
        let image = Image::new("RandomCrop", example)?;
        let (height, width, channels) = (self.height, self.width, image.channels);
        let room = |len: usize, part: usize| (len.checked_add(padding)?.checked_add(padding)?).checked_sub(part);
        let (Some(down), Some(right)) = (room(image.height, height), room(image.width, width)) else {
            return Err(Error::shape(format!(
                "RandomCrop: expected images of at least {height} x {width}, got {} x {}",
                image.height, image.width
            )));
        };
        if height == 0 || width == 0 {
            return Err(Error::value(format!("RandomCrop: expected a size of at least 1 x 1, got {height} x {width}")));
        }
        let (top, left) = (corner(down), corner(right));
        let mut pixels = vec![0.0; height * width * channels];
        for y in 0..height {
            let Some(row) = (top + y).checked_sub(padding).filter(|row| *row < image.height) else { continue };
            // Columns of the part that lie on the image.
            let start = padding.saturating_sub(left).min(width);
            let end = (image.width + padding).saturating_sub(left).min(width).max(start);
            let source = (left + start).saturating_sub(padding) * channels;
            let piece = &mut pixels[(y * width + start) * channels..(y * width + end) * channels];
            piece.copy_from_slice(&image.row(row)[source..source + piece.len()]);
        }
        Image { height, width, channels, pixels }.into_example()
    }
}

impl Augment for RandomCrop {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        share("RandomCrop", "a padding", self.padding as Float, 65_536.0)?;
        self.cut(example, self.padding, |room| rng.random_range(0..=room))
    }

    fn plain(&self, example: ArrayD<Float>) -> Result<ArrayD<Float>> {
        self.cut(example, 0, |room| room / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_and_padding() {
        let image = || Image { height: 2, width: 3, channels: 1, pixels: (1..7).map(|x| x as Float).collect() };
        let cut = |crop: RandomCrop, padding, corner: fn(usize) -> usize| {
            crop.cut(image().into_example().unwrap(), padding, corner).unwrap().iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(cut(RandomCrop::new(2, 2), 0, |_| 0), [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(cut(RandomCrop::new(1, 2), 0, |room| room), [5.0, 6.0]);
        assert_eq!(cut(RandomCrop::new(2, 3), 1, |_| 0), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(cut(RandomCrop::new(2, 3), 1, |room| room), [5.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(cut(RandomCrop::new(1, 1), 5, |_| 0), [0.0]);
        assert_eq!(cut(RandomCrop::new(1, 1), 5, |room| room), [0.0]);
    }
}
