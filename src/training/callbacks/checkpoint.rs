//! Keeps weights in files.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::file_name::FileName;
use super::{Callback, Run, Watched};
use crate::error::{Error, Result};
use crate::formats::Snapshot;

/// Saves the weights after each epoch in which a figure is better than ever before in this run, or after a given number of
/// epochs.
///
/// In the path, `{epoch}` becomes the number of the epoch and `{val_loss}` that figure of it, so that each epoch has its
/// own file; `{epoch:02d}` and `{val_loss:.2f}` format them as in Python (`d` for the epoch; `f`, `e` and `%` for figures;
/// a width, with zeros or not; `{{` for a brace). A folder with a number in its name is created, others must exist.
/// [`Checkpoint::keep`] sets how many files stay.
///
/// # Defaults
/// all files are kept
/// # Errors
/// before the first step: a figure that is not in the logs, watched or in the path; one whose [direction](Watched) is not
/// known; a folder that does not exist; 0 epochs; several files to keep under one name. Later: a file that cannot be
/// written
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10)
///     .validation_split(0.1)
///     .callback(Checkpoint::best("val_accuracy", "target/best.safetensors"))
///     .callback(Checkpoint::every(2, "target/{epoch:02d}-{val_loss:.2f}.safetensors").keep(3));
/// ```
/// # Reference
/// Keras `ModelCheckpoint`
#[doc(alias = "ModelCheckpoint")]
#[derive(Debug)]
#[must_use]
pub struct Checkpoint {
    when: When,
    path: PathBuf,
    /// What the path says, once a run has begun; `None` if it is no text.
    name: Option<FileName>,
    keep: Option<usize>,
    kept: VecDeque<PathBuf>,
}

#[derive(Debug)]
enum When {
    Better { watched: Watched, best: f64 },
    Every(usize),
}

impl Checkpoint {
    /// Creates the callback, which watches this figure and writes to this file.
    pub fn best(figure: impl Into<Watched>, path: impl Into<PathBuf>) -> Self {
        Self::at(When::Better { watched: figure.into(), best: f64::NAN }, path)
    }

    /// Creates the callback, which writes to this file every `epochs` epochs.
    pub fn every(epochs: usize, path: impl Into<PathBuf>) -> Self {
        Self::at(When::Every(epochs), path)
    }

    fn at(when: When, path: impl Into<PathBuf>) -> Self {
        Self { when, path: path.into(), name: None, keep: None, kept: VecDeque::new() }
    }

    /// Sets how many files of this run stay; older ones are deleted.
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = Some(files);
        self
    }
}

impl Callback for Checkpoint {
    fn is_for_first_rank(&self) -> bool {
        true
    }

    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.kept.clear();
        let refused = |reason: String| Error::value(format!("Checkpoint: {reason}"));
        match &mut self.when {
            When::Every(0) => return Err(refused("expected at least 1 epoch between files, got 0".into())),
            When::Every(_) => {}
            When::Better { watched, best } => {
                watched.direction_in(run)?;
                *best = f64::NAN;
            }
        }
        let path = self.path.display();
        self.name = match self.path.to_str() {
            Some(text) => {
                Some(FileName::parse(text).map_err(|reason| refused(format!("in the path `{path}`, {reason}")))?)
            }
            None => None,
        };
        let has_epoch = self.name.as_ref().is_some_and(FileName::has_epoch);
        if self.keep == Some(0) || self.keep.is_some() && !has_epoch {
            let keep = self.keep.unwrap_or_default();
            return Err(refused(format!(
                "expected to keep at least 1 file, and `{{epoch}}` in the path, got {keep:?} and `{path}`"
            )));
        }
        let Some(name) = &self.name else { return crate::files::check_folder(&self.path) };
        name.names().filter(|name| *name != "epoch").try_for_each(|name| run.known.check(name))?;
        name.check_folder()
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let is_due = match &mut self.when {
            When::Every(epochs) => run.epoch.is_multiple_of(*epochs),
            When::Better { watched, best } => {
                let figure = watched.read(run.logs)?;
                let is_better = watched.improves(run, figure, *best, 0.0)?;
                if is_better {
                    *best = figure;
                }
                is_better
            }
        };
        if !is_due {
            return Ok(());
        }
        let path = self.name.as_ref().map_or(Ok(self.path.clone()), |name| name.of(run))?;
        make_folder(&path)?;
        crate::formats::save_parameters(run.parameters, &path)?;
        self.kept.push_back(path);
        while self.keep.is_some_and(|keep| self.kept.len() > keep) {
            let Some(old) = self.kept.pop_front() else { break };
            std::fs::remove_file(&old).map_err(|error| Error::io(&old, "cannot be deleted", error))?;
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

/// Creates the folder of a file: one with a number in its name cannot exist before the run.
fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "cannot be created", error))
}
