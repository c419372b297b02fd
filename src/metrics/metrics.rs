//! The figures of a pass over the data: losses and metrics, of one output or several.

use super::{Direction, Gathered, Mean, Metric};
use crate::error::{Error, Result};
use crate::saving::Snapshot;
use crate::tensor::Tensor;

/// Metrics, each of one of the model's outputs.
#[derive(Default)]
pub(crate) struct Metrics(Vec<OutputMetric>);

struct OutputMetric {
    /// Empty for an only output.
    output: String,
    /// The place of the output among the model's.
    index: usize,
    /// Whether examples weigh what they weigh in the loss.
    weighted: bool,
    metric: Box<dyn Metric>,
}

impl OutputMetric {
    fn name(&self) -> String {
        let name = self.metric.name();
        if self.output.is_empty() { name } else { format!("{}_{name}", self.output) }
    }
}

impl Metrics {
    pub(crate) fn add(&mut self, output: String, weighted: bool, metric: Box<dyn Metric>) {
        self.0.push(OutputMetric { output, index: 0, weighted, metric });
    }

    /// Forgets what was gathered, and finds the outputs among these names.
    pub(crate) fn start(&mut self, outputs: &[String]) -> Result<()> {
        for own in &mut self.0 {
            own.metric.reset();
            own.index = match outputs.iter().position(|output| *output == own.output) {
                Some(index) => index,
                None if own.output.is_empty() && outputs.len() == 1 => 0,
                None => {
                    return Err(Error::value(format!(
                        "the metric `{}` is of the output `{}`, expected one of {outputs:?}; name it by `metric_of`",
                        own.metric.name(),
                        own.output
                    )));
                }
            };
        }
        Ok(())
    }

    pub(crate) fn update(&mut self, predictions: &[Tensor], targets: &[Tensor], weights: &[Tensor]) -> Result<()> {
        self.0.iter_mut().try_for_each(|own| {
            let (prediction, target) = (&predictions[own.index], &targets[own.index]);
            match weights.get(own.index).or(weights.first()).filter(|_| own.weighted) {
                Some(weights) => own.metric.update_weighted(prediction, target, weights),
                None => own.metric.update(prediction, target),
            }
        })
    }

    pub(crate) fn for_each(&self, mut report: impl FnMut(String, f64)) {
        self.0.iter().for_each(|own| report(own.name(), own.metric.result()));
    }

    /// The names in logs.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(OutputMetric::name).collect()
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
                "a back-up amid an epoch needs what the metric `{}` has gathered, which it does not tell; implement \
                 `Metric::state` and `Metric::restore`, or leave out `Backup::every`",
                own.name()
            ))),
        };
        self.0.iter().enumerate().map(state).collect()
    }

    pub(crate) fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.0.iter_mut().enumerate().try_for_each(|(i, own)| {
            let numbers = state.list(&i.to_string()).unwrap_or_default();
            let restored = own.metric.restore(numbers);
            restored.map_err(|error| Error::value(format!("the metric `{}`: {error}", own.name())))
        })
    }
}

/// Running means by name: of the loss, then of others.
#[derive(Clone, Default)]
pub(crate) struct Figures(Vec<(String, Mean)>);

impl Figures {
    /// Of the whole loss, and of the outputs' if there are several.
    pub(crate) fn new(outputs: &[String]) -> Self {
        let several = if outputs.len() > 1 { outputs } else { &[] };
        let names = [LOSS.to_owned()].into_iter().chain(several.iter().map(|name| format!("{name}_{LOSS}")));
        Self(names.map(|name| (name, Mean::default())).collect())
    }

    /// The same names, nothing gathered.
    pub(crate) fn empty(&self) -> Self {
        Self(self.0.iter().map(|(name, _)| (name.clone(), Mean::default())).collect())
    }

    /// Takes in the mean loss of some examples, and those of the outputs.
    pub(crate) fn add(&mut self, total: f64, losses: &[f64], examples: usize) {
        let losses = [total].into_iter().chain(losses.iter().copied());
        self.0.iter_mut().zip(losses).for_each(|((_, mean), loss)| mean.add(loss, examples as f64));
    }

    /// Takes in the mean of any figure.
    pub(crate) fn add_named(&mut self, name: &str, figure: f64, examples: usize) {
        let place = self.0.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.0.push((name.into(), Mean::default()));
            self.0.len() - 1
        });
        self.0[place].1.add(figure, examples as f64);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|((_, mean), (_, other))| mean.merge(other));
    }

    /// The first mean.
    pub(crate) fn loss(&self) -> f64 {
        self.0.first().map_or(f64::NAN, |(_, mean)| mean.result())
    }

    /// The names in logs.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn for_each(&self, mut report: impl FnMut(&str, f64)) {
        self.0.iter().for_each(|(name, mean)| report(name, mean.result()));
    }

    pub(crate) fn state(&self) -> Snapshot {
        let numbers = self.0.iter().map(|(name, mean)| (name.clone(), mean.to_numbers())).collect();
        Snapshot { numbers, ..Snapshot::default() }
    }

    pub(crate) fn restore(&mut self, state: &Snapshot) -> Result<()> {
        let mean = |(name, numbers): &(String, Vec<f64>)| Some((name.clone(), Mean::from_numbers(numbers)?));
        let means = state.numbers.iter().map(mean).collect::<Option<_>>();
        self.0 = means.ok_or_else(|| Error::value("expected a sum and a count for each figure"))?;
        Ok(())
    }
}

const LOSS: &str = "loss";
