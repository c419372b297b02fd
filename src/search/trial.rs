//! One combination of settings.

use std::fmt;

use super::Value;
use crate::error::{Error, Result};
use crate::tensor::Float;

/// One combination of settings, and for how long to train with it.
///
/// Its `Display` is its settings, rounded: `rate = 1.57e-3, units = 32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    number: usize,
    budget: usize,
    seed: u64,
    values: Vec<(String, Value)>,
}

impl Trial {
    pub(super) fn new(number: usize, seed: u64, values: Vec<(String, Value)>) -> Self {
        Self { number, budget: 0, seed, values }
    }

    pub(super) fn for_epochs(mut self, budget: usize) -> Self {
        self.budget = budget;
        self
    }

    /// Returns which of the combinations it is, counted from 1; the same in all rounds of a search that halves.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns for how many epochs to train, from the start.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Returns a seed of its own, the same in all rounds.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Names and values of the settings.
    pub fn values(&self) -> &[(String, Value)] {
        &self.values
    }

    /// Returns the value of a setting.
    ///
    /// # Errors
    /// no setting of that name; so the others
    pub fn value(&self, name: &str) -> Result<&Value> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value).ok_or_else(|| {
            let names: Vec<&str> = self.values.iter().map(|(name, _)| name.as_str()).collect();
            Error::value(format!("the space of the search has no setting `{name}`; there are: {}", names.join(", ")))
        })
    }

    /// Returns a setting that is a number.
    ///
    /// # Errors
    /// a setting that is a word
    pub fn real(&self, name: &str) -> Result<Float> {
        match self.value(name)? {
            Value::Number(number) => Ok(*number as Float),
            Value::Text(text) => Err(Error::value(format!("expected a number for `{name}`, got `{text}`; use `text`"))),
        }
    }

    /// Returns a setting that is a count.
    ///
    /// # Errors
    /// a setting that is not a whole number from 0 on
    pub fn integer(&self, name: &str) -> Result<usize> {
        match self.value(name)? {
            Value::Number(number) if *number >= 0.0 && number.fract() == 0.0 => Ok(*number as usize),
            other => Err(Error::value(format!("expected a whole number from 0 on for `{name}`, got {other}"))),
        }
    }

    /// Returns a setting that is a word.
    ///
    /// # Errors
    /// a setting that is a number
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.value(name)? {
            Value::Text(text) => Ok(text),
            Value::Number(number) => {
                Err(Error::value(format!("expected a word for `{name}`, got {number}; use `real`")))
            }
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.values.iter().enumerate() {
            let separator = if i > 0 { ", " } else { "" };
            match value {
                Value::Number(x) if x.fract() != 0.0 && x.abs() < 0.1 => write!(f, "{separator}{name} = {x:.2e}")?,
                Value::Number(x) if x.fract() != 0.0 => write!(f, "{separator}{name} = {x:.3}")?,
                _ => write!(f, "{separator}{name} = {value}")?,
            }
        }
        Ok(())
    }
}
