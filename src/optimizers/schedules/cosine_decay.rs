//! Half a cosine.

use super::{Schedule, check_at_least_0, check_decay};
use crate::error::Result;
use crate::optimizers::setters;
use crate::tensor::Float;

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
#[derive(Clone, Copy, Debug)]
pub struct CosineDecay {
    /// The first rate.
    pub rate: Float,
    /// Steps until the last rate.
    pub steps: u32,
    /// The last rate, as a share of the first one; 0.
    pub alpha: Float,
}

impl CosineDecay {
    /// Creates a schedule that falls from `rate` to 0 in `steps` steps.
    pub fn new(rate: Float, steps: u32) -> Self {
        Self { rate, steps, alpha: 0.0 }
    }

    setters! {
        /// Sets the last rate, as a share of the first one.
        alpha: Float;
    }
}

impl Schedule for CosineDecay {
    fn rate(&self, step: u32) -> Float {
        let time = f64::from(step.min(self.steps)) / f64::from(self.steps.max(1));
        let alpha = f64::from(self.alpha);
        (f64::from(self.rate) * ((1.0 - alpha) * cosine(time) + alpha)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("CosineDecay", self.rate, self.steps)?;
        check_at_least_0("CosineDecay", "alpha", self.alpha, "0 is usual")
    }
}

/// From 1 to 0, as the time goes from 0 to 1.
pub(super) fn cosine(time: f64) -> f64 {
    0.5 * (1.0 + libm::cos(std::f64::consts::PI * time))
}
