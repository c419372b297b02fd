//! A rise before another schedule.

use super::{Schedule, check_rate, check_steps};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::Float;

described! {
    /// A rise before another schedule: in a straight line from `start` to its first rate, which step `steps` has; the other
    /// schedule counts its steps from there. [`Schedule::warm_up`] makes one.
    ///
    /// Goyal et al. 2017; Keras' `warmup_steps` of `CosineDecay`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{Schedule, StepDecay};
    /// let schedule = StepDecay::new(1.0, 100, 0.5).warm_up(10).start(0.5);
    /// assert_eq!((schedule.rate(5), schedule.rate(10), schedule.rate(110)), (0.75, 1.0, 0.5));
    /// ```
    #[doc(alias = "LinearLR")]
    pub struct WarmUp(
        /// The number of steps of the rise.
        warmup_steps: [u32],
        /// What comes afterwards.
        then: [dyn Schedule],
    ) {
        /// The first rate.
        start: [Float] = 0.0,
    }
}

impl Schedule for WarmUp {
    config!();

    fn rate(&self, step: u32) -> Float {
        if step >= self.warmup_steps {
            return self.then.rate(step - self.warmup_steps);
        }
        let (start, end) = (f64::from(self.start), f64::from(self.then.rate(0)));
        (start + (end - start) * f64::from(step) / f64::from(self.warmup_steps)) as Float
    }

    fn check(&self, steps: Option<u32>) -> Result<()> {
        check_rate("WarmUp", self.start)?;
        check_steps("WarmUp", self.warmup_steps)?;
        if let Some(run) = steps.filter(|run| *run < self.warmup_steps) {
            let steps = self.warmup_steps;
            return Err(Error::value(format!(
                "WarmUp: the run has {run} steps, fewer than the {steps} of the warm-up; shorten it, or train for longer"
            )));
        }
        self.then.check(steps.map(|steps| steps - self.warmup_steps))
    }
}
