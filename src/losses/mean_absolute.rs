//! Mean absolute errors.

use super::items::pairs;
use super::{Each, Loss, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::Tensor;

described! {
    /// Mean absolute error: `mean(|prediction - target|)` over all numbers.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Errors
    /// other shapes
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, 4.0]));
    /// let target = ndarray::arr1(&[1.0, 2.0]).into_dyn().into_shared();
    /// assert_eq!(MeanAbsoluteError::default().loss(&y, &target)?.item(), 1.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `MeanAbsoluteError`, PyTorch `L1Loss`
    #[doc(alias = "Mae")]
    #[doc(alias = "L1Loss")]
    #[doc(alias = "L1")]
    pub struct MeanAbsoluteError;
}

impl Loss for MeanAbsoluteError {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        pairs("MeanAbsoluteError", prediction, target, |x, t| ((x - t).abs(), sign(x - t)))
    }
}

described! {
    /// Mean absolute error in per cent of the target: `100 · mean(|prediction - target| / max(|target|, 1e-7))`.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Errors
    /// other shapes
    /// # Example
    /// ```
    /// use gradus::losses::MeanAbsolutePercentageError;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, 5.0]));
    /// let target = ndarray::arr1(&[1.0, 4.0]).into_dyn().into_shared();
    /// assert_eq!(MeanAbsolutePercentageError.loss(&y, &target)?.item(), 12.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `MeanAbsolutePercentageError`
    #[doc(alias = "Mape")]
    pub struct MeanAbsolutePercentageError;
}

impl Loss for MeanAbsolutePercentageError {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        pairs("MeanAbsolutePercentageError", prediction, target, |x, t| {
            let scale = 100.0 / t.abs().max(1e-7);
            ((x - t).abs() * scale, sign(x - t) * scale)
        })
    }
}

/// The sign, and 0 of 0.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}
