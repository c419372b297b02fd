//! A figure that a callback watches, and which way is better.

use crate::error::{Error, Result};
use crate::training::Logs;

/// A figure of the logs and which way is better: down for losses and errors, up for the rest.
///
/// ```
/// use gradus::callbacks::Watched;
/// assert!(Watched::new("val_loss").is_better(0.1, 0.2));
/// assert!(Watched::new("val_accuracy").is_better(0.2, 0.1));
/// assert!(Watched::new("my_figure").lower_is_better(true).is_better(0.1, 0.2));
/// ```
#[derive(Clone, Debug)]
pub struct Watched {
    name: String,
    lower: bool,
}

impl Watched {
    /// Of this name; lower is better if the name has `loss`, `error` or `perplexity` in it.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { lower: ["loss", "error", "perplexity"].iter().any(|low| name.contains(low)), name }
    }

    /// Says which way is better.
    pub fn lower_is_better(mut self, yes: bool) -> Self {
        self.lower = yes;
        self
    }

    /// The figure's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `new` is better than `old`. No number is never better, and anything is better than it.
    pub fn is_better(&self, new: f64, old: f64) -> bool {
        let improved = if self.lower { new < old } else { new > old };
        improved || old.is_nan() && !new.is_nan()
    }

    /// The figure in these logs.
    ///
    /// # Errors
    /// no figure of that name; the message lists those that there are
    pub fn read(&self, logs: &Logs) -> Result<f64> {
        logs.get(&self.name).ok_or_else(|| {
            let names: Vec<&str> = logs.iter().map(|(name, _)| name).collect();
            Error::value(format!(
                "no figure named `{}` to watch; there are: {}; `val_...` needs `Fit::validation`",
                self.name,
                names.join(", ")
            ))
        })
    }
}

impl<S: Into<String>> From<S> for Watched {
    fn from(name: S) -> Self {
        Self::new(name)
    }
}
