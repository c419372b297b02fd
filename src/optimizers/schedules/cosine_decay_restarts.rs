//! Half a cosine, again and again.

use super::cosine_decay::cosine;
use super::{Schedule, check_at_least_0, check_decay};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::Float;

described! {
    /// Half a cosine, again and again: each run is `t_mul` times as long as the one before, and starts at
    /// `m_mul` times its rate.
    ///
    /// Loshchilov & Hutter 2017, SGDR; Keras `CosineDecayRestarts`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{CosineDecayRestarts, Schedule};
    /// let schedule = CosineDecayRestarts::new(1.0, 100).m_mul(0.5);
    /// assert_eq!((schedule.rate(0), schedule.rate(100), schedule.rate(300)), (1.0, 0.5, 0.25));
    /// ```
    #[doc(alias = "CosineAnnealingWarmRestarts")]
    #[doc(alias = "SGDR")]
    #[derive(Clone, Copy)]
    pub struct CosineDecayRestarts(
        /// The first rate.
        initial_learning_rate: [Float],
        /// The number of steps of the first run.
        first_decay_steps: [u32],
    ) {
        /// How much longer each run is than the one before, at least 1.
        #[doc(alias = "time_factor")]
        t_mul: [Float] = 2.0,
        /// What the rate is multiplied with at each restart.
        #[doc(alias = "rate_factor")]
        m_mul: [Float] = 1.0,
        /// The lowest rate, as a share of the first one.
        alpha: [Float] = 0.0,
    }
}

impl Schedule for CosineDecayRestarts {
    config!();

    fn rate(&self, step: u32) -> Float {
        let (run, time) = self.place(f64::from(step) / f64::from(self.first_decay_steps.max(1)));
        let alpha = f64::from(self.alpha);
        let height = f64::from(self.m_mul).powf(run);
        (f64::from(self.initial_learning_rate) * ((1.0 - alpha) * height * cosine(time) + alpha)) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay(NAME, self.initial_learning_rate, self.first_decay_steps)?;
        if !(self.t_mul.is_finite() && self.t_mul >= 1.0) {
            let factor = self.t_mul;
            return Err(Error::value(format!(
                "{NAME}: expected a time factor of at least 1, got {factor}; 2 is usual"
            )));
        }
        check_at_least_0(NAME, "a rate factor", self.m_mul, "1 is usual")?;
        check_at_least_0(NAME, "alpha", self.alpha, "0 is usual")
    }
}

const NAME: &str = "CosineDecayRestarts";

impl CosineDecayRestarts {
    /// The number of the run and the time within it, from 0 to 1, for a time in units of the first run.
    fn place(&self, time: f64) -> (f64, f64) {
        let factor = f64::from(self.t_mul);
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
