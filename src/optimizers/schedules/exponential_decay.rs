//! A factor in each step.

use super::{Schedule, check_at_least_0, check_decay};
use crate::error::Result;
use crate::optimizers::setters;
use crate::tensor::Float;

/// A factor that acts little by little: `rate · factor^(step / steps)`; as a staircase the exponent is rounded down.
///
/// Keras `ExponentialDecay`; with 1 step PyTorch's `ExponentialLR`.
///
/// ```
/// use gradus::optimizers::schedules::{ExponentialDecay, Schedule};
/// assert_eq!(ExponentialDecay::new(1.0, 100, 0.25).rate(50), 0.5);
/// ```
#[doc(alias = "ExponentialLR")]
#[derive(Clone, Copy, Debug)]
pub struct ExponentialDecay {
    /// The first rate.
    pub rate: Float,
    /// Steps in which the whole factor acts.
    pub steps: u32,
    /// The factor.
    pub factor: Float,
    /// Whether it acts at once after these steps, no.
    pub staircase: bool,
}

impl ExponentialDecay {
    /// Creates a schedule that starts at `rate`, which is multiplied by `factor` within `steps` steps.
    pub fn new(rate: Float, steps: u32, factor: Float) -> Self {
        Self { rate, steps, factor, staircase: false }
    }

    setters! {
        /// Sets whether the factor acts at once after its steps.
        staircase: bool;
    }
}

impl Schedule for ExponentialDecay {
    fn rate(&self, step: u32) -> Float {
        let exponent = f64::from(step) / f64::from(self.steps.max(1));
        let exponent = if self.staircase { exponent.floor() } else { exponent };
        (f64::from(self.rate) * f64::from(self.factor).powf(exponent)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("ExponentialDecay", self.rate, self.steps)?;
        check_at_least_0("ExponentialDecay", "a factor", self.factor, "0.96 is usual")
    }
}
