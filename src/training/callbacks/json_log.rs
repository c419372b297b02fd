//! Writes the figures of each epoch as lines of JSON.

use std::path::PathBuf;

use super::{Callback, Run};
use crate::error::Result;
use crate::formats::Snapshot;

/// Writes a JSON object a line and epoch: `{"epoch": 1, "seconds": 2.5, "loss": 0.25, ...}`; what is not a number
/// becomes `null`. The file is whole after each epoch.
///
/// # Errors
/// a file that cannot be written; a folder that does not exist, before the first step
/// # Example
/// ```
/// use gradus::callbacks::JsonLog;
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10).callback(JsonLog::new("target/history.jsonl"));
/// ```
#[derive(Debug)]
pub struct JsonLog {
    path: PathBuf,
    /// Of the epochs so far.
    seconds: Vec<f64>,
}

impl JsonLog {
    /// Writes to this file, over what was there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), seconds: Vec::new() }
    }
}

impl Callback for JsonLog {
    fn is_for_first_rank(&self) -> bool {
        true
    }

    fn on_train_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.seconds.clear();
        crate::files::check_folder(&self.path)
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.seconds.push(run.seconds);
        let mut text = String::new();
        let epochs = run.history.epochs().iter().chain([&*run.logs]);
        for (i, (logs, seconds)) in epochs.zip(&self.seconds).enumerate() {
            let mut line = serde_json::Map::new();
            line.insert("epoch".into(), (i + 1).into());
            line.insert("seconds".into(), (*seconds).into());
            line.extend(logs.iter().map(|(name, figure)| (name.into(), figure.into())));
            text += &serde_json::Value::Object(line).to_string();
            text.push('\n');
        }
        crate::files::write_file(&self.path, text.as_bytes())
    }

    fn state(&self) -> Snapshot {
        Snapshot { numbers: vec![("seconds".into(), self.seconds.clone())], ..Snapshot::default() }
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.seconds = state.list("seconds").unwrap_or_default().into();
        Ok(())
    }
}
