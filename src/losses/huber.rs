//! Losses that are square near 0 and straight far out, so that outliers do not rule.

use super::items::pairs;
use super::{Each, Loss, check_setting, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::{Float, Tensor};

described! {
    /// Huber loss: `d² / 2` where `|d| ≤ delta`, and `delta |d| - delta² / 2` beyond, with `d = prediction - target`.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Defaults
    /// delta 1
    /// # Errors
    /// other shapes; a delta that is not above 0
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, 4.0]));
    /// let target = ndarray::arr1(&[0.0, 0.0]).into_dyn().into_shared();
    /// assert_eq!(Huber::new(2.0).loss(&y, &target)?.item(), 3.25);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Huber 1964; Keras `Huber`, PyTorch `HuberLoss`
    #[doc(alias = "HuberLoss")]
    #[derive(Clone, Copy)]
    pub struct Huber(
        /// Where the square becomes a straight line.
        delta: [Float] = 1.0,
    ) {}
}

impl Loss for Huber {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        check_setting("Huber", "a delta", self.delta, Float::MIN_POSITIVE..)?;
        let delta = f64::from(self.delta);
        pairs("Huber", prediction, target, move |x, t| {
            let d = x - t;
            if d.abs() <= delta {
                (0.5 * d * d, d)
            } else {
                (delta * d.abs() - 0.5 * delta * delta, delta * d.signum())
            }
        })
    }
}

described! {
    /// Smooth absolute error: `d² / (2 beta)` where `|d| < beta`, and `|d| - beta / 2` beyond, with `d = prediction - target`.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Defaults
    /// beta 1
    /// # Errors
    /// other shapes; a negative beta
    /// # Example
    /// ```
    /// use gradus::losses::SmoothL1;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, 4.0]));
    /// let target = ndarray::arr1(&[0.0, 0.0]).into_dyn().into_shared();
    /// assert_eq!(SmoothL1::new(2.0).loss(&y, &target)?.item(), 1.625);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Girshick 2015; PyTorch `SmoothL1Loss`
    #[doc(alias = "SmoothL1Loss")]
    #[derive(Clone, Copy)]
    pub struct SmoothL1(
        /// Where the square becomes a straight line; 0 gives the absolute error.
        beta: [Float] = 1.0,
    ) {}
}

impl Loss for SmoothL1 {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        check_setting("SmoothL1", "a beta of", self.beta, 0.0..)?;
        let beta = f64::from(self.beta);
        pairs("SmoothL1", prediction, target, move |x, t| {
            let d = x - t;
            if d.abs() < beta {
                (0.5 * d * d / beta, d / beta)
            } else {
                (d.abs() - 0.5 * beta, if d == 0.0 { 0.0 } else { d.signum() })
            }
        })
    }
}

described! {
    /// Logarithm of the hyperbolic cosine: `mean(ln cosh(prediction - target))`, smooth everywhere.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Errors
    /// other shapes
    /// # Example
    /// ```
    /// use gradus::losses::LogCosh;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, 1000.0]));
    /// let target = ndarray::arr1(&[1.0, 0.0]).into_dyn().into_shared();
    /// assert!((LogCosh.loss(&y, &target)?.item() - 499.6534).abs() < 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `LogCosh`
    pub struct LogCosh;
}

impl Loss for LogCosh {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        pairs("LogCosh", prediction, target, |x, t| {
            let d = (x - t).abs();
            (d + (-2.0 * d).exp().ln_1p() - std::f64::consts::LN_2, (x - t).tanh())
        })
    }
}
