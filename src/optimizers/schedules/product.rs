//! One schedule times another.

use super::Schedule;
use crate::error::Result;
use crate::tensor::Float;

/// One schedule times another; [`Schedule::times`] makes it.
///
/// PyTorch `ChainedScheduler`.
///
/// ```
/// use gradus::optimizers::schedules::{ExponentialDecay, Schedule, StepDecay};
/// let schedule = ExponentialDecay::new(1.0, 100, 0.25).times(StepDecay::new(1.0, 50, 0.5));
/// assert_eq!(schedule.rate(50), 0.25);
/// ```
#[derive(Clone, Debug)]
pub struct Product<S, T> {
    one: S,
    other: T,
}

impl<S: Schedule, T: Schedule> Product<S, T> {
    pub(super) fn new(one: S, other: T) -> Self {
        Self { one, other }
    }
}

impl<S: Schedule, T: Schedule> Schedule for Product<S, T> {
    fn rate(&self, step: u32) -> Float {
        self.one.rate(step) * self.other.rate(step)
    }

    fn check(&self, steps: Option<u32>) -> Result<()> {
        self.one.check(steps)?;
        self.other.check(steps)
    }
}
