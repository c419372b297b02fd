//! A figure that a callback watches, and which way is better.

use super::Run;
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::metrics::Direction;
use crate::training::history::Logs;

/// A figure of the logs, and which way it gets better.
///
/// A name is enough where the run knows the rest: losses get better downwards, and a metric says its direction
/// ([`Metric::direction`](crate::metrics::Metric::direction)), with `val_` before its name too. For any other figure say
/// it by [`Watched::direction`]. Nothing is guessed from a name, but that what a [`Loop`](crate::training::Loop) or a
/// [`Search`](crate::search::Search) calls `loss`, or something that ends with `_loss`, is one.
///
/// ```
/// use gradus::callbacks::Watched;
/// use gradus::metrics::Direction;
/// use gradus::prelude::*;
/// let by_name = EarlyStopping::new("val_accuracy");
/// let by_setter = EarlyStopping::new(Watched::new("val_profit").direction(Direction::Higher));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Watched {
    name: String,
    direction: Option<Direction>,
}

impl Watched {
    /// Creates a watch on the figure of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), direction: None }
    }

    /// Sets which way the figure gets better.
    #[doc(alias = "mode")]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Returns the figure's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns which way the figure gets better in this run. Callbacks call it in
    /// [`on_train_begin`](super::Callback::on_train_begin) too, so that a wrong name costs no training.
    ///
    /// # Errors
    /// a figure that `fit` will not have, or whose direction is not known; the message lists the figures that there are
    pub fn direction_in(&self, run: &Run<'_>) -> Result<Direction> {
        run.known.check(&self.name)?;
        let known = run.known.get(&self.name);
        let own_loss = if known.is_none() { self.direction_of_loss() } else { None };
        self.direction.or(known.flatten()).or(own_loss).ok_or_else(|| self.unknown(&run.known.names()))
    }

    /// The direction without a run: as set, or that of a loss.
    pub(crate) fn direction_alone(&self) -> Result<Direction> {
        self.direction.or(self.direction_of_loss()).ok_or_else(|| self.unknown(&[]))
    }

    fn direction_of_loss(&self) -> Option<Direction> {
        (self.name == "loss" || self.name.ends_with("_loss")).then_some(Direction::Lower)
    }

    /// Returns the figure in these logs.
    ///
    /// # Errors
    /// no figure of that name; the message lists those that there are
    pub fn read(&self, logs: &Logs) -> Result<f64> {
        logs.get(&self.name).ok_or_else(|| missing(&self.name, logs.iter().map(|(name, _)| name)))
    }

    /// Whether the figure has got better than `best` by more than `min_delta`; any figure is better than none, NaN.
    pub(super) fn improves(&self, run: &Run<'_>, figure: f64, best: f64, min_delta: f64) -> Result<bool> {
        let is_enough = best.is_nan() || (figure - best).abs() > min_delta.abs();
        Ok(self.direction_in(run)?.is_better(figure, best) && is_enough)
    }

    fn unknown(&self, names: &[&str]) -> Error {
        let name = &self.name;
        let metrics = match names {
            [] => String::new(),
            names => format!(", implement `Metric::direction`, or watch one of: {}", names.join(", ")),
        };
        Error::value(format!(
            "it is not known which way `{name}` gets better: watch \
             `Watched::new(\"{name}\").direction(Direction::Lower)` or `Direction::Higher`{metrics}"
        ))
    }
}

fn missing<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<&str> = names.collect();
    let hint = if name.starts_with("val_") && !names.iter().any(|known| known.starts_with("val_")) {
        "; `val_...` needs `Fit::validation` or `Fit::validation_split`"
    } else {
        ""
    };
    Error::value(format!("no figure named `{name}` to watch; there are: {}{hint}", names.join(", ")))
}

impl<S: Into<String>> From<S> for Watched {
    fn from(name: S) -> Self {
        Self::new(name)
    }
}

/// The best that a figure has been in a run, and how many epochs have passed since.
#[derive(Debug)]
pub(super) struct Best {
    figure: f64,
    pub waited: usize,
}

impl Default for Best {
    fn default() -> Self {
        Self { figure: f64::NAN, waited: 0 }
    }
}

impl Best {
    /// Forgets another run. An error if the run will not have the figure, or if nothing could be `min_delta` better.
    pub fn begin(&mut self, who: &str, watched: &Watched, run: &Run<'_>, min_delta: f64) -> Result<()> {
        *self = Self::default();
        if !(min_delta.is_finite() && min_delta >= 0.0) {
            return Err(Error::value(format!(
                "{who}: expected a `min_delta` of at least 0, got {min_delta}; 0 is usual"
            )));
        }
        watched.direction_in(run).map(|_| ())
    }

    /// Takes in the figure of an epoch, and returns whether it is the best one; if not, an epoch has passed, which the caller counts.
    pub fn improves(&mut self, watched: &Watched, run: &Run<'_>, min_delta: f64) -> Result<bool> {
        let figure = watched.read(run.logs)?;
        let is_better = watched.improves(run, figure, self.figure, min_delta)?;
        if is_better {
            *self = Self { figure, waited: 0 };
        }
        Ok(is_better)
    }

    pub fn state(&self) -> Snapshot {
        Snapshot::of([("best", self.figure), ("waited", self.waited as f64)])
    }

    pub fn restore(&mut self, state: &Snapshot) -> Result<()> {
        *self = Self { figure: state.number("best")?, waited: state.count("waited")? as usize };
        Ok(())
    }
}

/// The figures that a run is known to have before its first step, and which way they get better.
#[derive(Debug, Default)]
pub(crate) struct KnownFigures {
    figures: Vec<(String, Option<Direction>)>,
    /// Whether there will be no others: a custom loop may log anything.
    is_complete: bool,
}

impl KnownFigures {
    /// Of training; those of validation have the same names after `val_`.
    pub(crate) fn new(training: Vec<(String, Option<Direction>)>, is_validated: bool, is_complete: bool) -> Self {
        let validation: Vec<_> = training.iter().map(|(name, way)| (format!("val_{name}"), *way)).collect();
        let mut figures = training;
        if is_validated {
            figures.extend(validation);
        }
        Self { figures, is_complete }
    }

    /// Its direction, if it is known; `None` if the figure is not.
    fn get(&self, name: &str) -> Option<Option<Direction>> {
        self.figures.iter().find(|(known, _)| known == name).map(|(_, direction)| *direction)
    }

    /// Refuses a figure that there will not be.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        if self.is_complete && self.get(name).is_none() {
            return Err(missing(name, self.names().into_iter()));
        }
        Ok(())
    }

    /// The names in the order of the logs.
    fn names(&self) -> Vec<&str> {
        self.figures.iter().map(|(name, _)| name.as_str()).collect()
    }
}
