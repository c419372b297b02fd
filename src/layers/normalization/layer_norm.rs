//! Layer normalisation.

use super::Affine;
use super::by_row::over_last;
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::Result;
use crate::initializers::{Initializer, Ones, Zeros};
use crate::layers::Layer;
use crate::tensor::Float;

described! {
    /// Layer normalisation over the last axis, or several last ones:
    /// `y = gamma · (x - mean) / √(variance + ε) + beta`, with mean and variance (biased) of each example, or step, on its
    /// own.
    ///
    /// # Shapes
    /// input and output `[batch, ..., features]`; gamma and beta have the shape of the axes that are normalised
    /// # Defaults
    /// the last axis, epsilon 1e-3 (PyTorch's is 1e-5), with gamma (`scale`, ones) and beta (`center`, zeros)
    /// # Errors
    /// an input of fewer than two axes; axes that are not the last ones, or that have other lengths than before; an
    /// epsilon that is not positive
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = LayerNorm::new().epsilon(1e-5);
    /// let y = layer.forward(&Tape::inference().input(ndarray::arr2(&[[1.0, 3.0], [10.0, 10.0]])))?;
    /// assert!((y.value()[[0, 0]] + 1.0).abs() < 1e-4 && y.value()[[1, 0]] == 0.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Ba, Kiros & Hinton 2016; Keras `LayerNormalization`, PyTorch `LayerNorm`
    #[doc(alias = "LayerNormalization")]
    pub struct LayerNorm {
        /// The axes that are normalised together: the last ones. Negative axes count from the end.
        axes: [into Vec<isize>] = vec![-1],
        /// What is added to the variance.
        epsilon: [Float] = 1e-3,
        /// Whether there is a gamma, which the numbers are multiplied with.
        scale: [bool] = true,
        /// Whether there is a beta, which is added to the numbers.
        center: [bool] = true,
    }
    params {
        gamma: gamma_initializer = Ones,
        beta: beta_initializer = Zeros,
    }
}

impl LayerNorm {
    fn affine(&self) -> Affine<'_> {
        Affine::new([&self.gamma, &self.beta], [self.scale, self.center], self.axes.len())
    }
}

impl Layer for LayerNorm {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        over_last(x, &self.axes, &self.affine(), self.epsilon, true)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.affine().params(list);
    }
}
