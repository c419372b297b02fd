//! Dropout.

use super::{Mask, dropout_factors};
use crate::autograd::{Noise, ParamList, Var};
use crate::config::{config, described};
use crate::error::Result;
use crate::layers::Layer;
use crate::tensor::Float;

described! {
    /// In training, sets each number to 0 with probability `rate` and divides the others by `1 - rate`; else the identity.
    ///
    /// # Shapes
    /// input and output alike, any
    /// # Errors
    /// a rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let x = ndarray::Array2::<f32>::ones((2, 3));
    /// let y = Dropout::new(0.5).forward(&Tape::training().input(&x))?;
    /// assert!(y.value().iter().all(|y| *y == 0.0 || *y == 2.0));
    /// let y = Dropout::new(0.5).forward(&Tape::inference().input(&x))?;
    /// assert_eq!(*y.value(), x.into_dyn());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Srivastava et al. 2014; Keras `Dropout`
    #[derive(Clone)]
    pub struct Dropout(
        /// The share of the numbers that is dropped.
        rate: [Float],
    ) {}
    private {
        noise: Noise = Noise::default(),
    }
}

impl Layer for Dropout {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(match dropout_factors(x.tape(), self.noise.of(self.rate), x.value.shape())? {
            Some(mask) => x.tape().apply(Mask { mask }, &[x]),
            None => x.clone(),
        })
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.noise(&self.noise);
    }
}
