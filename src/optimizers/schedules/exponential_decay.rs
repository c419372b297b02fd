//! A factor in each step.

use super::{Schedule, check_at_least_0, check_decay};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// A factor that acts little by little: `rate · factor^(step / steps)`; as a staircase the exponent is rounded down.
    ///
    /// Keras `ExponentialDecay`; with 1 step PyTorch's `ExponentialLR`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{ExponentialDecay, Schedule};
    /// assert_eq!(ExponentialDecay::new(1.0, 100, 0.25).rate(50), 0.5);
    /// ```
    #[doc(alias = "ExponentialLR")]
    #[derive(Clone, Copy)]
    pub struct ExponentialDecay(
        /// The first rate.
        initial_learning_rate: [Float],
        /// The number of steps in which the whole factor acts.
        decay_steps: [u32],
        /// The factor.
        decay_rate: [Float],
    ) {
        /// Whether the factor acts at once after its steps.
        staircase: [bool] = false,
    }
}

impl Schedule for ExponentialDecay {
    config!();

    fn rate(&self, step: u32) -> Float {
        let exponent = f64::from(step) / f64::from(self.decay_steps.max(1));
        let exponent = if self.staircase { exponent.floor() } else { exponent };
        (f64::from(self.initial_learning_rate) * f64::from(self.decay_rate).powf(exponent)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("ExponentialDecay", self.initial_learning_rate, self.decay_steps)?;
        check_at_least_0("ExponentialDecay", "a factor", self.decay_rate, "0.96 is usual")
    }
}
