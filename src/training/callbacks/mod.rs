//! What watches a training run. [`Callback`] is the trait.
//!
//! | | |
//! | --- | --- |
//! | [`EarlyStopping`], [`StopOnNan`], [`TimeLimit`], [`PrivacyBudget`] | end a run |
//! | [`Checkpoint`], [`Backup`] | save the model; save the run, and resume it |
//! | [`ReduceOnPlateau`], [`RateFinder`], [`GradualUnfreezing`] | lower the rate; find one; thaw one part after the other |
//! | [`Progress`], [`CsvLog`], [`JsonLog`], `TensorBoard`, `EventWriter` (feature `tensorboard`) | show and write figures |
//! | [`GradientFlow`], [`ParameterFlow`] | show what becomes of gradients |
//! | [`LambdaCallback`] | closures |
//! | [`Watched`] | a figure and which way it gets better |
//! | [`Callback`], [`Run`], [`Optimizers`] | the trait, and what it sees |

mod backup;
mod checkpoint;
mod csv_log;
mod early_stopping;
mod file_name;
mod gradient_flow;
mod gradual_unfreezing;
mod json_log;
mod lambda;
mod privacy_budget;
mod progress;
mod rate_finder;
mod reduce_on_plateau;
mod run;
mod stop_on_nan;
#[cfg(feature = "tensorboard")]
mod tensorboard;
mod time_limit;
mod watched;

pub use backup::Backup;
pub use checkpoint::Checkpoint;
pub use csv_log::CsvLog;
pub use early_stopping::EarlyStopping;
pub use gradient_flow::{GradientFlow, ParameterFlow};
pub use gradual_unfreezing::GradualUnfreezing;
pub use json_log::JsonLog;
pub use lambda::LambdaCallback;
pub use privacy_budget::PrivacyBudget;
pub use progress::Progress;
pub use rate_finder::RateFinder;
pub use reduce_on_plateau::ReduceOnPlateau;
pub(crate) use run::Request;
pub use run::{Optimizers, Run};
pub use stop_on_nan::StopOnNan;
#[cfg(feature = "tensorboard")]
pub use tensorboard::{EventWriter, TensorBoard};
pub use time_limit::TimeLimit;
pub(crate) use watched::KnownFigures;
pub use watched::Watched;

use crate::config::delegates;
use crate::error::Result;
use crate::formats::Snapshot;

/// Watches a training run, and may change its course through [`Run`]. Every method has an empty default.
///
/// ```
/// use gradus::prelude::*;
///
/// /// Halves the learning rate after each epoch.
/// struct Halve;
///
/// impl Callback for Halve {
///     fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
///         let rate = run.optimizer.learning_rate().unwrap_or(0.0);
///         run.optimizer.set_learning_rate(rate / 2.0)
///     }
/// }
///
/// let fit = Fit::epochs(3).callback(Halve);
/// ```
pub trait Callback {
    /// Called before the first epoch.
    ///
    /// # Errors
    /// Any error ends the run; `fit` returns it. So do the other methods'.
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Called before each epoch.
    fn on_epoch_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Called after each batch; `run.logs` holds the epoch's means so far. If the batch's loss was not a number, its step was not
    /// made, and the run fails unless a callback sets `run.stop`.
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Called after each epoch, its validation included. If the validation's loss is not finite, the run fails unless a callback
    /// sets `run.stop`.
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Called after the last epoch, also where the run was stopped early.
    fn on_train_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Returns what it remembers from call to call, so that [`Backup`] can keep it: nothing, by default.
    fn state(&self) -> Snapshot {
        Snapshot::default()
    }

    /// Restores what [`Callback::state`] returned, after [`Callback::on_train_begin`]. Not called if that was empty.
    ///
    /// # Errors
    /// A state of another callback.
    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        let _ = state;
        Ok(())
    }

    /// Whether, of several processes that [train together](crate::distributed), only the first one is to call it: what writes files or
    /// shows something. The default is `false`, and it must do the same on all.
    fn is_for_first_rank(&self) -> bool {
        false
    }

    /// Returns the name of the type, such as `EarlyStopping`, so that memory is given back to whom it comes from.
    fn kind(&self) -> &'static str {
        crate::config::type_name::<Self>()
    }
}

/// A callback that is read after the run.
impl<C: Callback + ?Sized> Callback for &mut C {
    delegates! { self:
        on_train_begin[&mut self](run: &mut Run<'_>) -> Result<()>;
        on_epoch_begin[&mut self](run: &mut Run<'_>) -> Result<()>;
        on_batch_end[&mut self](run: &mut Run<'_>) -> Result<()>;
        on_epoch_end[&mut self](run: &mut Run<'_>) -> Result<()>;
        on_train_end[&mut self](run: &mut Run<'_>) -> Result<()>;
        state[&self]() -> Snapshot;
        restore[&mut self](state: &Snapshot) -> Result<()>;
        is_for_first_rank[&self]() -> bool;
        kind[&self]() -> &'static str;
    }
}
