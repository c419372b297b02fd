//! Half a cosine.

use super::{Schedule, check_at_least_0, check_decay};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// Half a cosine: `rate · ((1 - alpha) · (1 + cos(π · step / steps)) / 2 + alpha)`, then `rate · alpha`.
    ///
    /// Loshchilov & Hutter 2017; Keras `CosineDecay`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{CosineDecay, Schedule};
    /// let schedule = CosineDecay::new(1.0, 100);
    /// assert_eq!((schedule.rate(0), schedule.rate(200)), (1.0, 0.0));
    /// ```
    #[doc(alias = "CosineAnnealingLR")]
    #[derive(Clone, Copy)]
    pub struct CosineDecay(
        /// The first rate.
        initial_learning_rate: [Float],
        /// The number of steps until the last rate.
        decay_steps: [u32],
    ) {
        /// The last rate, as a share of the first one.
        alpha: [Float] = 0.0,
    }
}

impl Schedule for CosineDecay {
    config!();

    fn rate(&self, step: u32) -> Float {
        let time = f64::from(step.min(self.decay_steps)) / f64::from(self.decay_steps.max(1));
        let alpha = f64::from(self.alpha);
        (f64::from(self.initial_learning_rate) * ((1.0 - alpha) * cosine(time) + alpha)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("CosineDecay", self.initial_learning_rate, self.decay_steps)?;
        check_at_least_0("CosineDecay", "alpha", self.alpha, "0 is usual")
    }
}

/// From 1 to 0, as the time goes from 0 to 1.
pub(super) fn cosine(time: f64) -> f64 {
    0.5 * (1.0 + libm::cos(std::f64::consts::PI * time))
}
