//! A power of the time that is left.

use super::{Schedule, check_at_least_0, check_decay};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// A power of the time that is left: `(rate - end) · (1 - step / steps)^power + end`, then `end`. With cycles, `steps`
    /// becomes its next multiple each time it is reached.
    ///
    /// Keras `PolynomialDecay`; PyTorch `PolynomialLR`, `LinearLR`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{PolynomialDecay, Schedule};
    /// assert_eq!(PolynomialDecay::new(1.0, 100).end_learning_rate(0.0).rate(25), 0.75);
    /// ```
    #[doc(alias = "PolynomialLR")]
    #[doc(alias = "LinearLR")]
    #[derive(Clone, Copy)]
    pub struct PolynomialDecay(
        /// The first rate.
        initial_learning_rate: [Float],
        /// The number of steps until the last rate.
        decay_steps: [u32],
    ) {
        /// The last rate.
        end_learning_rate: [Float] = 1e-4,
        /// The power; 1 is a straight line.
        power: [Float] = 1.0,
        /// Whether to start again, from lower, after the last rate.
        cycle: [bool] = false,
    }
}

impl Schedule for PolynomialDecay {
    config!();

    fn rate(&self, step: u32) -> Float {
        let (step, steps) = (f64::from(step), f64::from(self.decay_steps.max(1)));
        let steps = if self.cycle { steps * (step / steps).ceil().max(1.0) } else { steps };
        let left = 1.0 - step.min(steps) / steps;
        let (rate, end) = (f64::from(self.initial_learning_rate), f64::from(self.end_learning_rate));
        ((rate - end) * left.powf(f64::from(self.power)) + end) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("PolynomialDecay", self.initial_learning_rate, self.decay_steps)?;
        check_at_least_0("PolynomialDecay", "a last rate", self.end_learning_rate, "0.0001 is usual")?;
        check_at_least_0("PolynomialDecay", "a power", self.power, "1 is usual")
    }
}
