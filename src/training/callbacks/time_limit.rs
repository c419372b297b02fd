//! Ends a run in time.

use std::time::{Duration, Instant};

use super::{Callback, Run};
use crate::error::Result;

/// Ends the run after the first batch that ends when the time is over; what follows the epochs still runs.
///
/// # Example
/// ```
/// use gradus::callbacks::TimeLimit;
/// use gradus::prelude::*;
/// use std::time::Duration;
/// let fit = Fit::epochs(100).callback(TimeLimit::new(Duration::from_secs(3600)));
/// ```
#[derive(Debug)]
pub struct TimeLimit {
    limit: Duration,
    started: Option<Instant>,
}

impl TimeLimit {
    /// Creates the callback with this limit, counted from the beginning of the run.
    pub fn new(limit: Duration) -> Self {
        Self { limit, started: None }
    }
}

impl Callback for TimeLimit {
    fn on_train_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.started = Some(Instant::now());
        Ok(())
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        run.stop |= self.started.is_some_and(|started| started.elapsed() >= self.limit);
        Ok(())
    }
}
