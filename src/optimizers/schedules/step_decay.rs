//! A factor every few steps.

use super::{Schedule, check_at_least_0, check_decay};
use crate::error::Result;
use crate::tensor::Float;

/// A factor every few steps: `rate · factor^⌊step / steps⌋`.
///
/// PyTorch `StepLR`.
///
/// ```
/// use gradus::optimizers::schedules::{StepDecay, Schedule};
/// assert_eq!(StepDecay::new(1.0, 100, 0.5).rate(250), 0.25);
/// ```
#[doc(alias = "StepLR")]
#[derive(Clone, Copy, Debug)]
pub struct StepDecay {
    /// The first rate.
    pub rate: Float,
    /// Steps of one rate.
    pub steps: u32,
    /// What the rate is multiplied with after them.
    pub factor: Float,
}

impl StepDecay {
    /// Creates a schedule that starts at `rate`, which is multiplied by `factor` every `steps` steps.
    pub fn new(rate: Float, steps: u32, factor: Float) -> Self {
        Self { rate, steps, factor }
    }
}

impl Schedule for StepDecay {
    fn rate(&self, step: u32) -> Float {
        (f64::from(self.rate) * f64::from(self.factor).powf(f64::from(step / self.steps.max(1)))) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("StepDecay", self.rate, self.steps)?;
        check_at_least_0("StepDecay", "a factor", self.factor, "0.1 is usual")
    }
}
