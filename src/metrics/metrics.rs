//! The figures of a pass over the data: losses and metrics, of one output or several.

use super::{Direction, Gathered, Mean, Metric};
use crate::config::{Registry, Setting, Value, described};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::losses::{OutputTotal, weighed};
use crate::tensor::{Float, Tensor};

/// Metrics, each of one of the model's outputs.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Vec<OutputMetric>);

described! {
    /// A metric of one of the outputs.
    pub struct OutputMetric(
        /// Empty for an only output.
        output: [into String],
        metric: [dyn Metric],
        /// Whether examples weigh what they weigh in the loss.
        weighted: [bool],
    ) {}
    private {
        /// The place of the output among the model's.
        index: usize = 0,
        /// The name in logs.
        name: String = String::new(),
    }
}

impl Setting for Metrics {
    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        Setting::from_value(value, registry).map(Self)
    }
}

impl OutputMetric {
    /// The name in logs, if nothing else has it; with a word before that of the metric.
    fn full_name(&self, word: &str) -> String {
        let name = self.metric.name();
        if self.output.is_empty() { format!("{word}{name}") } else { format!("{}_{word}{name}", self.output) }
    }

    fn update(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        match weights {
            Some(weights) => self.metric.update_weighted(prediction, target, weights),
            None => self.metric.update(prediction, target),
        }
    }
}

impl Metrics {
    pub(crate) fn add(&mut self, output: String, weighted: bool, metric: impl Metric + 'static) {
        self.0.push(OutputMetric::new(output, metric, weighted));
    }

    /// Forgets what was gathered, finds the outputs among these names, each with the threshold of its loss, and gives each
    /// metric a name in logs that is not among those of other figures.
    pub(crate) fn start(&mut self, outputs: &[(String, Option<Float>)], figures: Vec<String>) -> Result<()> {
        for own in &mut self.0 {
            own.metric.reset();
            own.index = match outputs.iter().position(|(output, _)| *output == own.output) {
                Some(index) => index,
                None if own.output.is_empty() && outputs.len() == 1 => 0,
                None => {
                    let names: Vec<&String> = outputs.iter().map(|(name, _)| name).collect();
                    return Err(Error::value(format!(
                        "the metric `{}` is of the output `{}`, expected one of {names:?}; name it by `metric_of`",
                        own.metric.name(),
                        own.output
                    )));
                }
            };
            own.metric.set_default_threshold(outputs[own.index].1);
        }
        self.name(figures)
    }

    /// As in Keras: the second metric of a name has `_1` behind it, and a weighted one `weighted_` before it.
    fn name(&mut self, mut taken: Vec<String>) -> Result<()> {
        let losses = taken.clone();
        for weighted in [false, true] {
            for own in self.0.iter_mut().filter(|own| own.weighted == weighted) {
                let mut name = own.full_name("");
                check_name("metric", &name)?;
                if losses.contains(&name) {
                    return Err(Error::value(format!(
                        "a metric has the name of the loss `{name}`, of which it would take the place; give it another one \
                         by `Metric::named`"
                    )));
                }
                if weighted && taken.contains(&name) {
                    name = own.full_name("weighted_");
                }
                let first = name.clone();
                for number in 1.. {
                    if !taken.contains(&name) {
                        break;
                    }
                    name = format!("{first}_{number}");
                }
                taken.push(name.clone());
                own.name = name;
            }
        }
        Ok(())
    }

    /// Takes in the predictions and targets of each output, with what its loss counts and weighs.
    pub(crate) fn update(&mut self, predictions: &[Tensor], targets: &[Tensor], totals: &[OutputTotal]) -> Result<()> {
        self.0.iter_mut().try_for_each(|own| {
            let total = &totals[own.index];
            let weights = total.weights.as_ref().filter(|_| own.weighted);
            let weights = match (&total.counted, weights) {
                (Some(counted), Some(weights)) => Some(weighed(counted, weights)?),
                (counted, weights) => counted.as_ref().or(weights).cloned(),
            };
            own.update(&predictions[own.index], &targets[own.index], weights.as_ref())
        })
    }

    /// The same for a custom loop, which has one output.
    pub(crate) fn update_first(
        &mut self,
        prediction: &Tensor,
        target: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<()> {
        self.0.iter_mut().try_for_each(|own| own.update(prediction, target, weights))
    }

    pub(crate) fn for_each(&self, mut report: impl FnMut(String, f64)) {
        self.0.iter().for_each(|own| report(own.name.clone(), own.metric.result()));
    }

    /// The names in logs.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|own| own.name.clone()).collect()
    }

    /// Which way each gets better, in order.
    pub(crate) fn directions(&self) -> impl Iterator<Item = Option<Direction>> {
        self.0.iter().map(|own| own.metric.direction())
    }

    /// Forgets what was gathered.
    pub(crate) fn reset(&mut self) {
        self.0.iter_mut().for_each(|own| own.metric.reset());
    }

    /// All that was gathered, in order.
    pub(crate) fn state(&self) -> Result<Vec<(String, Vec<f64>)>> {
        let state = |(i, own): (usize, &OutputMetric)| match own.metric.state() {
            Some(state) => Ok((i.to_string(), state)),
            None => Err(Error::value(format!(
                "a backup in the middle of an epoch needs the state of the metric `{}`, which has none; implement \
                 `Metric::state` and `Metric::restore`, or leave out `Backup::every`",
                own.name
            ))),
        };
        self.0.iter().enumerate().map(state).collect()
    }

    pub(crate) fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.0.iter_mut().enumerate().try_for_each(|(i, own)| {
            let numbers = state.list(&i.to_string()).unwrap_or_default();
            let restored = own.metric.restore(numbers);
            restored.map_err(|error| Error::value(format!("the metric `{}`: {error}", own.name)))
        })
    }
}

/// What logs say of an epoch in addition to its figures.
const COLUMNS: [&str; 2] = ["epoch", "seconds"];

/// Refuses a name that logs need themselves.
pub(crate) fn check_column(what: &str, name: &str) -> Result<()> {
    match COLUMNS.contains(&name) {
        true => Err(Error::value(format!(
            "a {what} would be reported as `{name}`, which logs say of each epoch beside the figures; name the {what} \
             otherwise"
        ))),
        false => Ok(()),
    }
}

/// Figures of validation have the names of those of training, with a word before them.
fn check_name(what: &str, name: &str) -> Result<()> {
    check_column(what, name)?;
    if name.starts_with("val_") {
        return Err(Error::value(format!(
            "a {what} would be reported as `{name}`, and names that begin with `val_` are those of validation; name the \
             {what} or its output otherwise"
        )));
    }
    Ok(())
}

/// Running means: of the losses of the outputs over the items that count, of what is added to them over the examples, and of
/// others by name.
#[derive(Clone, Default)]
pub(crate) struct Figures {
    outputs: Vec<OutputFigure>,
    added: Mean,
    named: Vec<(String, Mean)>,
}

#[derive(Clone)]
struct OutputFigure {
    name: String,
    /// What it weighs in the whole loss.
    weight: f64,
    mean: Mean,
}

impl OutputFigure {
    /// 0 while no item counts.
    fn result(&self) -> f64 {
        if self.mean.count == 0.0 { 0.0 } else { self.mean.result() }
    }
}

impl Figures {
    /// Of the whole loss, and of the outputs' if there are several.
    pub(crate) fn new(outputs: &[String], weights: impl Iterator<Item = f64>) -> Result<Self> {
        let mut figures = Self::default();
        for (output, weight) in outputs.iter().zip(weights) {
            let name = format!("{output}_{LOSS}");
            if outputs.len() > 1 {
                check_name("loss", &name)?;
                if figures.outputs.iter().any(|known| known.name == name) {
                    return Err(Error::value(format!(
                        "two losses would be reported as `{name}`, got the outputs {outputs:?}; give each a name of its own"
                    )));
                }
            }
            figures.outputs.push(OutputFigure { name, weight, mean: Mean::default() });
        }
        Ok(figures)
    }

    /// The same names, nothing gathered.
    pub(crate) fn empty(&self) -> Self {
        let mut empty = self.clone();
        empty.added = Mean::default();
        let means = empty.outputs.iter_mut().map(|output| &mut output.mean);
        means.chain(empty.named.iter_mut().map(|(_, mean)| mean)).for_each(|mean| *mean = Mean::default());
        empty
    }

    /// Takes in the whole loss of some examples, the losses of the outputs in it, and what was added to them.
    pub(crate) fn add(&mut self, loss: f64, outputs: &[OutputTotal], added: f64, examples: usize) {
        for (own, output) in self.outputs.iter_mut().zip(outputs) {
            own.mean.add(output.loss, output.count);
        }
        // The whole loss may overflow where its parts do not.
        let added = if loss.is_finite() { added } else { loss };
        self.added.add(added, examples as f64);
    }

    /// Takes in the mean of any figure.
    pub(crate) fn add_named(&mut self, name: &str, figure: f64, examples: usize) {
        let place = self.named.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.named.push((name.into(), Mean::default()));
            self.named.len() - 1
        });
        self.named[place].1.add(figure, examples as f64);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.outputs.iter_mut().zip(&other.outputs).for_each(|(own, other)| own.mean.merge(&other.mean));
        self.added.merge(&other.added);
    }

    /// The whole loss; NaN before any example.
    pub(crate) fn loss(&self) -> f64 {
        self.added.result() + self.outputs.iter().map(|output| output.weight * output.result()).sum::<f64>()
    }

    /// Refuses an output whose loss counts nothing in all the examples.
    pub(crate) fn check_counted<'a>(&self, who: &str, outputs: impl Iterator<Item = &'a str>) -> Result<()> {
        for (own, name) in self.outputs.iter().zip(outputs) {
            if own.mean.count == 0.0 {
                let of = if name.is_empty() { String::new() } else { format!(" of the output `{name}`") };
                return Err(Error::value(format!(
                    "{who}: the loss{of} has no item that counts in all the examples: all are padding, left out by \
                     `ignore_class`, or of class weight 0; look at the labels and masks"
                )));
            }
        }
        Ok(())
    }

    /// The names in logs.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.for_each(|name, _| names.push(name.to_owned()));
        names
    }

    pub(crate) fn for_each(&self, mut report: impl FnMut(&str, f64)) {
        if !self.outputs.is_empty() {
            report(LOSS, self.loss());
        }
        if self.outputs.len() > 1 {
            self.outputs.iter().for_each(|output| report(&output.name, output.result()));
        }
        self.named.iter().for_each(|(name, mean)| report(name, mean.result()));
    }

    pub(crate) fn state(&self) -> Snapshot {
        let mut state = Snapshot::default();
        state.numbers.push(("added".into(), self.added.to_numbers()));
        let mut outputs = Vec::new();
        self.outputs.iter().for_each(|output| outputs.extend(output.mean.to_numbers()));
        state.numbers.push(("outputs".into(), outputs));
        let named = self.named.iter().map(|(name, mean)| (format!("named/{name}"), mean.to_numbers()));
        state.numbers.extend(named);
        state
    }

    pub(crate) fn restore(&mut self, state: &Snapshot) -> Result<()> {
        let fail = || Error::value("expected a sum and a count for each figure");
        let mean = |numbers: &[f64]| Mean::from_numbers(numbers).ok_or_else(fail);
        self.added = mean(state.list("added").unwrap_or_default())?;
        let outputs = state.list("outputs").unwrap_or_default();
        if outputs.len() != 2 * self.outputs.len() {
            return Err(fail());
        }
        for (own, numbers) in self.outputs.iter_mut().zip(outputs.chunks(2)) {
            own.mean = mean(numbers)?;
        }
        let named = state.part("named").numbers.into_iter();
        self.named = named.map(|(name, numbers)| Ok((name, mean(&numbers)?))).collect::<Result<_>>()?;
        Ok(())
    }
}

const LOSS: &str = "loss";
