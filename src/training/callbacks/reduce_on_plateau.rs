//! Lowers the learning rate where a run gets no further.

use super::{Callback, Run, Watched};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::tensor::Float;

/// Multiplies the learning rate by a factor when a figure has not got better for `patience` epochs.
///
/// # Defaults
/// factor 0.1, patience 10, least improvement 1e-4, cooldown 0, least rate 0
/// # Errors
/// a figure that is not in the logs, or whose [direction](Watched) is not known, before the first step; a factor that is not in 0..1; an optimizer without a rate
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(100).callback(ReduceOnPlateau::new("loss").factor(0.5).patience(3));
/// ```
/// # Reference
/// Keras `ReduceLROnPlateau`
#[doc(alias = "ReduceLROnPlateau")]
#[derive(Debug)]
#[must_use]
pub struct ReduceOnPlateau {
    watched: Watched,
    factor: Float,
    patience: usize,
    min_delta: f64,
    cooldown: usize,
    min_rate: Float,
    best: f64,
    waited: usize,
    cooling: usize,
}

impl ReduceOnPlateau {
    /// Creates the callback, which watches this figure.
    pub fn new(figure: impl Into<Watched>) -> Self {
        Self {
            watched: figure.into(),
            factor: 0.1,
            patience: 10,
            min_delta: 1e-4,
            cooldown: 0,
            min_rate: 0.0,
            best: f64::NAN,
            waited: 0,
            cooling: 0,
        }
    }

    /// Sets what the rate is multiplied with.
    pub fn factor(mut self, factor: Float) -> Self {
        self.factor = factor;
        self
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

    /// Sets how many epochs after a reduction do not count as waiting.
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// Sets the rate below which it does not go.
    pub fn min_rate(mut self, rate: Float) -> Self {
        self.min_rate = rate;
        self
    }
}

impl Callback for ReduceOnPlateau {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.watched.direction_in(run)?;
        if !(0.0..1.0).contains(&self.factor) {
            let factor = self.factor;
            return Err(Error::value(format!(
                "ReduceOnPlateau: expected a factor in 0..1 (1 excluded), got {factor}; 0.1 is usual"
            )));
        }
        (self.best, self.waited, self.cooling) = (f64::NAN, 0, 0);
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let figure = self.watched.read(run.logs)?;
        if self.cooling > 0 {
            (self.cooling, self.waited) = (self.cooling - 1, 0);
        }
        if self.watched.improves(run, figure, self.best, self.min_delta)? {
            (self.best, self.waited) = (figure, 0);
        } else if self.cooling == 0 {
            self.waited += 1;
            let rate = run.optimizer.learning_rate().unwrap_or(Float::NAN);
            // Without a rate, `set_learning_rate` says so.
            if self.waited >= self.patience && (rate > self.min_rate || rate.is_nan()) {
                run.optimizer.set_learning_rate((rate * self.factor).max(self.min_rate))?;
                (self.cooling, self.waited) = (self.cooldown, 0);
            }
        }
        Ok(())
    }

    fn state(&self) -> Snapshot {
        Snapshot::of([("best", self.best), ("waited", self.waited as f64), ("cooling", self.cooling as f64)])
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.best = state.number("best")?;
        (self.waited, self.cooling) = (state.count("waited")? as usize, state.count("cooling")? as usize);
        Ok(())
    }
}
