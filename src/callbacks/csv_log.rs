//! Writes the figures of each epoch to a CSV file.

use std::fmt::Write;
use std::path::PathBuf;

use super::{Callback, Run};
use crate::error::Result;

/// Writes a line an epoch to a CSV file: epoch, then the figures under their names. The file is whole after each epoch.
///
/// # Errors
/// a file that cannot be written
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10).callback(CsvLog::new("target/history.csv"));
/// ```
/// # Reference
/// Keras `CSVLogger`
pub struct CsvLog {
    path: PathBuf,
    text: String,
}

impl CsvLog {
    /// Writes to this file, over what was there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), text: String::new() }
    }
}

impl Callback for CsvLog {
    fn on_train_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.text.clear();
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.text.is_empty() {
            self.text += "epoch";
            run.logs.iter().for_each(|(name, _)| self.text.extend([",", name]));
            self.text.push('\n');
        }
        self.text += &run.epoch.to_string();
        for (_, figure) in run.logs.iter() {
            // Writing to a string does not fail.
            let _ = write!(self.text, ",{figure}");
        }
        self.text.push('\n');
        crate::saving::write_file(&self.path, self.text.as_bytes())
    }
}
