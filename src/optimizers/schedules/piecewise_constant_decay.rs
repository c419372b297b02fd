//! Rates between given steps.

use super::multi_step_decay::check_rising;
use super::{Schedule, check_rate};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::Float;

described! {
    /// Rates between given steps: `values[0]` up to and with step `boundaries[0]`, then `values[1]`, and so on.
    ///
    /// Keras `PiecewiseConstantDecay`.
    ///
    /// ```
    /// use gradus::optimizers::schedules::{PiecewiseConstantDecay, Schedule};
    /// let schedule = PiecewiseConstantDecay::new([100, 200], [1.0, 0.5, 0.1]);
    /// assert_eq!((schedule.rate(100), schedule.rate(101), schedule.rate(999)), (1.0, 0.5, 0.1));
    /// ```
    #[derive(Clone)]
    pub struct PiecewiseConstantDecay(
        /// The last step of each value but the last, rising.
        boundaries: [into Vec<u32>],
        /// The rates, one more than there are boundaries.
        values: [into Vec<Float>],
    ) {}
}

impl Schedule for PiecewiseConstantDecay {
    config!();

    fn rate(&self, step: u32) -> Float {
        let passed = self.boundaries.partition_point(|boundary| *boundary < step);
        self.values.get(passed).copied().unwrap_or(Float::NAN)
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        let (boundaries, values) = (self.boundaries.len(), self.values.len());
        if values != boundaries + 1 {
            return Err(Error::value(format!(
                "PiecewiseConstantDecay: expected one value more than boundaries, got {values} for {boundaries}"
            )));
        }
        check_rising("PiecewiseConstantDecay", &self.boundaries)?;
        self.values.iter().try_for_each(|value| check_rate("PiecewiseConstantDecay", *value))
    }
}
