//! Stops a run that no longer gets better.

use super::watched::Best;
use super::{Callback, Run, Watched};
use crate::config::settings;
use crate::error::Result;
use crate::formats::Snapshot;
use crate::tensor::Tensor;

settings! {
    /// Stops when a figure has not got better for `patience` epochs, and puts the best epoch's weights back.
    ///
    /// # Defaults
    /// patience 0 as in Keras, least improvement 0, weights restored (in Keras not)
    /// # Errors
    /// a figure that is not in the logs, or whose [direction](Watched) is not known; a least improvement below 0; both before the first step
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let fit = Fit::epochs(100).validation_split(0.1).callback(EarlyStopping::new("val_loss").patience(3));
    /// ```
    /// # Reference
    /// Prechelt 1998; Keras `EarlyStopping`
    #[derive(Debug)]
    pub struct EarlyStopping(
        /// Creates the callback, which watches this figure.
        figure: [into Watched],
    ) {
        /// How many epochs without improvement are let pass.
        patience: [usize] = 0,
        /// By how much a figure must get better to count.
        min_delta: [f64] = 0.0,
        /// Whether the best epoch's weights are put back at the end of the run.
        restore_best_weights: [bool] = true,
    }
    private {
        best: Best = Best::default(),
        weights: Vec<Option<Tensor>> = Vec::new(),
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.best.begin("EarlyStopping", &self.figure, run, self.min_delta)?;
        self.weights.clear();
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.best.improves(&self.figure, run, self.min_delta)? {
            if self.restore_best_weights {
                self.weights = run.parameters.iter().map(|(_, param)| param.value()).collect();
            }
        } else {
            self.best.waited += 1;
            run.stop |= self.best.waited >= self.patience.max(1);
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
        let mut state = self.best.state();
        state.keep_all("weights", &self.weights);
        state
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.best.restore(state)?;
        self.weights = state.all("weights");
        Ok(())
    }
}
