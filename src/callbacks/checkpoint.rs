//! Keeps weights in files.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::{Callback, Run, Watched};
use crate::error::{Error, Result};
use crate::saving::Snapshot;

/// Saves the weights after each epoch in which a figure is better than ever before in this run, or after every so many
/// epochs.
///
/// `{epoch}` in the path becomes the number of the epoch, so that each has its own file; [`Checkpoint::keep`] says how
/// many of them stay.
///
/// # Defaults
/// all files are kept
/// # Errors
/// a figure that is not in the logs; a file that cannot be written; 0 epochs; several files to keep under one name
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10)
///     .validation_split(0.1)
///     .callback(Checkpoint::best("val_accuracy", "target/best.safetensors"))
///     .callback(Checkpoint::every(2, "target/epoch-{epoch}.safetensors").keep(3));
/// ```
/// # Reference
/// Keras `ModelCheckpoint`
#[doc(alias = "ModelCheckpoint")]
pub struct Checkpoint {
    when: When,
    path: PathBuf,
    keep: Option<usize>,
    kept: VecDeque<PathBuf>,
}

enum When {
    Better { watched: Watched, best: f64 },
    Every(usize),
}

impl Checkpoint {
    /// Watches this figure and writes to this file.
    pub fn best(figure: impl Into<Watched>, path: impl Into<PathBuf>) -> Self {
        Self::new(When::Better { watched: figure.into(), best: f64::NAN }, path)
    }

    /// Writes to this file after every so many epochs.
    pub fn every(epochs: usize, path: impl Into<PathBuf>) -> Self {
        Self::new(When::Every(epochs), path)
    }

    fn new(when: When, path: impl Into<PathBuf>) -> Self {
        Self { when, path: path.into(), keep: None, kept: VecDeque::new() }
    }

    /// Sets how many files of this run stay; older ones are deleted.
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = Some(files);
        self
    }
}

impl Callback for Checkpoint {
    fn on_train_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        if let When::Better { best, .. } = &mut self.when {
            *best = f64::NAN;
        }
        self.kept.clear();
        if matches!(self.when, When::Every(0)) {
            return Err(Error::value("Checkpoint: expected at least 1 epoch between files, got 0"));
        }
        if self.keep == Some(0) || self.keep.is_some() && !self.path.to_string_lossy().contains("{epoch}") {
            return Err(Error::value(format!(
                "Checkpoint: expected to keep at least 1 file, and `{{epoch}}` in the path, got {:?} and `{}`",
                self.keep.unwrap_or_default(),
                self.path.display()
            )));
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let is_due = match &mut self.when {
            When::Every(epochs) => run.epoch.is_multiple_of(*epochs),
            When::Better { watched, best } => {
                let figure = watched.read(run.logs)?;
                let is_better = watched.is_better(figure, *best);
                if is_better {
                    *best = figure;
                }
                is_better
            }
        };
        if !is_due {
            return Ok(());
        }
        let path = match self.path.to_str() {
            Some(path) => path.replace("{epoch}", &run.epoch.to_string()).into(),
            None => self.path.clone(),
        };
        crate::saving::save(run.parameters, &path)?;
        self.kept.push_back(path);
        while self.keep.is_some_and(|keep| self.kept.len() > keep) {
            let Some(old) = self.kept.pop_front() else { break };
            std::fs::remove_file(&old).map_err(|error| Error::file(old, format!("cannot be deleted: {error}")))?;
        }
        Ok(())
    }

    fn state(&self) -> Snapshot {
        let best = if let When::Better { best, .. } = &self.when { *best } else { f64::NAN };
        let mut state = Snapshot::of([("best", best)]);
        state.texts = self.kept.iter().map(|path| ("kept".into(), path.to_string_lossy().into())).collect();
        state
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        if let When::Better { best, .. } = &mut self.when {
            *best = state.number("best")?;
        }
        self.kept = state.texts.iter().map(|(_, path)| path.into()).collect();
        Ok(())
    }
}
