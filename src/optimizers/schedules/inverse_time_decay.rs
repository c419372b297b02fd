//! One over time.

use super::{Schedule, check_at_least_0, check_decay};
use crate::error::Result;
use crate::optimizers::setters;
use crate::tensor::Float;

/// One over time: `rate / (1 + factor · step / steps)`; as a staircase `step / steps` is rounded down.
///
/// Keras `InverseTimeDecay`; PyTorch's `lr_decay` of Adagrad.
///
/// ```
/// use gradus::optimizers::schedules::{InverseTimeDecay, Schedule};
/// assert_eq!(InverseTimeDecay::new(1.0, 100, 1.0).rate(300), 0.25);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InverseTimeDecay {
    /// The first rate.
    pub rate: Float,
    /// Steps that count as 1.
    pub steps: u32,
    /// The factor of the time.
    pub factor: Float,
    /// Whether time is counted in whole numbers of these steps, no.
    pub staircase: bool,
}

impl InverseTimeDecay {
    /// Creates a schedule that starts at `rate`; time is counted in units of `steps` steps and multiplied by `factor`.
    pub fn new(rate: Float, steps: u32, factor: Float) -> Self {
        Self { rate, steps, factor, staircase: false }
    }

    setters! {
        /// Sets whether time is counted in whole numbers of steps.
        staircase: bool;
    }
}

impl Schedule for InverseTimeDecay {
    fn rate(&self, step: u32) -> Float {
        let time = f64::from(step) / f64::from(self.steps.max(1));
        let time = if self.staircase { time.floor() } else { time };
        (f64::from(self.rate) / (1.0 + f64::from(self.factor) * time)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("InverseTimeDecay", self.rate, self.steps)?;
        check_at_least_0("InverseTimeDecay", "a factor", self.factor, "0.5 is usual")
    }
}
