//! The schedule of the first transformer.

use super::{Schedule, check_decay, check_steps};
use crate::error::Result;
use crate::optimizers::setters;
use crate::tensor::Float;

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
#[derive(Clone, Copy, Debug)]
pub struct Noam {
    /// Width of the model.
    pub units: u32,
    /// Steps of the rise.
    pub warm_up: u32,
    /// Factor of all rates, 1.
    pub factor: Float,
}

impl Noam {
    /// Creates the schedule for a model of this width, which rises for `warm_up` steps.
    pub fn new(units: u32, warm_up: u32) -> Self {
        Self { units, warm_up, factor: 1.0 }
    }

    setters! {
        /// Sets the factor of all rates.
        factor: Float;
    }
}

impl Schedule for Noam {
    fn rate(&self, step: u32) -> Float {
        let [units, warm_up] = [self.units, self.warm_up].map(|count| f64::from(count.max(1)));
        let time = f64::from(step) + 1.0;
        let shape = time.powf(-0.5).min(time * warm_up.powf(-1.5));
        (f64::from(self.factor) * units.powf(-0.5) * shape) as Float
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_decay("Noam", self.factor, self.warm_up)?;
        check_steps("Noam's units", self.units)
    }
}
