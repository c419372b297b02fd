//! Keeps the best weights in a file.

use std::path::PathBuf;

use super::{Callback, Run, Watched};
use crate::error::Result;

/// Saves the weights after each epoch in which a figure is better than ever before in this run.
///
/// # Errors
/// a figure that is not in the logs; a file that cannot be written
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10).validation_split(0.1).callback(Checkpoint::best("val_accuracy", "target/best.safetensors"));
/// ```
/// # Reference
/// Keras `ModelCheckpoint` with `save_best_only`
pub struct Checkpoint {
    watched: Watched,
    path: PathBuf,
    best: f64,
}

impl Checkpoint {
    /// Watches this figure and writes to this file.
    pub fn best(figure: impl Into<Watched>, path: impl Into<PathBuf>) -> Self {
        Self { watched: figure.into(), path: path.into(), best: f64::NAN }
    }
}

impl Callback for Checkpoint {
    fn on_train_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.best = f64::NAN;
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let figure = self.watched.read(run.logs)?;
        if self.watched.is_better(figure, self.best) {
            self.best = figure;
            crate::saving::save(run.parameters, &self.path)?;
        }
        Ok(())
    }
}
