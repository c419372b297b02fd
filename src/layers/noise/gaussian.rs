//! Normally distributed noise.

use rand_distr::{Distribution, StandardNormal};

use super::{add, check_rate, multiply};
use crate::autograd::{Noise, ParamList, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::layers::Layer;
use crate::tensor::Float;

described! {
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
    #[derive(Clone)]
    pub struct GaussianNoise(
        /// The standard deviation.
        stddev: [Float],
    ) {}
    private {
        noise: Noise = Noise::default(),
    }
}

described! {
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
    #[derive(Clone)]
    pub struct GaussianDropout(
        /// The rate of the dropout whose noise it has.
        rate: [Float],
    ) {}
    private {
        noise: Noise = Noise::default(),
    }
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

impl Layer for GaussianNoise {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        if !(self.stddev >= 0.0 && self.stddev.is_finite()) {
            return Err(Error::value(format!("expected a standard deviation of 0 or more, got {}", self.stddev)));
        }
        if !x.tape().is_noisy() || self.noise.of(self.stddev) == 0.0 {
            return Ok(x.clone());
        }
        Ok(add(x, normal(x, 0.0, self.stddev)))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.noise(&self.noise);
    }
}

impl Layer for GaussianDropout {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        check_rate(self.rate)?;
        if !x.tape().is_noisy() || self.noise.of(self.rate) == 0.0 {
            return Ok(x.clone());
        }
        Ok(multiply(x, normal(x, 1.0, (self.rate / (1.0 - self.rate)).sqrt())))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.noise(&self.noise);
    }
}
