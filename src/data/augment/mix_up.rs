//! Mix-up.

use rand_distr::{Beta, Distribution};

use super::mix::{Example, Mix};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

described! {
    /// Adds two examples, inputs and targets, with weights `λ` and `1 - λ`, where `λ` is drawn from `Beta(α, α)`.
    ///
    /// # Shapes
    /// inputs of any shape; targets with an axis besides the batch, such as one-hot classes
    /// # Defaults
    /// α 0.2
    /// # Errors
    /// an α that is not above 0; targets that are class numbers
    /// # Example
    /// ```
    /// use gradus::data::augment::MixUp;
    /// use gradus::prelude::*;
    /// let data = (ndarray::Array2::<f32>::zeros((10, 3)), ndarray::Array1::<u8>::zeros(10));
    /// let data = data.one_hot(2).mix(1, MixUp::new(0.2));
    /// assert_eq!(data.training_batch(&[3], 0)?.targets[0].sum(), 1.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Zhang, Cisse, Dauphin & Lopez-Paz 2018; Keras `MixUp`
    #[derive(Clone)]
    pub struct MixUp(
        /// α of the Beta distribution: the greater, the more even the mixture.
        alpha: [Float] = 0.2,
    ) {}
}

/// A draw from `Beta(alpha, alpha)`.
pub(super) fn weight(who: &str, alpha: Float, rng: &mut Rng) -> Result<Float> {
    let alpha = f64::from(alpha);
    let beta = Some(alpha).filter(|alpha| alpha.is_finite()).and_then(|alpha| Beta::new(alpha, alpha).ok());
    let Some(beta) = beta else {
        return Err(Error::value(format!("{who}: expected an alpha above 0, got {alpha}; 0.2 to 1 is usual")));
    };
    // A tiny alpha gives 0 / 0, where the limit is one or the other example.
    let weight = beta.sample(rng) as Float;
    Ok(if weight.is_nan() { 1.0 } else { weight })
}

impl Mix for MixUp {
    config!();

    fn mix(&self, mut example: Example, other: &Example, rng: &mut Rng) -> Result<Example> {
        example.same_shapes("MixUp", other)?;
        let keep = weight("MixUp", self.alpha, rng)?;
        example.input.zip_mut_with(&other.input, |a, b| *a = keep * *a + (1.0 - keep) * b);
        example.mix_target(other, 1.0 - keep);
        Ok(example)
    }
}
