//! Unfreezes a model part by part.

use super::{Callback, Run};
use crate::error::{Error, Result};

/// Trains one part of a model at first, and unfreezes another one every few epochs, so that a new head cannot spoil
/// what the layers below know.
///
/// Parts are patterns of paths, the first one trained from the beginning on, usually the head. At the beginning of a run
/// the others are frozen; what no pattern matches stays as it is. An optimizer counts the steps of a parameter from the
/// first one that it is trained in.
///
/// # Defaults
/// a part every epoch
/// # Errors
/// no patterns; a pattern that matches nothing; 0 epochs
/// # Example
/// ```
/// use gradus::callbacks::GradualUnfreezing;
/// use gradus::prelude::*;
/// let fit = Fit::epochs(4).callback(GradualUnfreezing::new(["head.*", "encoder_1.*", "encoder.*", "embedding.*"]));
/// ```
/// # Reference
/// Howard & Ruder 2018
#[derive(Clone, Debug)]
#[must_use]
pub struct GradualUnfreezing {
    patterns: Vec<String>,
    every: usize,
}

impl GradualUnfreezing {
    /// Creates the callback, which unfreezes in the order of these patterns.
    pub fn new<P: Into<String>>(patterns: impl IntoIterator<Item = P>) -> Self {
        Self { patterns: patterns.into_iter().map(Into::into).collect(), every: 1 }
    }

    /// Sets how many epochs lie between two parts.
    pub fn every(mut self, epochs: usize) -> Self {
        self.every = epochs;
        self
    }
}

impl Callback for GradualUnfreezing {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.every == 0 || self.patterns.is_empty() {
            return Err(Error::value(format!(
                "GradualUnfreezing: expected at least 1 pattern and at least 1 epoch between two, got {:?} and {}",
                self.patterns, self.every
            )));
        }
        self.patterns.iter().try_for_each(|pattern| run.freeze_matching(pattern))?;
        run.unfreeze_matching(&self.patterns[0])
    }

    fn on_epoch_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        let due = &self.patterns[..self.patterns.len().min((run.epoch - 1) / self.every + 1)];
        due.iter().try_for_each(|pattern| run.unfreeze_matching(pattern))
    }
}
