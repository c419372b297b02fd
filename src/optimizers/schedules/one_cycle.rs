//! Up, and down to almost nothing.

use super::cosine_decay::cosine;
use super::{Schedule, check_rate};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::optimizers::check_epsilon;
use crate::tensor::Float;

described! {
    /// Up from `rate / start_divisor` to `rate` in the first part of the run, and down to
    /// `rate / start_divisor / end_divisor` in the rest, along cosines or straight lines. In three phases, it comes down as
    /// it went up, before it falls to the end.
    ///
    /// Smith & Topin 2018; PyTorch `OneCycleLR`. The momentum stays as it is.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{OneCycle, Schedule};
    /// let schedule = OneCycle::new(1.0, 1000);
    /// assert_eq!((schedule.rate(0), schedule.rate(299)), (0.04, 1.0));
    /// assert!(schedule.rate(999) < 1e-5);
    /// ```
    #[doc(alias = "OneCycleLR")]
    #[derive(Clone, Copy)]
    pub struct OneCycle(
        /// The greatest rate.
        max_learning_rate: [Float],
        /// The number of steps of the run.
        decay_steps: [u32],
    ) {
        /// The share of the run that goes up.
        #[doc(alias = "pct_start")]
        rise: [Float] = 0.3,
        /// The greatest rate over the first one.
        #[doc(alias = "div_factor")]
        start_divisor: [Float] = 25.0,
        /// The first rate over the last one.
        #[doc(alias = "final_div_factor")]
        end_divisor: [Float] = 1e4,
        /// Whether the lines are straight.
        linear: [bool] = false,
        /// Whether it comes down as it went up, before it falls to the end.
        three_phases: [bool] = false,
    }
}

impl Schedule for OneCycle {
    config!();

    fn rate(&self, step: u32) -> Float {
        let (top, steps, step) = (f64::from(self.max_learning_rate), f64::from(self.decay_steps), f64::from(step));
        let start = top / f64::from(self.start_divisor);
        let end = start / f64::from(self.end_divisor);
        let up = f64::from(self.rise) * steps - 1.0;
        let last = steps - 1.0;
        // The end of each phase in steps, and the rates from which and to which it goes.
        let phases = match self.three_phases {
            true => [(up, start, top), (2.0 * up, top, start), (last, start, end)],
            false => [(up, start, top), (last, top, end), (last, end, end)],
        };
        let mut begin = 0.0;
        for (until, from, to) in phases {
            if step <= until {
                let time = if until > begin { (step - begin) / (until - begin) } else { 1.0 };
                let left = if self.linear { 1.0 - time } else { cosine(time) };
                return (to + (from - to) * left) as Float;
            }
            begin = until;
        }
        end as Float
    }

    fn check(&self, steps: Option<u32>) -> Result<()> {
        check_rate("OneCycle", self.max_learning_rate)?;
        check_epsilon("OneCycle", "a start divisor", self.start_divisor)?;
        check_epsilon("OneCycle", "an end divisor", self.end_divisor)?;
        let (rise, most) = (self.rise, if self.three_phases { 0.5 } else { 1.0 });
        if !(0.0..=most).contains(&rise) {
            return Err(Error::value(format!("OneCycle: expected a rise from 0 to {most}, got {rise}; 0.3 is usual")));
        }
        let own = self.decay_steps;
        match steps {
            _ if own < 2 => Err(Error::value(format!("OneCycle: expected at least 2 steps, got {own}"))),
            Some(run) if run > own => Err(Error::value(format!(
                "OneCycle: the run has {run} steps, more than the {own} of the cycle; make it as long as the run"
            ))),
            _ => Ok(()),
        }
    }
}
