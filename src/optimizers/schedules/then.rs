//! One schedule after another.

use super::{Schedule, check_steps};
use crate::error::Result;
use crate::tensor::Float;

/// One schedule after another; [`Schedule::then`] makes it.
///
/// PyTorch `SequentialLR`.
///
/// ```
/// use gradus::optimizers::schedules::{CosineDecay, Schedule};
/// let schedule = 0.5.then(100, CosineDecay::new(1.0, 100)).then(150, 0.25);
/// assert_eq!((schedule.rate(99), schedule.rate(100), schedule.rate(150)), (0.5, 1.0, 0.25));
/// ```
#[derive(Clone, Debug)]
pub struct Then<S, T> {
    first: S,
    steps: u32,
    next: T,
}

impl<S: Schedule, T: Schedule> Then<S, T> {
    pub(super) fn new(first: S, steps: u32, next: T) -> Self {
        Self { first, steps, next }
    }
}

impl<S: Schedule, T: Schedule> Schedule for Then<S, T> {
    fn rate(&self, step: u32) -> Float {
        if step < self.steps { self.first.rate(step) } else { self.next.rate(step - self.steps) }
    }

    fn check(&self, steps: Option<u32>) -> Result<()> {
        check_steps("Then", self.steps)?;
        self.first.check(Some(steps.unwrap_or(self.steps).min(self.steps)))?;
        self.next.check(steps.map(|steps| steps.saturating_sub(self.steps)).filter(|left| *left > 0))
    }
}
