//! A power of the time that is left.

use super::{Schedule, check_at_least_0, check_decay};
use crate::error::Result;
use crate::optimizers::setters;
use crate::tensor::Float;

/// A power of the time that is left: `(rate - end) · (1 - step / steps)^power + end`, then `end`. With cycles, `steps`
/// becomes its next multiple each time it is reached.
///
/// Keras `PolynomialDecay`; PyTorch `PolynomialLR`, `LinearLR`.
///
/// ```
/// use gradus::optimizers::schedules::{PolynomialDecay, Schedule};
/// assert_eq!(PolynomialDecay::new(1.0, 100).end(0.0).rate(25), 0.75);
/// ```
#[doc(alias = "PolynomialLR")]
#[doc(alias = "LinearLR")]
#[derive(Clone, Copy, Debug)]
pub struct PolynomialDecay {
    /// The first rate.
    pub rate: Float,
    /// Steps until the last rate.
    pub steps: u32,
    /// The last rate, 0.0001.
    pub end: Float,
    /// The power, 1: a straight line.
    pub power: Float,
    /// Whether to start again, from lower, after the last rate; no.
    pub cycle: bool,
}

impl PolynomialDecay {
    /// Creates a schedule that falls from `rate` to 0.0001 in `steps` steps, in a straight line.
    pub fn new(rate: Float, steps: u32) -> Self {
        Self { rate, steps, end: 1e-4, power: 1.0, cycle: false }
    }

    setters! {
        /// Sets the last rate.
        end: Float;
        /// Sets the power.
        power: Float;
        /// Sets whether to start again, from lower, after the last rate.
        cycle: bool;
    }
}

impl Schedule for PolynomialDecay {
    fn rate(&self, step: u32) -> Float {
        let (step, steps) = (f64::from(step), f64::from(self.steps.max(1)));
        let steps = if self.cycle { steps * (step / steps).ceil().max(1.0) } else { steps };
        let left = 1.0 - step.min(steps) / steps;
        let (rate, end) = (f64::from(self.rate), f64::from(self.end));
        ((rate - end) * left.powf(f64::from(self.power)) + end) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("PolynomialDecay", self.rate, self.steps)?;
        check_at_least_0("PolynomialDecay", "a last rate", self.end, "0.0001 is usual")?;
        check_at_least_0("PolynomialDecay", "a power", self.power, "1 is usual")
    }
}
