//! A schedule at work on an optimizer.

use super::Schedule;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::optimizers::Optimizer;
use crate::tensor::Float;

/// A schedule, and what somebody else has made of its rates.
pub(in crate::optimizers) struct Scheduled {
    schedule: Box<dyn Schedule>,
    /// The rate that the optimizer was given last.
    pub(in crate::optimizers) rate: Float,
    /// Factor of all rates.
    pub(in crate::optimizers) scale: f64,
}

impl Scheduled {
    pub(in crate::optimizers) fn new(schedule: Box<dyn Schedule>, optimizer: &mut dyn Optimizer) -> Self {
        // What is wrong with it, the first step will say.
        let _ = optimizer.set_learning_rate(schedule.rate(0));
        Self { schedule, rate: optimizer.learning_rate().unwrap_or(0.0), scale: 1.0 }
    }

    pub(in crate::optimizers) fn config(&self) -> Config {
        self.schedule.config()
    }

    pub(in crate::optimizers) fn check(&self, steps: Option<u32>) -> Result<()> {
        self.schedule.check(steps)
    }

    /// Gives the optimizer the rate of a step, counted from 0.
    pub(in crate::optimizers) fn set_rate(&mut self, step: u32, optimizer: &mut dyn Optimizer) -> Result<()> {
        let Some(present) = optimizer.learning_rate() else {
            return Err(Error::value(
                "this optimizer has no learning rate that a schedule could set; implement `Optimizer::learning_rate`",
            ));
        };
        if present != self.rate && self.rate > 0.0 {
            self.scale *= f64::from(present) / f64::from(self.rate);
        }
        self.rate = present;
        let rate = (self.scale * f64::from(self.schedule.rate(step))) as Float;
        if !(rate.is_finite() && rate >= 0.0) {
            return Err(Error::value(format!(
                "the schedule gave the rate {rate} in step {step}, counted from 0; expected one of at least 0"
            )));
        }
        optimizer.set_learning_rate(rate)?;
        self.rate = rate;
        Ok(())
    }
}
