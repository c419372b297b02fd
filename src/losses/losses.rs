//! A loss for each output of a model.

use super::Loss;
use super::probabilities::check_constant;
use crate::autograd::{Origin, Var};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// A loss for each output of a model: what [`Model::compile`](crate::Model::compile) takes. A single [`Loss`] turns
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

    /// Whether all losses are [per example](Loss::per_example).
    pub(crate) fn per_example(&self) -> bool {
        self.0.iter().all(|own| own.loss.per_example())
    }

    /// What each output's loss weighs in the whole one, in order.
    pub(crate) fn weights(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|loss| f64::from(loss.weight))
    }

    /// The weighted sum, and what each output's loss is. `weights` are those of examples: none, the same for all outputs, or
    /// as many as outputs.
    pub(crate) fn total(
        &self,
        predictions: &[Var],
        targets: &[Tensor],
        weights: &[Tensor],
    ) -> Result<(Var, Vec<OutputTotal>)> {
        self.check_counts(predictions, targets, weights)?;
        let mut totals = Vec::with_capacity(self.0.len());
        let mut sum: Option<Var> = None;
        for (i, ((own, prediction), target)) in self.0.iter().zip(predictions).zip(targets).enumerate() {
            let weights = weights.get(i).or(weights.first());
            let (loss, total) = own.total(prediction, target, weights).map_err(|error| match own.output.as_str() {
                "" => error,
                name => error.at_output(name),
            })?;
            totals.push(total);
            let loss = if own.weight == 1.0 { loss } else { loss * own.weight };
            sum = Some(match sum {
                Some(sum) => sum + loss,
                None => loss,
            });
        }
        Ok((sum.expect("there is at least one output"), totals))
    }

    fn check_counts(&self, predictions: &[Var], targets: &[Tensor], weights: &[Tensor]) -> Result<()> {
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
        Ok(())
    }
}

/// What the loss of one output came to in some examples.
pub(crate) struct OutputTotal {
    /// The mean over the items that count; 0 if none does.
    pub loss: f64,
    /// What the mean divides by.
    pub count: f64,
    /// Which items count, 1 or 0, in the first axes of prediction and target; `None` if all do.
    pub counted: Option<Tensor>,
    /// What the items weigh in the sum; `None` if all weigh 1.
    pub weights: Option<Tensor>,
}

impl OutputLoss {
    fn total(&self, prediction: &Var, target: &Tensor, weights: Option<&Tensor>) -> Result<(Var, OutputTotal)> {
        check_constant(prediction)?;
        let loss = match weights {
            Some(weights) => self.loss.each(prediction, target).and_then(|each| each.weigh(weights)?.mean()),
            None => self.loss.loss(prediction, target),
        };
        let weights = weights.cloned();
        let loss = match loss {
            // There is nothing to learn from: as in Keras, the loss and its gradients are 0.
            Err(Error::NothingCounts(_)) => {
                let counted = tensor(&prediction.value.shape()[..1], vec![0.0; prediction.value.shape()[0]]);
                let nothing = OutputTotal { loss: 0.0, count: 0.0, counted: Some(counted), weights };
                return Ok(((prediction.clone().without_mask() * 0.0).sum(), nothing));
            }
            other => other?,
        };
        if loss.value.len() != 1 {
            let shape = loss.value.shape();
            return Err(Error::shape(format!("the loss: expected a scalar, got shape {shape:?}; end it with `mean`")));
        }
        let (count, counts) = match loss.origin.as_deref() {
            Some(Origin::Loss(count, counts)) => (*count, counts.clone()),
            // A loss of somebody else's does not say what it counts.
            _ => (
                prediction.value.shape().first().map_or(1.0, |examples| *examples as f64),
                prediction.mask.as_deref().cloned(),
            ),
        };
        let is_of_items = |counts: &Tensor| {
            let shape = super::strip(counts.shape());
            !shape.is_empty() && prediction.value.shape().starts_with(shape) && target.shape().starts_with(shape)
        };
        let counted = counts.filter(is_of_items).map(|counts| counts.mapv(|x| Float::from(u8::from(x != 0.0))).into());
        let loss_number = f64::from(data(&loss.value)[0]);
        Ok((loss, OutputTotal { loss: loss_number, count, counted, weights }))
    }
}
