//! Lowers the learning rate where a run gets no further.

use super::watched::Best;
use super::{Callback, Run, Watched};
use crate::config::settings;
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::tensor::Float;

settings! {
    /// Multiplies the learning rate by a factor when a figure has not got better for `patience` epochs.
    ///
    /// # Defaults
    /// factor 0.1, patience 10, least improvement 1e-4, cooldown 0, least rate 0
    /// # Errors
    /// a figure that is not in the logs, or whose [direction](Watched) is not known, before the first step; a factor that is not in 0..1; a least improvement or rate
    /// below 0; an optimizer without a rate
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let fit = Fit::epochs(100).callback(ReduceOnPlateau::new("loss").factor(0.5).patience(3));
    /// ```
    /// # Reference
    /// Keras `ReduceLROnPlateau`
    #[doc(alias = "ReduceLROnPlateau")]
    #[derive(Debug)]
    pub struct ReduceOnPlateau(
        /// Creates the callback, which watches this figure.
        figure: [into Watched],
    ) {
        /// What the rate is multiplied with.
        factor: [Float] = 0.1,
        /// How many epochs without improvement are let pass.
        patience: [usize] = 10,
        /// By how much a figure must get better to count.
        min_delta: [f64] = 1e-4,
        /// How many epochs after a reduction do not count as waiting.
        cooldown: [usize] = 0,
        /// The rate below which it does not go.
        min_rate: [Float] = 0.0,
    }
    private {
        best: Best = Best::default(),
        cooling: usize = 0,
    }
}

impl Callback for ReduceOnPlateau {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        if !(0.0..1.0).contains(&self.factor) {
            let factor = self.factor;
            return Err(Error::value(format!(
                "ReduceOnPlateau: expected a factor in 0..1 (1 excluded), got {factor}; 0.1 is usual"
            )));
        }
        if !(self.min_rate.is_finite() && self.min_rate >= 0.0) {
            let rate = self.min_rate;
            return Err(Error::value(format!(
                "ReduceOnPlateau: expected a `min_rate` of at least 0, got {rate}; 0 is usual"
            )));
        }
        self.cooling = 0;
        self.best.begin("ReduceOnPlateau", &self.figure, run, self.min_delta)
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.cooling > 0 {
            (self.cooling, self.best.waited) = (self.cooling - 1, 0);
        }
        if self.best.improves(&self.figure, run, self.min_delta)? || self.cooling > 0 {
            return Ok(());
        }
        self.best.waited += 1;
        let rate = run.optimizer.learning_rate().unwrap_or(Float::NAN);
        // Without a rate, `set_learning_rate` says so.
        if self.best.waited >= self.patience && (rate > self.min_rate || rate.is_nan()) {
            run.optimizer.set_learning_rate((rate * self.factor).max(self.min_rate))?;
            (self.cooling, self.best.waited) = (self.cooldown, 0);
        }
        Ok(())
    }

    fn state(&self) -> Snapshot {
        let mut state = self.best.state();
        state.numbers.push(("cooling".into(), vec![self.cooling as f64]));
        state
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.cooling = state.count("cooling")? as usize;
        self.best.restore(state)
    }
}
