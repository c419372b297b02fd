//! Normally distributed noise.

use rand_distr::{Distribution, StandardNormal};

use super::{add, check_rate, multiply, noise_layer};
use crate::autograd::Var;
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::Float;

noise_layer! {
    /// In training, adds normally distributed noise of mean 0; else the identity.
    ///
    /// # Shapes
    /// input and output alike, any
    /// # Errors
    /// a standard deviation that is negative or not finite
    /// # Example
    /// ```
    /// use gradus::layers::GaussianNoise;
    /// use gradus::prelude::*;
    /// let x = ndarray::Array2::<f32>::zeros((100, 100));
    /// let y = GaussianNoise::new(0.5).forward(&Tape::training().input(&x))?;
    /// assert!((y.value().std(0.0) - 0.5).abs() < 0.02);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `GaussianNoise`; Bishop 1995
    pub struct GaussianNoise(
        /// The standard deviation.
        stddev: [Float]
    );
    check check_deviation(layer.stddev);
    |layer, x| add(x, normal(x, 0.0, layer.stddev))
}

noise_layer! {
    /// In training, multiplies with normally distributed noise of mean 1 and standard deviation `√(rate / (1 - rate))`, that
    /// of a dropout of this rate; else the identity.
    ///
    /// # Shapes
    /// input and output alike, any
    /// # Errors
    /// a rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::layers::GaussianDropout;
    /// use gradus::prelude::*;
    /// let x = ndarray::Array2::<f32>::ones((100, 100));
    /// let y = GaussianDropout::new(0.5).forward(&Tape::training().input(&x))?;
    /// assert!((y.value().std(0.0) - 1.0).abs() < 0.05);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Srivastava et al. 2014; Keras `GaussianDropout`
    pub struct GaussianDropout(
        /// The rate of the dropout whose noise it has.
        rate: [Float]
    );
    check check_rate(layer.rate);
    |layer, x| multiply(x, normal(x, 1.0, (layer.rate / (1.0 - layer.rate)).sqrt()))
}

fn check_deviation(stddev: Float) -> Result<()> {
    if stddev >= 0.0 && stddev.is_finite() {
        return Ok(());
    }
    Err(Error::value(format!("expected a standard deviation of 0 or more, got {stddev}")))
}

/// As many numbers as `x` has.
fn normal(x: &Var, mean: Float, std: Float) -> Vec<Float> {
    let mut numbers = buffer(x.value.len());
    x.tape().random(|rng| {
        for number in &mut numbers {
            let unit: Float = StandardNormal.sample(rng);
            *number = mean + std * unit;
        }
    });
    numbers
}
