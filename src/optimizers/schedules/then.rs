//! One schedule after another.

use super::{Schedule, check_steps};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// One schedule after another; [`Schedule::then`] makes it.
    ///
    /// PyTorch `SequentialLR`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{CosineDecay, Schedule};
    /// let schedule = 0.5.then(100, CosineDecay::new(1.0, 100)).then(150, 0.25);
    /// assert_eq!((schedule.rate(99), schedule.rate(100), schedule.rate(150)), (0.5, 1.0, 0.25));
    /// ```
    pub struct Then(
        /// The first schedule.
        first: [dyn Schedule],
        /// The number of steps of the first one.
        steps: [u32],
        /// The next schedule, which starts at its own step 0.
        next: [dyn Schedule],
    ) {}
}

impl Schedule for Then {
    config!();

    fn rate(&self, step: u32) -> Float {
        if step < self.steps { self.first.rate(step) } else { self.next.rate(step - self.steps) }
    }

    fn check(&self, steps: Option<u32>) -> Result<()> {
        check_steps("Then", self.steps)?;
        self.first.check(Some(steps.unwrap_or(self.steps).min(self.steps)))?;
        self.next.check(steps.map(|steps| steps.saturating_sub(self.steps)).filter(|left| *left > 0))
    }
}
