//! What a trial gives.

use crate::sealed::Sealed;
use crate::training::{History, Logs};

/// What a trial gives: one number, or figures by name.
pub trait Outcome: Sealed {
    /// As figures; `watched` is the name that counts.
    fn logs(self, watched: &str) -> Logs;
}

impl Sealed for Logs {}

impl Outcome for Logs {
    fn logs(self, _: &str) -> Logs {
        self
    }
}

impl Sealed for History {}

/// The figures of the last epoch.
impl Outcome for History {
    fn logs(self, _: &str) -> Logs {
        self.last().cloned().unwrap_or_default()
    }
}

impl Outcome for f64 {
    fn logs(self, watched: &str) -> Logs {
        let mut logs = Logs::default();
        logs.set(watched, self);
        logs
    }
}
