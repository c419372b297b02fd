//! Half a cosine, again and again.

use super::cosine_decay::cosine;
use super::{Schedule, check_at_least_0, check_decay};
use crate::error::{Error, Result};
use crate::optimizers::setters;
use crate::tensor::Float;

/// Half a cosine, again and again: each run is `time_factor` times as long as the one before, and starts at
/// `rate_factor` times its rate.
///
/// Loshchilov & Hutter 2017, SGDR; Keras `CosineDecayRestarts`.
///
/// ```
/// use gradus::optimizers::schedules::{CosineDecayRestarts, Schedule};
/// let schedule = CosineDecayRestarts::new(1.0, 100).rate_factor(0.5);
/// assert_eq!((schedule.rate(0), schedule.rate(100), schedule.rate(300)), (1.0, 0.5, 0.25));
/// ```
#[doc(alias = "CosineAnnealingWarmRestarts")]
#[doc(alias = "SGDR")]
#[derive(Clone, Copy, Debug)]
pub struct CosineDecayRestarts {
    /// The first rate.
    pub rate: Float,
    /// Steps of the first run.
    pub steps: u32,
    /// How much longer each run is than the one before, 2.
    pub time_factor: Float,
    /// What the rate is multiplied with at each restart, 1.
    pub rate_factor: Float,
    /// The lowest rate, as a share of the first one; 0.
    pub alpha: Float,
}

impl CosineDecayRestarts {
    /// Creates a schedule that falls from `rate` to 0 in `steps` steps, then again in twice as many.
    pub fn new(rate: Float, steps: u32) -> Self {
        Self { rate, steps, time_factor: 2.0, rate_factor: 1.0, alpha: 0.0 }
    }

    setters! {
        /// Sets how much longer each run is than the one before, at least 1.
        time_factor: Float;
        /// Sets what the rate is multiplied with at each restart.
        rate_factor: Float;
        /// Sets the lowest rate, as a share of the first one.
        alpha: Float;
    }
}

impl Schedule for CosineDecayRestarts {
    fn rate(&self, step: u32) -> Float {
        let (run, time) = self.place(f64::from(step) / f64::from(self.steps.max(1)));
        let alpha = f64::from(self.alpha);
        let height = f64::from(self.rate_factor).powf(run);
        (f64::from(self.rate) * ((1.0 - alpha) * height * cosine(time) + alpha)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay(NAME, self.rate, self.steps)?;
        if !(self.time_factor.is_finite() && self.time_factor >= 1.0) {
            let factor = self.time_factor;
            return Err(Error::value(format!(
                "{NAME}: expected a time factor of at least 1, got {factor}; 2 is usual"
            )));
        }
        check_at_least_0(NAME, "a rate factor", self.rate_factor, "1 is usual")?;
        check_at_least_0(NAME, "alpha", self.alpha, "0 is usual")
    }
}

const NAME: &str = "CosineDecayRestarts";

impl CosineDecayRestarts {
    /// The number of the run and the time within it, from 0 to 1, for a time in units of the first run.
    fn place(&self, time: f64) -> (f64, f64) {
        let factor = f64::from(self.time_factor);
        if factor <= 1.0 {
            return (time.floor(), time.fract());
        }
        let start = |run: f64| (factor.powf(run) - 1.0) / (factor - 1.0);
        let mut run = ((1.0 + time * (factor - 1.0)).ln() / factor.ln()).floor();
        // Logarithms of powers may be rounded to either side.
        if start(run + 1.0) <= time {
            run += 1.0;
        } else if start(run) > time {
            run -= 1.0;
        }
        (run, (time - start(run)) / factor.powf(run))
    }
}
