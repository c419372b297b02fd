//! Mean squared errors.

use super::items::pairs;
use super::{Each, Loss, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::Tensor;

described! {
    /// Mean squared error: `mean((prediction - target)²)` over all numbers.
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
    /// assert_eq!(MeanSquaredError::default().loss(&y, &target)?.item(), 2.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `MeanSquaredError`, PyTorch `MSELoss`
    #[doc(alias = "Mse")]
    #[doc(alias = "MSELoss")]
    #[doc(alias = "L2")]
    pub struct MeanSquaredError;
}

impl Loss for MeanSquaredError {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        pairs("MeanSquaredError", prediction, target, |x, t| ((x - t) * (x - t), 2.0 * (x - t)))
    }
}

described! {
    /// Mean squared error of the logarithms: `mean((ln(1 + prediction) - ln(1 + target))²)`, for targets of different
    /// magnitudes; numbers below 1e-7 count as that.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Errors
    /// other shapes
    /// # Example
    /// ```
    /// use gradus::losses::MeanSquaredLogarithmicError;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, 3.0]));
    /// let target = ndarray::arr1(&[1.0, 7.0]).into_dyn().into_shared();
    /// let loss = MeanSquaredLogarithmicError.loss(&y, &target)?.item();
    /// assert!((loss - 0.2402).abs() < 1e-4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `MeanSquaredLogarithmicError`
    #[doc(alias = "Msle")]
    pub struct MeanSquaredLogarithmicError;
}

impl Loss for MeanSquaredLogarithmicError {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        pairs("MeanSquaredLogarithmicError", prediction, target, |x, t| {
            let difference = x.max(1e-7).ln_1p() - t.max(1e-7).ln_1p();
            // Of what is infinite, the limit.
            let slope = if x > 1e-7 && x < f64::INFINITY { 2.0 * difference / (1.0 + x) } else { 0.0 };
            // A maximum passes over NaN.
            (if (x + t).is_nan() { f64::NAN } else { difference * difference }, slope)
        })
    }
}
