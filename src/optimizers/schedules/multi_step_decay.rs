//! A factor at given steps.

use super::{Schedule, check_at_least_0, check_rate};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::Float;

described! {
    /// A factor at given steps: `rate · factor^n` after `n` of them, from the step itself on.
    ///
    /// PyTorch `MultiStepLR`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{MultiStepDecay, Schedule};
    /// assert_eq!(MultiStepDecay::new(1.0, [100, 200], 0.5).rate(200), 0.25);
    /// ```
    #[doc(alias = "MultiStepLR")]
    #[derive(Clone)]
    pub struct MultiStepDecay(
        /// The first rate.
        initial_learning_rate: [Float],
        /// The steps at which it changes, rising.
        milestones: [into Vec<u32>],
        /// What the rate is multiplied with there.
        decay_rate: [Float],
    ) {}
}

impl Schedule for MultiStepDecay {
    config!();

    fn rate(&self, step: u32) -> Float {
        let passed = self.milestones.partition_point(|milestone| *milestone <= step);
        (f64::from(self.initial_learning_rate) * f64::from(self.decay_rate).powf(passed as f64)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_rate("MultiStepDecay", self.initial_learning_rate)?;
        check_at_least_0("MultiStepDecay", "a factor", self.decay_rate, "0.1 is usual")?;
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
