//! A factor at given steps.

use super::{Schedule, check_at_least_0, check_rate};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// A factor at given steps: `rate · factor^n` after `n` of them, from the step itself on.
///
/// PyTorch `MultiStepLR`.
///
/// ```
/// use gradus::optimizers::schedules::{MultiStepDecay, Schedule};
/// assert_eq!(MultiStepDecay::new(1.0, [100, 200], 0.5).rate(200), 0.25);
/// ```
#[doc(alias = "MultiStepLR")]
#[derive(Clone, Debug)]
pub struct MultiStepDecay {
    /// The first rate.
    pub rate: Float,
    /// The steps at which it changes, rising.
    pub milestones: Vec<u32>,
    /// What it is multiplied with there.
    pub factor: Float,
}

impl MultiStepDecay {
    /// Creates a schedule that starts at `rate`, which is multiplied by `factor` at each of these steps.
    pub fn new(rate: Float, milestones: impl Into<Vec<u32>>, factor: Float) -> Self {
        Self { rate, milestones: milestones.into(), factor }
    }
}

impl Schedule for MultiStepDecay {
    fn rate(&self, step: u32) -> Float {
        let passed = self.milestones.partition_point(|milestone| *milestone <= step);
        (f64::from(self.rate) * f64::from(self.factor).powf(passed as f64)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_rate("MultiStepDecay", self.rate)?;
        check_at_least_0("MultiStepDecay", "a factor", self.factor, "0.1 is usual")?;
        check_rising("MultiStepDecay", &self.milestones)
    }
}

/// Steps must rise.
pub(super) fn check_rising(who: &str, steps: &[u32]) -> Result<()> {
    if steps.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(Error::value(format!("{who}: expected steps that rise, got {steps:?}")))
}
