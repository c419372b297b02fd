//! Learning rates that change from step to step. [`Schedule`] is the trait; a number is a constant one, and a closure is
//! one too.
//!
//! ```
//! use gradus::optimizers::schedules::{CosineDecay, Schedule};
//! use gradus::prelude::*;
//! // From 0 to 0.001 in 100 steps, then down to 0 in 900.
//! let schedule = CosineDecay::new(1e-3, 900).warm_up(100);
//! let curve = schedule.curve(1000);
//! assert!(curve[0] == 0.0 && curve[100] == 1e-3 && curve[999] < 1e-6);
//! let model = Dense::new(1).compile(AdamW::default().schedule(schedule), MeanSquaredError::default());
//! ```

mod cosine_decay;
mod cosine_decay_restarts;
mod exponential_decay;
mod inverse_time_decay;
mod multi_step_decay;
mod noam;
mod one_cycle;
mod piecewise_constant_decay;
mod polynomial_decay;
mod product;
mod scheduled;
mod step_decay;
mod then;
mod warm_up;

pub use cosine_decay::CosineDecay;
pub use cosine_decay_restarts::CosineDecayRestarts;
pub use exponential_decay::ExponentialDecay;
pub use inverse_time_decay::InverseTimeDecay;
pub use multi_step_decay::MultiStepDecay;
pub use noam::Noam;
pub use one_cycle::OneCycle;
pub use piecewise_constant_decay::PiecewiseConstantDecay;
pub use polynomial_decay::PolynomialDecay;
pub use product::Product;
pub(super) use scheduled::Scheduled;
pub use step_decay::StepDecay;
pub use then::Then;
pub use warm_up::WarmUp;

use super::{check_at_least_0, check_rate};
use crate::config::{Config, Reader, Registry, delegates, family, kinds};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// A learning rate for each step. See [`Stepper::schedule`](super::Stepper::schedule) for how it is used.
///
/// ```
/// use gradus::optimizers::schedules::Schedule;
/// let halved = |step: u32| 0.1 / (1 + step / 100) as f32;
/// assert_eq!(halved.curve(101)[100], 0.05);
/// ```
#[doc(alias = "LearningRateSchedule")]
#[doc(alias = "lr_scheduler")]
pub trait Schedule: Send + Sync {
    /// The rate of a step, which are counted from 0.
    fn rate(&self, step: u32) -> Float;

    /// Checks the settings, for a run of `steps` steps where that is known.
    ///
    /// # Errors
    /// A setting out of its range; a run that is too long or too short.
    fn check(&self, steps: Option<u32>) -> Result<()> {
        let _ = steps;
        Ok(())
    }

    /// The rates of the first steps, to look at.
    fn curve(&self, steps: u32) -> Vec<Float> {
        (0..steps).map(|step| self.rate(step)).collect()
    }

    /// This schedule after a linear rise from 0 to its first rate.
    fn warm_up(self, steps: u32) -> WarmUp
    where
        Self: Sized + 'static,
    {
        WarmUp::new(steps, self)
    }

    /// Follows this schedule for `steps` steps, and another one from there on, which starts at its own step 0.
    #[doc(alias = "SequentialLR")]
    fn then(self, steps: u32, next: impl Schedule + 'static) -> Then
    where
        Self: Sized + 'static,
    {
        Then::new(self, steps, next)
    }

    /// The product of this schedule and another one.
    #[doc(alias = "ChainedScheduler")]
    fn times(self, factor: impl Schedule + 'static) -> Product
    where
        Self: Sized + 'static,
    {
        Product::new(self, factor)
    }

    /// Returns what makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

family!(Box, dyn Schedule);

impl Schedule for Box<dyn Schedule> {
    delegates! { self:
        rate[&self](step: u32) -> Float;
        check[&self](steps: Option<u32>) -> Result<()>;
        config[&self]() -> Config;
    }
}

kinds! {
    own, "Adds a schedule, whose settings are checked when it is made from its description." schedule, Box<dyn Schedule>,
    check |schedule: &dyn Schedule| schedule.check(None) =>
    CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay MultiStepDecay Noam OneCycle PiecewiseConstantDecay
    PolynomialDecay Product StepDecay Then WarmUp
}

pub(crate) fn register(registry: Registry) -> Registry {
    let constant = |from: &Reader<'_>| {
        let rate = from.get::<Float>("learning_rate")?;
        rate.check(None)?;
        Ok(Box::new(rate) as Box<dyn Schedule>)
    };
    own(registry).with(&[(CONSTANT, constant)])
}

/// The kind of a number as a schedule.
const CONSTANT: &str = "Constant";

impl Schedule for Float {
    fn rate(&self, _: u32) -> Float {
        *self
    }

    fn check(&self, _: Option<u32>) -> Result<()> {
        check_rate("a constant schedule", *self)
    }

    fn config(&self) -> Config {
        Config::new(CONSTANT).with("learning_rate", self)
    }
}

impl<F: Fn(u32) -> Float + Send + Sync> Schedule for F {
    fn rate(&self, step: u32) -> Float {
        self(step)
    }
}

/// A first rate, and a number of steps that is divided by.
fn check_decay(who: &str, rate: Float, steps: u32) -> Result<()> {
    check_rate(who, rate)?;
    check_steps(who, steps)
}

fn check_steps(who: &str, steps: u32) -> Result<()> {
    match steps {
        0 => Err(Error::value(format!("{who}: expected at least 1 step, got 0"))),
        _ => Ok(()),
    }
}
