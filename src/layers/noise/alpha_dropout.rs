//! Dropout for self-normalising networks.

use super::{add, check_rate, coins, multiply};
use crate::autograd::{Noise, ParamList, Var};
use crate::config::{config, described};
use crate::error::Result;
use crate::layers::Layer;
use crate::tensor::Float;

described! {
    /// Dropout that keeps mean 0 and variance 1, for networks with [`Selu`](crate::activations::Selu): in training, sets
    /// each number with probability `rate` to what Selu gives far on the left, and then scales and shifts all; else the
    /// identity.
    ///
    /// # Shapes
    /// input and output alike, any
    /// # Errors
    /// a rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::layers::AlphaDropout;
    /// use gradus::prelude::*;
    /// let x = ndarray::Array2::<f32>::zeros((100, 100));
    /// let y = AlphaDropout::new(0.3).forward(&Tape::training().input(&x))?;
    /// assert!(y.value().mean().unwrap().abs() < 0.05);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Klambauer et al. 2017; Keras `AlphaDropout`, PyTorch `AlphaDropout`
    #[derive(Clone)]
    pub struct AlphaDropout(
        /// The share of the numbers that is dropped.
        rate: [Float],
    ) {}
    private {
        noise: Noise = Noise::default(),
    }
}

/// What Selu gives far on the left.
const DROPPED: Float = -1.673_263_242_354_377_284_8 * 1.050_700_987_355_480_493_4;

impl Layer for AlphaDropout {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        check_rate(self.rate)?;
        if !x.tape().is_noisy() || self.noise.of(self.rate) == 0.0 {
            return Ok(x.clone());
        }
        // With these, mean and variance stay as they are.
        let scale = 1.0 / ((1.0 - self.rate) * (1.0 + self.rate * DROPPED * DROPPED)).sqrt();
        let shift = -scale * DROPPED * self.rate;
        let factors = coins(x.tape(), x.value.len(), self.rate, [scale, 0.0]);
        let offsets = factors.iter().map(|factor| shift + if *factor == 0.0 { scale * DROPPED } else { 0.0 }).collect();
        Ok(add(&multiply(x, factors), offsets))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.noise(&self.noise);
    }
}
