//! A factor every few steps.

use super::{Schedule, check_at_least_0, check_decay};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// A factor every few steps: `rate · factor^⌊step / steps⌋`.
    ///
    /// PyTorch `StepLR`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{StepDecay, Schedule};
    /// assert_eq!(StepDecay::new(1.0, 100, 0.5).rate(250), 0.25);
    /// ```
    #[doc(alias = "StepLR")]
    #[derive(Clone, Copy)]
    pub struct StepDecay(
        /// The first rate.
        initial_learning_rate: [Float],
        /// The number of steps of one rate.
        decay_steps: [u32],
        /// What the rate is multiplied with after them.
        decay_rate: [Float],
    ) {}
}

impl Schedule for StepDecay {
    config!();

    fn rate(&self, step: u32) -> Float {
        (f64::from(self.initial_learning_rate)
            * f64::from(self.decay_rate).powf(f64::from(step / self.decay_steps.max(1)))) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("StepDecay", self.initial_learning_rate, self.decay_steps)?;
        check_at_least_0("StepDecay", "a factor", self.decay_rate, "0.1 is usual")
    }
}
