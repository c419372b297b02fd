//! Vectors of length 1.

use super::Affine;
use super::by_row::{ByRow, last_axes};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::row_norm::Rows;
use crate::layers::Layer;

described! {
    /// Divides vectors by their length, so that it becomes 1: `y = x / √(Σ x² + 1e-24)` over the last axis, or several last
    /// ones.
    ///
    /// # Shapes
    /// input and output `[batch, ..., features]`
    /// # Defaults
    /// the last axis
    /// # Errors
    /// an input of fewer than two axes; axes that are not the last ones
    /// # Example
    /// ```
    /// use gradus::layers::UnitNorm;
    /// use gradus::prelude::*;
    /// let y = UnitNorm::new().forward(&Tape::inference().input(ndarray::arr2(&[[3.0, 4.0], [0.0, 0.0]])))?;
    /// assert!((y.value()[[0, 0]] - 0.6).abs() < 1e-6 && y.value()[[1, 0]] == 0.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `UnitNormalization`, PyTorch `functional.normalize`
    #[doc(alias = "UnitNormalization")]
    pub struct UnitNorm {
        /// The axes that a vector runs over: the last ones. Negative axes count from the end.
        axes: [into Vec<isize>] = vec![-1],
    }
}

impl Layer for UnitNorm {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let shape = last_axes(x, &self.axes)?;
        let rows = Rows { len: shape.iter().product(), centered: false, share: 1.0, epsilon: 1e-24 };
        Ok(ByRow::apply(x, &Affine { gamma: None, beta: None }.on(x, shape)?, rows))
    }
}
