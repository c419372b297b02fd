//! What the trials gave.

use std::fmt;

use super::{Space, Trial, table};
use crate::error::{Error, Result};
use crate::metrics::Direction;
use crate::order::order;
use crate::training::{Logs, callbacks::Watched};

/// What a trial gave: figures, or the message of its failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    trial: Trial,
    logs: Logs,
    failure: Option<String>,
}

impl Record {
    /// With its figures; one whose watched figure is not finite has failed.
    pub(super) fn new(trial: Trial, logs: Logs, watched: &Watched) -> Result<Self> {
        let figure = watched.read(&logs)?;
        let failure = (!figure.is_finite()).then(|| format!("`{}` is {figure}", watched.name()));
        Ok(Self { trial, logs, failure })
    }

    pub(super) fn failed(trial: Trial, error: &Error) -> Self {
        Self { trial, logs: Logs::default(), failure: Some(error.to_string()) }
    }

    pub(super) fn stored(trial: Trial, logs: Logs, failure: Option<String>) -> Self {
        Self { trial, logs, failure }
    }

    /// Returns what was tried.
    pub fn trial(&self) -> &Trial {
        &self.trial
    }

    /// Returns its figures.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Returns why it failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// All trials of a search, in order. Its `Display` is its table as CSV: the number of the trial, its epochs and settings, its
/// figures, the message of a failure.
#[derive(Clone, Debug)]
pub struct Results {
    space: Space,
    watched: String,
    direction: Direction,
    records: Vec<Record>,
}

impl Results {
    pub(super) fn new(space: Space, watched: &Watched) -> Result<Self> {
        let direction = watched.direction_alone().map_err(|error| Error::value(format!("search: {error}")))?;
        Ok(Self { space, watched: watched.name().into(), direction, records: Vec::new() })
    }

    pub(super) fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Returns the space that was searched.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Returns the name of the figure that was watched, such as `val_loss`.
    pub fn watched(&self) -> &str {
        &self.watched
    }

    /// Returns the trials in the order in which they were run; one that was continued has several.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the best of the trials that were trained longest; `None` if all failed.
    pub fn best(&self) -> Option<&Record> {
        let longest =
            self.records.iter().filter(|record| record.failure.is_none()).map(|record| record.trial.budget()).max()?;
        self.ranked(longest).into_iter().next()
    }

    /// The numbers of the trials of this many epochs, counted from 0, best first, without those that failed.
    pub(super) fn ranking(&self, budget: usize) -> Vec<usize> {
        self.ranked(budget).into_iter().map(|record| record.trial.number() - 1).collect()
    }

    fn ranked(&self, budget: usize) -> Vec<&Record> {
        let is_candidate = |record: &&Record| record.failure.is_none() && record.trial.budget() == budget;
        let candidates: Vec<&Record> = self.records.iter().filter(is_candidate).collect();
        let ranked = order(candidates.len(), &|a, b| match (self.score(candidates[a]), self.score(candidates[b])) {
            (a, b) if self.direction.is_better(a, b) => std::cmp::Ordering::Less,
            (a, b) if self.direction.is_better(b, a) => std::cmp::Ordering::Greater,
            // Of equals, the first counts.
            _ => std::cmp::Ordering::Equal,
        });
        ranked.into_iter().map(|place| candidates[place]).collect()
    }

    /// Returns the watched figure of a trial; NaN if it failed.
    pub fn score(&self, record: &Record) -> f64 {
        record.logs.get(&self.watched).unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::write(f, &self.space, &self.records)
    }
}
