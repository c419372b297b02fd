//! What happened in a run.

use std::ops::Index;

/// Figures by name, in the order of their first appearance.
///
/// ```
/// let mut logs = gradus::training::Logs::default();
/// logs.set("loss", 0.25);
/// assert_eq!(logs["loss"], 0.25);
/// assert_eq!(logs.get("accuracy"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs(Vec<(String, f64)>);

impl Logs {
    /// Returns a figure; `None` if there is none of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Sets a figure.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// Returns names and figures, in the order of their first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

impl Index<&str> for Logs {
    type Output = f64;

    /// # Panics
    /// if there is no figure of that name; [`Logs::get`] does not
    #[track_caller]
    fn index(&self, name: &str) -> &f64 {
        let found = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        found.unwrap_or_else(|| {
            let names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
            panic!("no figure named `{name}`; there are: {}", names.join(", "))
        })
    }
}

/// The figures of each epoch of a run.
///
/// ```
/// use gradus::prelude::*;
/// let (x, y) = (ndarray::array![[1.0], [2.0]], ndarray::array![[2.0], [4.0]]);
/// let mut model = Dense::new(1).compile(Sgd::new(0.1), MeanSquaredError);
/// let history = model.fit(&(&x, &y), Fit::epochs(3).progress(false))?;
/// assert_eq!(history["loss"].len(), 3);
/// assert_eq!(history["loss"][2], history.epochs()[2]["loss"]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Reference
/// Keras' `History`
#[derive(Clone, Debug, Default)]
pub struct History {
    epochs: Vec<Logs>,
    /// The same by name: NaN in epochs that have none.
    figures: Vec<(String, Vec<f64>)>,
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.epochs == other.epochs
    }
}

impl History {
    pub(crate) fn push(&mut self, logs: Logs) {
        for (name, _) in logs.iter() {
            if self.get(name).is_empty() {
                self.figures.push((name.into(), vec![f64::NAN; self.epochs.len()]));
            }
        }
        for (name, figures) in &mut self.figures {
            figures.push(logs.get(name).unwrap_or(f64::NAN));
        }
        self.epochs.push(logs);
    }

    /// Returns the figures of each epoch, in order.
    pub fn epochs(&self) -> &[Logs] {
        &self.epochs
    }

    /// Returns the number of epochs that were run.
    pub fn len(&self) -> usize {
        self.epochs.len()
    }

    /// Whether no epoch was finished.
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// Returns the figures of the last epoch.
    pub fn last(&self) -> Option<&Logs> {
        self.epochs.last()
    }

    /// Returns one figure over the epochs, such as `"val_loss"`: NaN in an epoch that has none; empty if no epoch has it.
    pub fn get(&self, name: &str) -> &[f64] {
        self.figures.iter().find(|(known, _)| known == name).map_or(&[], |(_, figures)| figures)
    }

    /// Returns the names of the figures of all epochs, in the order of their first appearance.
    pub fn names(&self) -> Vec<&str> {
        self.figures.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl Index<&str> for History {
    type Output = [f64];

    /// # Panics
    /// if no epoch has a figure of that name; [`History::get`] does not
    #[track_caller]
    fn index(&self, name: &str) -> &[f64] {
        match self.get(name) {
            [] => panic!("no figure named `{name}`; there are: {}", self.names().join(", ")),
            figures => figures,
        }
    }
}

/// The names of the figures in all of these, in the order of their first appearance.
pub(crate) fn figure_names<'a>(all: impl IntoIterator<Item = &'a Logs>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for logs in all {
        for (name, _) in logs.iter() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}
