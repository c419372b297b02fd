//! Images as on a rubber sheet.

use ndarray::ArrayD;
use rand::RngExt;

use super::{Augment, Fill, Image};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::{Float, transposed};

described! {
    /// Moves each pixel by a random distance, alike for neighbours: uniform noise in -1 to 1, smoothed by a Gaussian of
    /// standard deviation `sigma` pixels, times `alpha`.
    ///
    /// # Shapes
    /// images `[height, width, channels]`
    /// # Defaults
    /// mirrored at the edges
    /// # Errors
    /// an `alpha` that is negative or not finite; a `sigma` that is not above 0, or above 1,000; examples that are not
    /// images
    /// # Example
    /// ```
    /// use gradus::data::augment::RandomElasticTransform;
    /// use gradus::prelude::*;
    /// let (train, _) = mnist::load("examples/data/mnist")?;
    /// let train = train.augment(1, RandomElasticTransform::new(34.0, 4.0));
    /// # assert_eq!(train.training_batch(&[0], 0)?.inputs[0].shape(), [1, 28, 28, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Simard, Steinkraus & Platt 2003; Keras `RandomElasticTransform`, torchvision `ElasticTransform`
    #[derive(Clone)]
    #[doc(alias = "ElasticTransform")]
    pub struct RandomElasticTransform(
        /// How far pixels move.
        alpha: [Float],
        /// How smooth the movement is, in pixels.
        sigma: [Float],
    ) {
        /// What comes in from outside.
        fill_mode: [Fill] = Fill::Reflect,
    }
}

impl RandomElasticTransform {
    /// One distance for each pixel.
    fn field(&self, height: usize, width: usize, rng: &mut Rng) -> Vec<Float> {
        let noise: Vec<Float> = (0..height * width).map(|_| rng.random_range(-1.0..=1.0)).collect();
        let radius = (3.0 * self.sigma).ceil() as i64;
        let weight = |i: i64| libm::exp(-0.5 * (i as f64 / f64::from(self.sigma)).powi(2));
        let sum: f64 = (-radius..=radius).map(weight).sum();
        let weights: Vec<Float> = (-radius..=radius).map(|i| (weight(i) / sum) as Float).collect();
        let columns = transposed(&smoothed(&transposed(&noise, height, width), height, &weights), width, height);
        smoothed(&columns, width, &weights).iter().map(|x| x * self.alpha).collect()
    }
}

/// Each column smoothed, of rows of this width. Outside of the image nothing moves.
fn smoothed(field: &[Float], width: usize, weights: &[Float]) -> Vec<Float> {
    let (height, radius) = (field.len() / width, weights.len() / 2);
    let mut out = vec![0.0; field.len()];
    for (y, out) in out.chunks_mut(width).enumerate() {
        for other in y.saturating_sub(radius)..height.min(y + radius + 1) {
            let weight = weights[other + radius - y];
            let row = &field[other * width..][..width];
            out.iter_mut().zip(row).for_each(|(out, x)| *out += weight * x);
        }
    }
    out
}

impl Augment for RandomElasticTransform {
    config!();

    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        let image = Image::new("RandomElasticTransform", example)?;
        let (alpha, sigma) = (self.alpha, self.sigma);
        if !(0.0..=1e6).contains(&alpha) {
            return Err(Error::value(format!("RandomElasticTransform: expected an alpha in 0..=1000000, got {alpha}")));
        }
        if !(sigma > 0.0 && sigma <= 1000.0) {
            return Err(Error::value(format!(
                "RandomElasticTransform: expected a sigma above 0, at most 1000, got {sigma}"
            )));
        }
        if image.pixels.is_empty() {
            return image.into_example();
        }
        let down = self.field(image.height, image.width, rng);
        let right = self.field(image.height, image.width, rng);
        let moved = image.warp(self.fill_mode, |y, x| {
            let i = y * image.width + x;
            (y as Float + down[i], x as Float + right[i])
        });
        moved.into_example()
    }
}
