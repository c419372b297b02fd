//! The schedule of the first transformer.

use super::{Schedule, check_decay, check_steps};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// The schedule of the first transformer: `factor · units^-½ · min(t^-½, t · warm_up^-1½)` with `t = step + 1`. It rises
    /// in a straight line, then falls as the root of the time.
    ///
    /// Vaswani et al. 2017, section 5.3.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{Noam, Schedule};
    /// let schedule = Noam::new(512, 4000);
    /// assert!(schedule.rate(3999) > schedule.rate(3000) && schedule.rate(3999) > schedule.rate(5000));
    /// ```
    #[derive(Clone, Copy)]
    pub struct Noam(
        /// The width of the model.
        units: [u32],
        /// The number of steps of the rise.
        warmup_steps: [u32],
    ) {
        /// The factor of all rates.
        factor: [Float] = 1.0,
    }
}

impl Schedule for Noam {
    config!();

    fn rate(&self, step: u32) -> Float {
        let [units, warm_up] = [self.units, self.warmup_steps].map(|count| f64::from(count.max(1)));
        let time = f64::from(step) + 1.0;
        let shape = time.powf(-0.5).min(time * warm_up.powf(-1.5));
        (f64::from(self.factor) * units.powf(-0.5) * shape) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("Noam", self.factor, self.warmup_steps)?;
        check_steps("Noam's units", self.units)
    }
}
