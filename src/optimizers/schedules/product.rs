//! One schedule times another.

use super::Schedule;
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// One schedule times another; [`Schedule::times`] makes it.
    ///
    /// PyTorch `ChainedScheduler`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{ExponentialDecay, Schedule, StepDecay};
    /// let schedule = ExponentialDecay::new(1.0, 100, 0.25).times(StepDecay::new(1.0, 50, 0.5));
    /// assert_eq!(schedule.rate(50), 0.25);
    /// ```
    pub struct Product(
        /// One schedule.
        one: [dyn Schedule],
        /// The other one.
        other: [dyn Schedule],
    ) {}
}
impl Schedule for Product {
    config!();

    fn rate(&self, step: u32) -> Float {
        self.one.rate(step) * self.other.rate(step)
    }

    fn check(&self, steps: Option<u32>) -> Result<()> {
        self.one.check(steps)?;
        self.other.check(steps)
    }
}
