//! Writes the figures of each epoch to a CSV file.

use std::fmt::Write;
use std::path::PathBuf;

use super::{Callback, Run};
use crate::error::Result;
use crate::training::Logs;

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
}

impl CsvLog {
    /// Writes to this file, over what was there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Callback for CsvLog {
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let epochs: Vec<&Logs> = run.history.epochs().iter().chain([run.logs]).collect();
        let mut text = String::from("epoch");
        epochs[0].iter().for_each(|(name, _)| text.extend([",", name]));
        for (i, logs) in epochs.into_iter().enumerate() {
            // Writing to a string does not fail.
            let _ = write!(text, "\n{}", i + 1);
            logs.iter().for_each(|(_, figure)| text.extend([",", &figure.to_string()]));
        }
        text.push('\n');
        crate::saving::write_file(&self.path, text.as_bytes())
    }
}
