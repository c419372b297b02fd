//! A loss for each output of a model.

use super::Loss;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data};

/// A loss for each output of a model: what [`Layer::compile`](crate::Layer::compile) takes. A single [`Loss`] turns
/// into one by itself, for the only output.
///
/// What is trained is the weighted sum `Σ weight · loss(output, target)`; weights are 1 unless set.
///
/// ```
/// use gradus::prelude::*;
/// let losses = Losses::new()
///     .output("digit", SparseCrossEntropy::default())
///     .weighted_output("is_even", 0.2, BinaryCrossEntropy::default());
/// ```
///
/// # Reference
/// `loss` and `loss_weights` of Keras' `compile`
#[derive(Default)]
pub struct Losses(Vec<OutputLoss>);

struct OutputLoss {
    /// Empty for an only output.
    output: String,
    weight: Float,
    loss: Box<dyn Loss>,
}

impl<L: Loss + 'static> From<L> for Losses {
    fn from(loss: L) -> Self {
        Self::new().output("", loss)
    }
}

impl Losses {
    /// No losses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the loss of the output of this name. A model whose outputs have no names takes them in order.
    pub fn output(self, name: impl Into<String>, loss: impl Loss + 'static) -> Self {
        self.weighted_output(name, 1.0, loss)
    }

    /// Adds the loss of an output, multiplied by a weight.
    pub fn weighted_output(mut self, name: impl Into<String>, weight: Float, loss: impl Loss + 'static) -> Self {
        self.0.push(OutputLoss { output: name.into(), weight, loss: Box::new(loss) });
        self
    }

    /// Puts the losses into the order of the model's outputs.
    pub(crate) fn arrange(&mut self, outputs: &[String]) -> Result<()> {
        if outputs.is_empty() || matches!(&self.0[..], [only] if only.output.is_empty() && outputs.len() == 1) {
            return Ok(());
        }
        let given: Vec<&str> = self.0.iter().map(|loss| loss.output.as_str()).collect();
        let is_complete = given.len() == outputs.len() && outputs.iter().all(|name| given.contains(&name.as_str()));
        if !is_complete {
            return Err(Error::value(format!(
                "expected a loss for each of the outputs {outputs:?}, got losses for {given:?}; give \
                 `Losses::new().output(name, loss)` for each to `compile`"
            )));
        }
        self.0.sort_by_key(|loss| outputs.iter().position(|name| *name == loss.output));
        Ok(())
    }

    /// The names of the outputs in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|loss| loss.output.as_str())
    }

    /// The weighted sum, and each loss as a number. `weights` are those of examples: none, the same for all outputs, or as
    /// many as outputs.
    pub(crate) fn total(&self, predictions: &[Var], targets: &[Tensor], weights: &[Tensor]) -> Result<(Var, Vec<f64>)> {
        if predictions.len() != self.0.len() || targets.len() != self.0.len() || predictions.is_empty() {
            return Err(Error::shape(format!(
                "expected as many outputs, targets and losses, got {} outputs, {} arrays of targets and {} losses",
                predictions.len(),
                targets.len(),
                self.0.len()
            )));
        }
        if weights.len() > 1 && weights.len() != self.0.len() {
            return Err(Error::shape(format!(
                "expected weights for all outputs together or for each of {}, got {} arrays of weights",
                self.0.len(),
                weights.len()
            )));
        }
        let mut numbers = Vec::with_capacity(self.0.len());
        let mut sum: Option<Var> = None;
        for (i, ((own, prediction), target)) in self.0.iter().zip(predictions).zip(targets).enumerate() {
            let loss = match weights.get(i).or(weights.first()) {
                Some(weights) => own.loss.each(prediction, target).and_then(|each| each.weigh(weights)?.mean()),
                None => own.loss.loss(prediction, target),
            };
            let loss = loss.map_err(|error| match own.output.as_str() {
                "" => error,
                name => error.at_output(name),
            })?;
            if loss.value.len() != 1 {
                let shape = loss.shape();
                return Err(Error::shape(format!(
                    "the loss: expected a scalar, got shape {shape:?}; end it with `mean`"
                )));
            }
            numbers.push(f64::from(data(&loss.value)[0]));
            let loss = if own.weight == 1.0 { loss } else { loss * own.weight };
            sum = Some(match sum {
                Some(sum) => sum + loss,
                None => loss,
            });
        }
        Ok((sum.expect("there is at least one output"), numbers))
    }
}
