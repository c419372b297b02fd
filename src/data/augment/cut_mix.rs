//! Cut-mix.

use rand::RngExt;

use super::mix::{Example, Mix};
use super::{Image, mix_up};
use crate::config::{config, described};
use crate::error::Result;
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Puts a rectangle of another image into each, and mixes the targets by the share of the area, `1 - λ` where `λ` is
    /// drawn from `Beta(α, α)` (the part of the rectangle that lies outside of the image is cut off, and does not count).
    ///
    /// # Shapes
    /// inputs `[batch, height, width, channels]`; targets with an axis besides the batch, such as one-hot classes
    /// # Defaults
    /// α 1
    /// # Errors
    /// an α that is not above 0; inputs that are not images; targets that are class numbers
    /// # Example
    /// ```
    /// use gradus::data::augment::CutMix;
    /// use gradus::prelude::*;
    /// let data = (ndarray::Array4::<f32>::zeros((10, 8, 8, 1)), ndarray::Array1::<u8>::zeros(10));
    /// let data = data.one_hot(2).mix(1, CutMix::default());
    /// assert_eq!(data.training_batch(&[3], 0)?.targets[0].sum(), 1.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Yun et al. 2019; Keras `CutMix`
    #[derive(Clone)]
    pub struct CutMix(
        /// α of the Beta distribution: the greater, the more even the mixture.
        alpha: [Float] = 1.0,
    ) {}
}

impl Mix for CutMix {
    config!();

    fn mix(&self, mut example: Example, other: &Example, rng: &mut Rng) -> Result<Example> {
        example.same_shapes("CutMix", other)?;
        let side = (1.0 - mix_up::weight("CutMix", self.alpha, rng)?).max(0.0).sqrt();
        let mut image = Image::new("CutMix", std::mem::take(&mut example.input))?;
        let source = Image::new("CutMix", other.input.clone())?;
        let mut span = |len: usize| {
            let half = (side * len as Float) as usize / 2;
            let centre = rng.random_range(0..len.max(1));
            (centre.saturating_sub(half), (centre + half).min(len))
        };
        let ((top, bottom), (left, right)) = (span(image.height), span(image.width));
        image.paste(&source, [top, left], [bottom - top, right - left]);
        let area = ((bottom - top) * (right - left)) as Float / (image.height * image.width).max(1) as Float;
        example.mix_target(other, area);
        example.input = image.into_example()?;
        Ok(example)
    }
}
