//! Clipped gradients of single examples, and noise.

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::optimizers::{GradientHook, StepGradients};
use crate::tensor::Float;

described! {
    /// Private training: clips the gradient of each example to `max_norm`, adds them up, adds normal noise of the standard deviation
    /// `noise_multiplier max_norm`, and divides by the expected size of a batch. Any optimizer steps along the result.
    ///
    /// ```text
    /// g = (Σ gᵢ min(1, max_norm / |gᵢ|) + noise) / batch_size
    /// ```
    ///
    /// The noise comes from ChaCha with 20 rounds, a cryptographic generator: who does not know the seed cannot take it out again. Choose a seed
    /// that nobody can guess. Like that of other libraries it is made of floating-point numbers, in whose lowest bits a sharp observer
    /// could find traces of the sum (Mironov 2012).
    ///
    /// # Errors
    /// a norm or a batch size of 0, negative noise; models and losses that look across the batch, such as by batch normalisation
    /// # Example
    /// See [the module](crate::privacy).
    /// # Reference
    /// Abadi et al. 2016; Opacus' `PrivacyEngine`
    #[derive(Clone)]
    pub struct DpSgd(
        /// The largest norm of an example's gradient.
        max_norm: [f64],
        /// The standard deviation of the noise, in units of `max_norm`.
        noise_multiplier: [f64],
        /// How many examples a batch has, or is expected to have.
        batch_size: [usize],
    ) {
        /// What decides on the noise.
        seed: [u64] = 0,
    }
}

impl GradientHook for DpSgd {
    config!();

    fn example_factor(&self, norm: f64, share: f64) -> Option<f64> {
        let factor = if norm > self.max_norm { self.max_norm / norm } else { 1.0 };
        Some(factor / share / self.batch_size as f64)
    }

    fn check(&self) -> Result<()> {
        let is_sound = self.max_norm > 0.0 && self.max_norm.is_finite() && self.noise_multiplier >= 0.0;
        if is_sound && self.noise_multiplier.is_finite() && self.batch_size > 0 {
            return Ok(());
        }
        Err(Error::value(format!(
            "DpSgd: expected a norm above 0, noise of at least 0 and a batch size above 0, got {}, {} and {}",
            self.max_norm, self.noise_multiplier, self.batch_size
        )))
    }

    fn step(&mut self, gradients: &mut StepGradients<'_, '_>) -> Result<()> {
        let deviation = self.noise_multiplier * self.max_norm / self.batch_size as f64;
        let (seed, step) = (self.seed, gradients.number());
        gradients.change(|place, _, numbers| {
            let mut rng = ChaCha20Rng::from_seed(key(seed, step, place));
            for number in numbers {
                let normal: f64 = StandardNormal.sample(&mut rng);
                *number += (deviation * normal) as Float;
            }
        });
        Ok(())
    }
}

/// The key of the noise of a parameter in a step: another one for each, on whatever thread, after a resumption too.
fn key(seed: u64, step: u32, place: usize) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..12].copy_from_slice(&step.to_le_bytes());
    key[12..20].copy_from_slice(&(place as u64).to_le_bytes());
    key
}
