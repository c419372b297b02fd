//! What a trial gives.

use crate::sealed::Sealed;
use crate::training::Logs;

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

impl Outcome for f64 {
    fn logs(self, watched: &str) -> Logs {
        let mut logs = Logs::default();
        logs.set(watched, self);
        logs
    }
}
