//! Root mean square normalisation.

use super::Affine;
use super::by_row::over_last;
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::Result;
use crate::initializers::{Initializer, Ones};
use crate::layers::Layer;
use crate::tensor::Float;

described! {
    /// Root mean square normalisation over the last axis, or several last ones: `y = gamma · x / √(mean(x²) + ε)`.
    ///
    /// # Shapes
    /// input and output `[batch, ..., features]`; gamma has the shape of the axes that are normalised
    /// # Defaults
    /// the last axis, epsilon 1e-6, with gamma (`scale`, ones)
    /// # Errors
    /// an input of fewer than two axes; axes that are not the last ones, or that have other lengths than before; an
    /// epsilon that is not positive
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let y = RmsNorm::new().forward(&Tape::inference().input(ndarray::arr2(&[[1.0, 7.0]])))?;
    /// assert!((y.value()[[0, 0]] - 0.2).abs() < 1e-6 && (y.value()[[0, 1]] - 1.4).abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Zhang & Sennrich 2019; Keras `RMSNormalization`, PyTorch `RMSNorm`
    #[doc(alias = "RMSNormalization")]
    #[doc(alias = "RMSNorm")]
    pub struct RmsNorm {
        /// The axes that are normalised together: the last ones. Negative axes count from the end.
        axes: [into Vec<isize>] = vec![-1],
        /// What is added to the variance.
        epsilon: [Float] = 1e-6,
        /// Whether there is a gamma, which the numbers are multiplied with.
        scale: [bool] = true,
    }
    params {
        gamma: gamma_initializer = Ones,
    }
}

impl RmsNorm {
    fn affine(&self) -> Affine<'_> {
        Affine::new([&self.gamma; 2], [self.scale, false], self.axes.len())
    }
}

impl Layer for RmsNorm {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        over_last(x, &self.axes, &self.affine(), self.epsilon, false)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.affine().params(list);
    }
}
