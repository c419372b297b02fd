//! A training run as callbacks see it.

use std::path::PathBuf;

use super::KnownFigures;
use crate::autograd::{Noise, Param, freeze_matching};
use crate::error::{Error, Result};
use crate::optimizers::{Change, Stepper};
use crate::tensor::Float;
use crate::training::history::{History, Logs};

/// A training run as callbacks see it: of [`fit`](crate::Trainer::fit), or of a [`Loop`](crate::training::Loop) of one's
/// own.
#[derive(Debug)]
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
    /// Loss and metrics, means over the epoch so far; after an epoch also the validation's, named `val_...`. What a callback sets at the
    /// end of an epoch goes into the history.
    pub logs: &'a mut Logs,
    /// The figures of the epochs before.
    pub history: &'a History,
    /// Paths and parameters of the model.
    pub parameters: &'a [(String, Param)],
    /// Paths and switches of its dropout and noise.
    pub noises: &'a [(String, Noise)],
    /// The optimizer, to change its rate.
    pub optimizer: Optimizers<'a>,
    /// The number of this process among those that [train together](crate::distributed); 0 where it trains alone.
    pub rank: usize,
    /// Set it to end the run after this batch or epoch.
    pub stop: bool,
    /// At the end of a run: whether it was stopped in the middle of an epoch, as by a time limit, and so may be
    /// resumed.
    pub interrupted: bool,
    pub(crate) known: &'a KnownFigures,
    pub(crate) requests: Vec<Request>,
}

/// What a callback wants done when all callbacks have been called.
#[derive(Debug)]
pub(crate) enum Request {
    BackUp(PathBuf),
    Resume(PathBuf),
}

impl Run<'_> {
    /// [`Model::freeze_matching`](crate::Model::freeze_matching) for the model that is trained.
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    pub fn freeze_matching(&self, pattern: &str) -> Result<()> {
        freeze_matching(self.parameters, self.noises, pattern, true)
    }

    /// [`Model::unfreeze_matching`](crate::Model::unfreeze_matching) for the model that is trained.
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    pub fn unfreeze_matching(&self, pattern: &str) -> Result<()> {
        freeze_matching(self.parameters, self.noises, pattern, false)
    }

    /// Writes all that it takes to go on from here to a file, once all callbacks have been called. [`Backup`](super::Backup)
    /// does it again and again.
    pub fn back_up(&mut self, path: impl Into<PathBuf>) {
        self.requests.push(Request::BackUp(path.into()));
    }

    /// Goes on from such a file, once all callbacks have been called. Works before the first epoch only.
    pub fn resume(&mut self, path: impl Into<PathBuf>) {
        self.requests.push(Request::Resume(path.into()));
    }
}

/// The optimizer of a run; a custom loop may have several.
#[derive(Debug)]
pub struct Optimizers<'a> {
    pub(crate) steppers: &'a mut [Stepper],
}

impl Optimizers<'_> {
    /// The learning rate; of several optimizers, the first one's.
    pub fn learning_rate(&self) -> Option<Float> {
        self.steppers.first()?.optimizer().learning_rate()
    }

    /// Sets the learning rate. Those of further optimizers change by the same factor.
    ///
    /// # Errors
    /// a rate that is negative or not finite; a run without an optimizer
    pub fn set_learning_rate(&mut self, rate: Float) -> Result<()> {
        let Some((first, others)) = self.steppers.split_first_mut() else {
            return Err(Error::value("this run has no optimizer whose learning rate could be set"));
        };
        let before = first.optimizer().learning_rate().unwrap_or(0.0);
        first.optimizer_mut().set_learning_rate(rate)?;
        for other in others.iter_mut().filter(|_| before > 0.0) {
            let own = other.optimizer().learning_rate().unwrap_or(0.0);
            other.optimizer_mut().set_learning_rate(own * (rate / before))?;
        }
        Ok(())
    }

    /// All rates, to be put back.
    pub(crate) fn rates(&self) -> Vec<Option<Float>> {
        self.steppers.iter().map(|stepper| stepper.optimizer().learning_rate()).collect()
    }

    /// Restores what [`Optimizers::rates`] returned, to the bit.
    pub(crate) fn restore_rates(&mut self, rates: &[Option<Float>]) -> Result<()> {
        let both = self.steppers.iter_mut().zip(rates);
        both.into_iter().try_for_each(|(stepper, rate)| match rate {
            Some(rate) => stepper.optimizer_mut().set_learning_rate(*rate),
            None => Ok(()),
        })
    }

    /// The most batches that one of them gathers for a step.
    pub(crate) fn batches_per_step(&self) -> u32 {
        self.steppers.iter().map(Stepper::batches_per_step).max().unwrap_or(1)
    }

    /// Whether the rates of one of them come from a schedule.
    pub(crate) fn has_schedule(&self) -> bool {
        self.steppers.iter().any(Stepper::has_schedule)
    }

    /// Sets whether [`changes`](Self::changes) returns what steps do; see [`Stepper::watch`]. A run begins without.
    pub fn watch(&mut self, yes: bool) {
        self.steppers.iter_mut().for_each(|stepper| stepper.watch(yes));
    }

    /// What the last step did to each parameter: its gradient, and how far it moved. Nothing unless
    /// [watched](Self::watch).
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steppers.iter().flat_map(Stepper::changes)
    }
}
