//! A rise before another schedule.

use super::{Schedule, check_rate, check_steps};
use crate::error::{Error, Result};
use crate::tensor::Float;

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
#[derive(Clone, Debug)]
pub struct WarmUp<S> {
    /// Steps of the rise.
    pub steps: u32,
    /// The first rate, 0.
    pub start: Float,
    /// What comes afterwards.
    pub then: S,
}

impl<S: Schedule> WarmUp<S> {
    /// Creates a schedule that rises from 0 for `steps` steps, then follows another one.
    pub fn new(steps: u32, then: S) -> Self {
        Self { steps, start: 0.0, then }
    }

    /// Sets the first rate.
    pub fn start(mut self, rate: Float) -> Self {
        self.start = rate;
        self
    }
}

impl<S: Schedule> Schedule for WarmUp<S> {
    fn rate(&self, step: u32) -> Float {
        if step >= self.steps {
            return self.then.rate(step - self.steps);
        }
        let (start, end) = (f64::from(self.start), f64::from(self.then.rate(0)));
        (start + (end - start) * f64::from(step) / f64::from(self.steps)) as Float
    }

    fn check(&self, steps: Option<u32>) -> Result<()> {
        check_rate("WarmUp", self.start)?;
        check_steps("WarmUp", self.steps)?;
        if let Some(run) = steps.filter(|run| *run < self.steps) {
            let steps = self.steps;
            return Err(Error::value(format!(
                "WarmUp: the run has {run} steps, fewer than the {steps} of the warm-up; shorten it, or train for longer"
            )));
        }
        self.then.check(steps.map(|steps| steps - self.steps))
    }
}
