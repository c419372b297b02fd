//! The figures of a pass over the data: losses and metrics, of one output or several.

use super::{Mean, Metric};
use crate::error::{Error, Result};
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
        for own in &self.0 {
            let name = own.metric.name();
            let name = if own.output.is_empty() { name } else { format!("{}_{name}", own.output) };
            report(name, own.metric.result());
        }
    }
}

/// Running means of the losses.
#[derive(Clone)]
pub(crate) struct Figures {
    total: Mean,
    outputs: Vec<(String, Mean)>,
}

impl Figures {
    pub(crate) fn new(outputs: Vec<String>) -> Self {
        Self { total: Mean::default(), outputs: outputs.into_iter().map(|name| (name, Mean::default())).collect() }
    }

    /// The same outputs, nothing gathered.
    pub(crate) fn empty(&self) -> Self {
        Self::new(self.outputs.iter().map(|(name, _)| name.clone()).collect())
    }

    pub(crate) fn add(&mut self, total: f64, losses: &[f64], examples: usize) {
        self.total.add(total, examples as f64);
        self.outputs.iter_mut().zip(losses).for_each(|((_, mean), loss)| mean.add(*loss, examples as f64));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.total.merge(&other.total);
        self.outputs.iter_mut().zip(&other.outputs).for_each(|((_, mean), (_, other))| mean.merge(other));
    }

    pub(crate) fn loss(&self) -> f64 {
        self.total.result()
    }

    /// The whole loss, and those of the outputs if there are several.
    pub(crate) fn for_each(&self, mut report: impl FnMut(String, f64)) {
        report("loss".into(), self.loss());
        if self.outputs.len() > 1 {
            self.outputs.iter().for_each(|(name, mean)| report(format!("{name}_loss"), mean.result()));
        }
    }
}
