//! What watches a training run. [`Callback`] is the trait.

mod checkpoint;
mod csv_log;
mod early_stopping;
mod gradual_unfreezing;
mod json_log;
mod lambda;
mod progress;
mod rate_finder;
mod reduce_on_plateau;
mod stop_on_nan;
#[cfg(feature = "tensorboard")]
mod tensorboard;
mod time_limit;
mod watched;

pub use checkpoint::Checkpoint;
pub use csv_log::CsvLog;
pub use early_stopping::EarlyStopping;
pub use gradual_unfreezing::GradualUnfreezing;
pub use json_log::JsonLog;
pub use lambda::LambdaCallback;
pub use progress::Progress;
pub use rate_finder::RateFinder;
pub use reduce_on_plateau::ReduceOnPlateau;
pub use stop_on_nan::StopOnNan;
#[cfg(feature = "tensorboard")]
pub use tensorboard::{EventWriter, TensorBoard};
pub use time_limit::TimeLimit;
pub use watched::Watched;

use crate::error::Result;
use crate::layers::freeze_matching;
use crate::optimizers::Optimizer;
use crate::param::{Noise, Param};
use crate::training::Logs;

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
    /// Before the first epoch.
    ///
    /// # Errors
    /// Any error ends the run; `fit` returns it. So do the other methods'.
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Before each epoch.
    fn on_epoch_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// After each batch; `run.logs` holds the epoch's means so far. If the batch's loss was no number, its step was not
    /// made, and the run fails unless a callback sets `run.stop`.
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// After each epoch, its validation included.
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// After the last epoch, also where the run was stopped early.
    fn on_train_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }
}

/// A callback that is read after the run.
impl<C: Callback + ?Sized> Callback for &mut C {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        (**self).on_train_begin(run)
    }

    fn on_epoch_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        (**self).on_epoch_begin(run)
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        (**self).on_batch_end(run)
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        (**self).on_epoch_end(run)
    }

    fn on_train_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        (**self).on_train_end(run)
    }
}

/// A training run as callbacks see it.
pub struct Run<'a> {
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// How many epochs were asked for.
    pub epochs: usize,
    /// Batch within the epoch, counted from 1.
    pub batch: usize,
    /// How many batches an epoch has.
    pub batches: usize,
    /// Examples trained on in this epoch so far.
    pub examples: usize,
    /// Seconds since the epoch began, without validation.
    pub seconds: f64,
    /// The loss of the last batch alone.
    pub batch_loss: f64,
    /// Loss and metrics, means over the epoch so far; after an epoch also the validation's, named `val_...`.
    pub logs: &'a Logs,
    /// Paths and parameters of the model.
    pub parameters: &'a [(String, Param)],
    /// Paths and switches of its dropout and noise.
    pub noises: &'a [(String, Noise)],
    /// The optimizer, to change its rate.
    pub optimizer: &'a mut dyn Optimizer,
    /// Set it to end the run after this batch or epoch.
    pub stop: bool,
}

impl Run<'_> {
    /// [`Layer::freeze_matching`](crate::Layer::freeze_matching) for the model that is trained.
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    pub fn freeze_matching(&self, pattern: &str) -> Result<()> {
        freeze_matching(self.parameters, self.noises, pattern, true)
    }

    /// [`Layer::unfreeze_matching`](crate::Layer::unfreeze_matching) for the model that is trained.
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    pub fn unfreeze_matching(&self, pattern: &str) -> Result<()> {
        freeze_matching(self.parameters, self.noises, pattern, false)
    }
}
