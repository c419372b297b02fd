//! Rules that turn gradients into new weights. [`Optimizer`] is the trait.
//!
//! An optimizer is a pure rule for one parameter. A [`Stepper`] puts it to work on a model and holds all that there is
//! between gradients and rule: [accumulation](Stepper::accumulate), [clipping](Clip), [schedules], weight decay,
//! [groups](Group) of parameters, [lookahead](Lookahead) and [averages](MovingAverage) of weights. [`Lbfgs`] has its own loop.
//!
//! | | |
//! | --- | --- |
//! | [`Sgd`], [`Momentum`] | along the gradient |
//! | [`Adam`], [`AdamW`], [`Nadam`], [`RAdam`], [`Adamax`] | with a rate for each weight, and momentum |
//! | [`RmsProp`], [`Adagrad`], [`Adadelta`] | with a rate for each weight |
//! | [`Lion`], [`Muon`] | by signs; by orthogonal steps for matrices |
//! | [`Lamb`], [`Adafactor`] | for large batches; with little memory |
//! | [`Lbfgs`], [`Minimum`] | whole data at once, by a line search |
//! | [`Stepper`], [`Group`], [`Clip`], [`Lookahead`], [`MovingAverage`] | what there is around a rule |
//! | [`schedules`], [`Schedule`] | learning rates that change |
//! | [`GradientHook`], [`StepGradients`], [`BatchPart`], [`Change`] | gradients on their way to the step, and what it changed |
//! | [`Optimizer`], [`State`], [`Step`] | the trait, and what it is given |

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adam_w;
mod adamax;
mod lamb;
mod lbfgs;
mod line_search;
mod lion;
mod momentum;
mod muon;
mod nadam;
mod r_adam;
mod rms_prop;
pub mod schedules;
mod sgd;
mod state;
mod stepper;

pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adam_w::AdamW;
pub use adamax::Adamax;
pub use lamb::Lamb;
pub use lbfgs::{Lbfgs, Minimum};
pub use lion::Lion;
pub use momentum::Momentum;
pub use muon::Muon;
pub use nadam::Nadam;
pub use r_adam::RAdam;
pub use rms_prop::RmsProp;
pub use schedules::Schedule;
pub use sgd::Sgd;
pub use state::{State, Step};
pub use stepper::{BatchPart, Change, Clip, GradientHook, Group, Lookahead, MovingAverage, StepGradients, Stepper};

use crate::config::{Config, Registry, delegates, family, kinds};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// Setters of [`Stepper`] that an optimizer has too, so that one need not be made first.
macro_rules! on_stepper {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),*);)*) => { $(
        $(#[$meta])*
        fn $name(self, $($argument: $type),*) -> Stepper
        where
            Self: Sized + 'static,
        {
            Stepper::new(self).$name($($argument),*)
        }
    )* };
}

/// A rule that turns gradients into new weights, one parameter at a time.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::optimizers::{State, Step};
///
/// /// Moves each weight by the sign of its gradient.
/// struct SignDescent(Float);
///
/// impl Optimizer for SignDescent {
///     fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], _state: &mut State) {
///         weights.iter_mut().zip(grads).for_each(|(w, g)| *w -= step.rate * g.signum());
///     }
///     fn learning_rate(&self) -> Option<Float> { Some(self.0) }
/// }
///
/// let model = Dense::new(1).compile(SignDescent(0.01), MeanSquaredError::default());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an optimizer",
    note = "pass a value such as `Adam::default()` or `Adam::new(1e-3)`; there are no names in quotes"
)]
pub trait Optimizer: Send + Sync {
    /// Changes the weights of one parameter, at the rate that `step` says; `state` is the memory kept for this parameter.
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State);

    /// The learning rate, where there is one. Without one, [`Step::rate`] is 1.
    fn learning_rate(&self) -> Option<Float> {
        None
    }

    /// Sets the learning rate, for schedules and callbacks.
    ///
    /// # Errors
    /// An optimizer without one.
    fn set_learning_rate(&mut self, rate: Float) -> Result<()> {
        let _ = rate;
        Err(Error::value(
            "this optimizer has no learning rate that can be set; implement `Optimizer::set_learning_rate`",
        ))
    }

    /// The share of each weight, times the learning rate, that it loses before each step, if [`Stepper::weight_decay`]
    /// and the [`Group`] say nothing else: 0. [`Stepper`] takes it off, so that `update` has nothing to do with it.
    fn default_weight_decay(&self) -> Float {
        0.0
    }

    /// Patterns of the paths of parameters that the rule treats apart. One that matches nothing is an error.
    fn patterns(&self) -> &[String] {
        &[]
    }

    /// Whether [`update`](Self::update) is sure to leave finite weights and memory where gradients are at most 1e9 in magnitude,
    /// weights 1e18, the memory 1e19, and the rate is at most 100.
    ///
    /// [`Stepper`] makes such steps in place. All others it makes on copies of weights and memory, so that it can take back a step
    /// that overflows. The default is `false`, which is right for any rule and costs those copies.
    fn stays_finite(&self) -> bool {
        false
    }

    /// Whether [`update`](Self::update) looks at each number alone, with slots as long as the weights, and not at [`Step::shape`]: then
    /// [`shard_optimizer`](crate::distributed::Distributed::shard_optimizer) may give it a piece of a parameter. The default is `false`,
    /// which is right for any rule.
    fn is_elementwise(&self) -> bool {
        false
    }

    /// Whether the settings make sense. Checked before the first step.
    ///
    /// # Errors
    /// A setting out of its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns what makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }

    on_stepper! {
        /// This optimizer with a schedule; see [`Stepper::schedule`].
        fn schedule(schedule: impl Schedule + 'static);
        /// This optimizer with settings for some of the parameters; see [`Stepper::group`].
        fn group(pattern: impl Into<String>, group: Group);
        /// This optimizer with a lower rate for each layer nearer to the input; see [`Stepper::layer_decay`].
        fn layer_decay(factor: Float, patterns: impl IntoIterator<Item = impl Into<String>>);
        /// This optimizer with bounds of gradients; see [`Stepper::clip`].
        fn clip(clip: Clip);
        /// This optimizer with weight decay; see [`Stepper::weight_decay`].
        fn weight_decay(decay: Float);
        /// Returns this optimizer with one step for this many batches; see [`Stepper::accumulate`].
        fn accumulate(batches: u32);
        /// This optimizer with a moving average of weights; see [`Stepper::average`].
        fn average(average: MovingAverage);
        /// This optimizer with slow weights; see [`Stepper::lookahead`].
        fn lookahead(lookahead: Lookahead);
    }
}

impl Optimizer for Box<dyn Optimizer> {
    delegates! { self:
        update[&self](step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State);
        learning_rate[&self]() -> Option<Float>;
        set_learning_rate[&mut self](rate: Float) -> Result<()>;
        default_weight_decay[&self]() -> Float;
        patterns[&self]() -> &[String];
        stays_finite[&self]() -> bool;
        is_elementwise[&self]() -> bool;
        check[&self]() -> Result<()>;
        config[&self]() -> Config;
    }
}

family!(Box, dyn Optimizer);

kinds! {
    own, "Adds an optimizer, whose settings are checked when it is made from its description." optimizer, Box<dyn Optimizer>,
    check Optimizer::check =>
    Adadelta Adafactor Adagrad Adam AdamW Adamax Lamb Lion Momentum Muon Nadam RAdam RmsProp Sgd
}

pub(crate) fn register(registry: Registry) -> Registry {
    schedules::register(own(registry))
}

/// The two methods for the field `learning_rate`.
macro_rules! learning_rate {
    () => {
        fn learning_rate(&self) -> Option<Float> {
            Some(self.learning_rate)
        }

        fn set_learning_rate(&mut self, rate: Float) -> $crate::error::Result<()> {
            let before = std::mem::replace(&mut self.learning_rate, rate);
            self.check().inspect_err(|_| self.learning_rate = before)
        }
    };
}
use learning_rate;

/// A learning rate must be a number that is not negative.
fn check_rate(optimizer: &str, rate: Float) -> Result<()> {
    check_at_least_0(optimizer, "a learning rate", rate, "0.001 is a usual start")
}

/// A setting must be a number that is not negative.
fn check_at_least_0(who: &str, what: &str, value: Float, advice: &str) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::value(format!("{who}: expected {what} of at least 0, got {value}; {advice}")))
}

/// A decay factor must be in `[0, 1)`.
fn check_factor(optimizer: &str, name: &str, factor: Float) -> Result<()> {
    if (0.0..1.0).contains(&factor) {
        return Ok(());
    }
    Err(Error::value(format!("{optimizer}: expected {name} in 0..1 (1 excluded), got {factor}; 0.9 is usual")))
}

/// What keeps a divisor from 0 must be above it.
fn check_epsilon(optimizer: &str, name: &str, epsilon: Float) -> Result<()> {
    if epsilon.is_finite() && epsilon > 0.0 {
        return Ok(());
    }
    Err(Error::value(format!("{optimizer}: expected {name} above 0, got {epsilon}; 1e-7 is usual")))
}

/// `1 - factorˢᵗᵉᵖ`: what a mean that began at 0 is divided by. 1 at step 0, which stands for no correction.
fn correction(factor: Float, step: u32) -> f64 {
    if step == 0 { 1.0 } else { 1.0 - f64::from(factor).powi(step.min(i32::MAX as u32) as i32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_to_nothing() {
        let all: [&dyn Optimizer; 5] =
            [&Adam::default(), &Lamb::default(), &Adafactor::default(), &Muon::default(), &Nadam::default()];
        for optimizer in all {
            for shape in [[0, 3], [3, 0], [0, 0]] {
                let step = Step { shape: &shape, ..Step::new(1, 0.1) };
                optimizer.update(&step, &mut [], &[], &mut State::default());
            }
        }
    }
}
