//! Dropout for self-normalising networks.

use super::{add, check_rate, coins, multiply, noise_layer};
use crate::autograd::Var;
use crate::tensor::Float;

noise_layer! {
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
    pub struct AlphaDropout(
        /// The share of the numbers that is dropped.
        rate: [Float]
    );
    check check_rate(layer.rate);
    |layer, x| shifted(x, layer.rate)
}

/// What Selu gives far on the left.
const DROPPED: Float = -1.673_263_242_354_377_284_8 * 1.050_700_987_355_480_493_4;

fn shifted(x: &Var, rate: Float) -> Var {
    // With these, mean and variance stay as they are.
    let scale = 1.0 / ((1.0 - rate) * (1.0 + rate * DROPPED * DROPPED)).sqrt();
    let shift = -scale * DROPPED * rate;
    let factors = coins(x.tape(), x.value.len(), rate, [scale, 0.0]);
    let offsets = factors.iter().map(|factor| shift + if *factor == 0.0 { scale * DROPPED } else { 0.0 }).collect();
    add(&multiply(x, factors), offsets)
}
