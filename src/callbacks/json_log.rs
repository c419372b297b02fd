//! Writes the figures of each epoch as lines of JSON.

use std::path::PathBuf;

use super::{Callback, Run};
use crate::error::{Error, Result};

/// Writes a JSON object a line and epoch: `{"epoch": 1, "seconds": 2.5, "loss": 0.25, ...}`; what is no number becomes
/// `null`. The file is whole after each epoch.
///
/// # Errors
/// a file that cannot be written
/// # Example
/// ```
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10).callback(JsonLog::new("target/history.jsonl"));
/// ```
pub struct JsonLog {
    path: PathBuf,
    text: String,
}

impl JsonLog {
    /// Writes to this file, over what was there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), text: String::new() }
    }
}

impl Callback for JsonLog {
    fn on_train_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.text.clear();
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let mut line = serde_json::Map::new();
        line.insert("epoch".into(), run.epoch.into());
        line.insert("seconds".into(), run.seconds.into());
        line.extend(run.logs.iter().map(|(name, figure)| (name.into(), figure.into())));
        let line = serde_json::to_string(&line).map_err(|error| Error::file(&self.path, error))?;
        self.text += &line;
        self.text.push('\n');
        crate::saving::write_file(&self.path, self.text.as_bytes())
    }
}
