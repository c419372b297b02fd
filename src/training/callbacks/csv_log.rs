//! Writes the figures of each epoch to a CSV file.

use std::path::PathBuf;

use super::{Callback, Run};
use crate::error::Result;
use crate::files::csv_line;
use crate::training::history::{Logs, figure_names};

/// Writes a line an epoch to a CSV file: epoch, then the figures under their names. The file is whole after each epoch.
///
/// A figure that some epochs do not have, such as one that a [`Loop`](crate::training::Loop) logs every other epoch, is an
/// empty cell in these. Names with commas, quotes or line breaks are quoted.
///
/// # Errors
/// a file that cannot be written; a folder that does not exist, before the first step
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10).callback(CsvLog::new("target/history.csv"));
/// ```
/// # Reference
/// Keras `CSVLogger`
#[derive(Debug)]
pub struct CsvLog {
    path: PathBuf,
}

impl CsvLog {
    /// Writes to this file, over what was there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Callback for CsvLog {
    fn is_for_first_rank(&self) -> bool {
        true
    }

    fn on_train_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        crate::files::check_folder(&self.path)
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let epochs: Vec<&Logs> = run.history.epochs().iter().chain([&*run.logs]).collect();
        let names = figure_names(epochs.iter().copied());
        let mut text = csv_line(["epoch"].iter().chain(&names));
        for (i, logs) in epochs.into_iter().enumerate() {
            let figure = |name: &&str| logs.get(name).map_or(String::new(), |figure| figure.to_string());
            text += &csv_line([(i + 1).to_string()].into_iter().chain(names.iter().map(figure)));
        }
        crate::files::write_file(&self.path, text.as_bytes())
    }
}
