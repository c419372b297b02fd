//! Stops a run that no longer gets better.

use super::{Callback, Run, Watched};
use crate::error::Result;
use crate::formats::Snapshot;
use crate::tensor::Tensor;

/// Stops when a figure has not got better for `patience` epochs, and puts the best epoch's weights back.
///
/// # Defaults
/// patience 0 as in Keras, least improvement 0, weights restored (in Keras not)
/// # Errors
/// a figure that is not in the logs, or whose [direction](Watched) is not known, before the first step
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(100).validation_split(0.1).callback(EarlyStopping::new("val_loss").patience(3));
/// ```
/// # Reference
/// Prechelt 1998; Keras `EarlyStopping`
#[derive(Debug)]
#[must_use]
pub struct EarlyStopping {
    watched: Watched,
    patience: usize,
    min_delta: f64,
    restore: bool,
    best: f64,
    waited: usize,
    weights: Vec<Option<Tensor>>,
}

impl EarlyStopping {
    /// Creates the callback, which watches this figure.
    pub fn new(figure: impl Into<Watched>) -> Self {
        Self {
            watched: figure.into(),
            patience: 0,
            min_delta: 0.0,
            restore: true,
            best: f64::NAN,
            waited: 0,
            weights: Vec::new(),
        }
    }

    /// Sets how many epochs without improvement are let pass.
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Sets by how much a figure must get better to count.
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.min_delta = delta.abs();
        self
    }

    /// Sets whether the best epoch's weights are put back at the end of the run.
    pub fn restore_best_weights(mut self, yes: bool) -> Self {
        self.restore = yes;
        self
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.watched.direction_in(run)?;
        (self.best, self.waited) = (f64::NAN, 0);
        self.weights.clear();
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let figure = self.watched.read(run.logs)?;
        if self.watched.improves(run, figure, self.best, self.min_delta)? {
            (self.best, self.waited) = (figure, 0);
            if self.restore {
                self.weights = run.parameters.iter().map(|(_, param)| param.value()).collect();
            }
        } else {
            self.waited += 1;
            run.stop |= self.waited >= self.patience.max(1);
        }
        Ok(())
    }

    fn on_train_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        for ((_, param), weights) in run.parameters.iter().zip(self.weights.drain(..)) {
            weights.map_or(Ok(()), |weights| param.set(weights))?;
        }
        Ok(())
    }

    fn state(&self) -> Snapshot {
        let mut state = Snapshot::of([("best", self.best), ("waited", self.waited as f64)]);
        state.keep_all("weights", &self.weights);
        state
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        (self.best, self.waited) = (state.number("best")?, state.count("waited")? as usize);
        self.weights = state.all("weights");
        Ok(())
    }
}
