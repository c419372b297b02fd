//! How gradients flow.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use super::{Callback, Run};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::optimizers::Change;
use crate::tensor::data;

/// Reports on each parameter, over the steps of an epoch: the norm of its gradient, how far steps move it, and its dead
/// units. Printed, it is a table; [`GradientFlow::csv`] writes all epochs to a file.
///
/// A gradient that vanishes or explodes on the way shows as norms that fall or rise from layer to layer; a good step moves
/// weights by about a thousandth of their norm. A unit, one place in the last axis, is dead where its whole gradient was
/// exactly 0 in every step: the output of a ReLU that was 0 for all examples, or what the loss does not depend on. Words
/// that did not occur are not units: their rows are in another axis.
///
/// The gradients are those of the loss, before penalties and clipping. They cost a copy in each step.
///
/// # Errors
/// a file that cannot be written; a folder that does not exist, before the first step
/// # Example
/// ```
/// use gradus::callbacks::GradientFlow;
/// use gradus::initializers::Constant;
/// use gradus::prelude::*;
/// let (x, y) = (ndarray::Array2::<f32>::ones((8, 2)), ndarray::Array2::<f32>::zeros((8, 1)));
/// // A bias this low lets no unit speak.
/// let dead = Dense::new(4).activation(Relu).bias_initializer(Constant(-100.0));
/// let mut model = Sequential::new().add(dead).add(Dense::new(1)).compile(Sgd::new(0.1), MeanSquaredError);
/// let mut flow = GradientFlow::new();
/// model.fit(&(&x, &y), Fit::epochs(1).progress(false).callback(&mut flow))?;
/// assert_eq!(flow.parameters()[0].dead, 4);
/// println!("{flow}");
/// # Ok::<(), gradus::Error>(())
/// ```
/// In a loop of your own, [`GradientFlow::add`] takes what a watched [`Stepper`](crate::optimizers::Stepper) reports:
/// ```
/// # use gradus::callbacks::GradientFlow;
/// # use gradus::prelude::*;
/// # let model = Dense::new(1);
/// let (mut sgd, mut flow) = (Stepper::new(Sgd::new(0.1)), GradientFlow::new());
/// sgd.watch(true);
/// for _ in 0..3 {
///     let y = model.forward(&Tape::training().input(ndarray::arr2(&[[1.0]])))?;
///     sgd.step(&model, y.sum().backward()?)?;
///     flow.add(sgd.changes());
/// }
/// assert_eq!((flow.parameters()[1].path.as_str(), flow.parameters()[1].gradient), ("bias", 1.0));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct GradientFlow {
    csv: Option<PathBuf>,
    text: String,
    parameters: Vec<ParameterFlow>,
    /// The last step of each parameter that was taken in.
    seen: HashMap<String, u32>,
}

/// What [`GradientFlow`] reports on a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterFlow {
    /// Its path.
    pub path: String,
    /// The mean Euclidean norm of its gradient.
    pub gradient: f64,
    /// The greatest norm of its gradient.
    pub greatest_gradient: f64,
    /// The mean share of its norm that a step moves it; 0 while all of it is 0.
    pub update_ratio: f64,
    /// Units whose gradient was exactly 0 in every step.
    pub dead: usize,
    /// How many units there are: the length of the last axis.
    pub units: usize,
    /// How many steps were seen.
    pub steps: u32,
    alive: Vec<bool>,
}

impl GradientFlow {
    /// Creates the callback.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a line for each epoch and parameter to this file, over what was there. It is whole after each epoch.
    pub fn csv(mut self, path: impl Into<PathBuf>) -> Self {
        self.csv = Some(path.into());
        self
    }

    /// Returns the report, on each parameter in the order of the model.
    pub fn parameters(&self) -> &[ParameterFlow] {
        &self.parameters
    }

    /// Forgets what was seen; for the beginning of an epoch in a loop of your own.
    pub fn reset(&mut self) {
        self.parameters.clear();
    }

    /// Takes in what a step did. The same step counts once.
    pub fn add<'c>(&mut self, changes: impl IntoIterator<Item = &'c Change>) {
        for change in changes {
            if self.seen.insert(change.path.clone(), change.step) == Some(change.step) {
                continue;
            }
            let known = self.parameters.iter().position(|flow| flow.path == change.path);
            let place = known.unwrap_or_else(|| {
                self.parameters.push(ParameterFlow::new(change));
                self.parameters.len() - 1
            });
            self.parameters[place].add(change);
        }
    }
}

impl ParameterFlow {
    fn new(change: &Change) -> Self {
        let units = change.gradient.shape().last().copied().unwrap_or(1);
        Self {
            path: change.path.clone(),
            gradient: 0.0,
            greatest_gradient: 0.0,
            update_ratio: 0.0,
            dead: units,
            units,
            steps: 0,
            alive: vec![false; units],
        }
    }

    fn add(&mut self, change: &Change) {
        self.steps += 1;
        let share = 1.0 / f64::from(self.steps);
        let norm = change.gradient_norm();
        let ratio = if change.weight_norm > 0.0 { change.update_norm / change.weight_norm } else { 0.0 };
        self.gradient += share * (norm - self.gradient);
        self.update_ratio += share * (ratio - self.update_ratio);
        self.greatest_gradient = self.greatest_gradient.max(norm);
        for row in data(&change.gradient).chunks(self.units.max(1)) {
            self.alive.iter_mut().zip(row).for_each(|(alive, g)| *alive |= *g != 0.0);
        }
        self.dead = self.alive.iter().filter(|alive| !**alive).count();
    }
}

/// For back-ups.
impl ParameterFlow {
    fn to_numbers(&self) -> Vec<f64> {
        let steps = [f64::from(self.steps)];
        let alive = self.alive.iter().map(|alive| f64::from(u8::from(*alive)));
        [self.gradient, self.greatest_gradient, self.update_ratio].into_iter().chain(steps).chain(alive).collect()
    }

    fn from_numbers(path: &str, numbers: &[f64]) -> Option<Self> {
        let ([gradient, greatest_gradient, update_ratio, steps], alive) = numbers.split_first_chunk()?;
        let alive: Vec<bool> = alive.iter().map(|alive| *alive != 0.0).collect();
        Some(Self {
            path: path.into(),
            gradient: *gradient,
            greatest_gradient: *greatest_gradient,
            update_ratio: *update_ratio,
            dead: alive.iter().filter(|alive| !**alive).count(),
            units: alive.len(),
            steps: *steps as u32,
            alive,
        })
    }
}

impl Callback for GradientFlow {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.csv.as_ref().map_or(Ok(()), crate::files::check_folder)?;
        self.text = "epoch,parameter,gradient,greatest_gradient,update_ratio,dead,units\n".into();
        self.seen.clear();
        run.optimizer.watch(true);
        Ok(())
    }

    fn on_epoch_begin(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.reset();
        Ok(())
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.add(run.optimizer.changes());
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let Some(path) = &self.csv else { return Ok(()) };
        for flow in &self.parameters {
            let ParameterFlow { path, gradient, greatest_gradient, update_ratio, dead, units, .. } = flow;
            let numbers = [gradient, greatest_gradient, update_ratio].map(f64::to_string);
            let cells = [run.epoch.to_string(), path.clone()].into_iter().chain(numbers);
            self.text += &crate::files::csv_line(cells.chain([dead.to_string(), units.to_string()]));
        }
        if run.rank > 0 {
            return Ok(());
        }
        crate::files::write_file(path, self.text.as_bytes())
    }

    fn state(&self) -> Snapshot {
        let numbers = |flow: &ParameterFlow| (flow.path.clone(), flow.to_numbers());
        Snapshot {
            texts: vec![("csv".into(), self.text.clone())],
            numbers: self.parameters.iter().map(numbers).collect(),
            ..Snapshot::default()
        }
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        let parameters = state.numbers.iter().map(|(path, numbers)| ParameterFlow::from_numbers(path, numbers));
        self.parameters = parameters.collect::<Option<_>>().ok_or_else(|| Error::value("its numbers are too few"))?;
        self.text = state.text("csv").unwrap_or_default().into();
        Ok(())
    }
}

impl fmt::Display for GradientFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.parameters.iter().map(|flow| flow.path.chars().count()).max().unwrap_or(0).max(9);
        writeln!(f, "{:width$}  gradient (greatest)        update ratio  dead units", "parameter")?;
        for flow in &self.parameters {
            let ParameterFlow { path, gradient, greatest_gradient, update_ratio, dead, units, .. } = flow;
            let dead = format!("{dead}/{units}");
            writeln!(f, "{path:width$}  {gradient:<10.3e} {greatest_gradient:<15.3e} {update_ratio:<13.3e} {dead}")?;
        }
        Ok(())
    }
}
