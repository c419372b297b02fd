//! One over time.

use super::{Schedule, check_at_least_0, check_decay};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// One over time: `rate / (1 + factor · step / steps)`; as a staircase `step / steps` is rounded down.
    ///
    /// Keras `InverseTimeDecay`; PyTorch's `lr_decay` of Adagrad.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{InverseTimeDecay, Schedule};
    /// assert_eq!(InverseTimeDecay::new(1.0, 100, 1.0).rate(300), 0.25);
    /// ```
    #[derive(Clone, Copy)]
    pub struct InverseTimeDecay(
        /// The first rate.
        initial_learning_rate: [Float],
        /// The number of steps that count as 1.
        decay_steps: [u32],
        /// The factor of the time.
        decay_rate: [Float],
    ) {
        /// Whether time is counted in whole numbers of steps.
        staircase: [bool] = false,
    }
}

impl Schedule for InverseTimeDecay {
    config!();

    fn rate(&self, step: u32) -> Float {
        let time = f64::from(step) / f64::from(self.decay_steps.max(1));
        let time = if self.staircase { time.floor() } else { time };
        (f64::from(self.initial_learning_rate) / (1.0 + f64::from(self.decay_rate) * time)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("InverseTimeDecay", self.initial_learning_rate, self.decay_steps)?;
        check_at_least_0("InverseTimeDecay", "a factor", self.decay_rate, "0.5 is usual")
    }
}
