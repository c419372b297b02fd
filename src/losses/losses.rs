//! A loss for each output of a model.

use super::each::times;
use super::probabilities::check_constant;
use super::{ClassWeights, Loss, OutputWeights, class_weights, weighed};
use crate::autograd::{Origin, Var};
use crate::config::{Registry, Setting, Value, described};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// A loss for each output of a model: what [`Model::compile`](crate::Model::compile) takes. A single [`Loss`] turns
/// into one by itself, for the only output.
///
/// What is trained is the weighted sum `Σ weight · loss(output, target)`; weights are 1 unless set.
///
/// ```
/// use gradus::losses::Losses;
/// use gradus::prelude::*;
/// let losses = Losses::new()
///     .output("digit", SparseCrossEntropy::default())
///     .weighted_output("is_even", 0.2, BinaryCrossEntropy::default());
/// ```
///
/// # Reference
/// `loss` and `loss_weights` of Keras' `compile`
#[derive(Debug, Default)]
#[must_use]
pub struct Losses(Vec<OutputLoss>);

described! {
    /// The loss of one output.
    pub struct OutputLoss(
        /// Empty for an only output.
        output: [into String],
        loss: [dyn Loss],
        weight: [Float],
    ) {}
}

impl Setting for Losses {
    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        Setting::from_value(value, registry).map(Self)
    }
}

impl<L: Loss + 'static> From<L> for Losses {
    fn from(loss: L) -> Self {
        Self::new().output("", loss)
    }
}

impl Losses {
    /// Creates an empty list of losses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the loss of the output of this name. A model whose outputs have no names takes them in order.
    pub fn output(self, name: impl Into<String>, loss: impl Loss + 'static) -> Self {
        self.weighted_output(name, 1.0, loss)
    }

    /// Adds the loss of an output, multiplied by a weight.
    #[doc(alias = "weight")]
    #[doc(alias = "loss_weights")]
    pub fn weighted_output(mut self, name: impl Into<String>, weight: Float, loss: impl Loss + 'static) -> Self {
        self.0.push(OutputLoss::new(name, loss, weight));
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
        for (place, name) in outputs.iter().enumerate() {
            let found = self.0.iter().position(|loss| loss.output == *name);
            self.0.swap(place, found.unwrap_or(place));
        }
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

    /// The threshold of each output's loss, in order.
    pub(crate) fn thresholds(&self) -> impl Iterator<Item = Option<Float>> {
        self.0.iter().map(|loss| loss.loss.threshold())
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
        class_weights: &OutputWeights,
    ) -> Result<(Var, Vec<OutputTotal>)> {
        self.check_counts(predictions, targets, weights)?;
        let mut totals = Vec::with_capacity(self.0.len());
        let mut sum: Option<Var> = None;
        for (i, ((own, prediction), target)) in self.0.iter().zip(predictions).zip(targets).enumerate() {
            let weights = weights.get(i).or(weights.first());
            let class_weights = class_weights.of(&own.output);
            let (loss, total) =
                own.total(prediction, target, weights, class_weights).map_err(|error| match own.output.as_str() {
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
    fn total(
        &self,
        prediction: &Var,
        target: &Tensor,
        weights: Option<&Tensor>,
        class_weights: Option<&ClassWeights>,
    ) -> Result<(Var, OutputTotal)> {
        check_constant(prediction)?;
        let target = &aligned(prediction, target);
        let mut weights = weights.cloned();
        let loss = if weights.is_none() && class_weights.is_none() {
            self.loss.loss(prediction, target)
        } else {
            let each = self.loss.each(prediction, target)?;
            if let Some(class_weights) = class_weights {
                let of_classes = class_weights::of_items(class_weights, prediction.value.shape(), target, &each)?;
                weights = Some(match weights {
                    Some(weights) => weighed(&of_classes, &weights)?,
                    None => of_classes,
                });
            }
            weights.iter().try_fold(each, |each, weights| each.weigh(weights))?.mean()
        };
        let loss = match loss {
            // There is nothing to learn from: as in Keras, the loss and its gradients are 0.
            Err(Error::NothingCounts(_)) => {
                let counted = tensor(&prediction.value.shape()[..1], vec![0.0; prediction.value.shape()[0]]);
                let nothing = OutputTotal { loss: 0.0, count: 0.0, counted: Some(counted), weights };
                let zero = times(&prediction.clone().without_mask(), &tensor(&[1], vec![0.0])).sum();
                return Ok((zero, nothing));
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

/// The target in the prediction's shape, if a last axis of length 1 is all that they differ in: a loss that subtracts `[batch]` from
/// `[batch, 1]` would broadcast each with every other one.
fn aligned(prediction: &Var, target: &Tensor) -> Tensor {
    let shape = prediction.value.shape();
    if shape == target.shape() || super::strip(shape) != super::strip(target.shape()) {
        return target.clone();
    }
    target.clone().into_shape_with_order(shape).unwrap_or_else(|_| target.clone())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, arr1, arr2};

    use crate::prelude::*;

    #[test]
    fn evaluation_weighs_too() {
        let model = Dense::new(1).use_bias(false);
        model.kernel().set(arr2(&[[2.0]])).unwrap();
        let mut model = model.compile(Sgd::default(), MeanSquaredError);
        let (x, y) = (arr2(&[[1.0], [2.0]]), arr1(&[0.0, 0.0]));
        assert_eq!(model.evaluate(&(&x, &y)).unwrap()["loss"], 10.0);
        assert_eq!(model.evaluate(&(&x, &y, &arr1(&[3.0, 0.5]))).unwrap()["loss"], 10.0);
        assert_eq!(model.evaluate(&(&x, &y, &arr1(&[3.0, 0.0]))).unwrap()["loss"], 6.0);
    }

    #[test]
    fn weighted_metrics_weigh_and_others_do_not() {
        let model = Dense::new(1).use_bias(false);
        model.kernel().set(arr2(&[[2.0]])).unwrap();
        let (mean, root) = (MeanAbsolute::default(), RootMeanSquared::default());
        let mut model = model.compile(Sgd::default(), MeanSquaredError).metric(mean).weighted_metric(root);
        let data = (arr2(&[[1.0], [2.0]]), arr1(&[0.0, 0.0]), arr1(&[3.0, 1.0]));
        let logs = model.evaluate(&data).unwrap();
        assert_eq!((logs["mean_absolute_error"], logs["root_mean_squared_error"]), (3.0, 7.0_f64.sqrt()));
    }

    #[test]
    fn examples_that_weigh_nothing_change_nothing_on_any_number_of_threads() {
        let x = Array2::from_shape_fn((64, 3), |(i, j)| ((i * 3 + j) as Float).sin());
        let y = Array1::from_shape_fn(64, |i| (i as Float).cos());
        let weights = Array1::from_shape_fn(64, |i| if i % 4 == 0 { 0.0 } else { 1.0 + (i % 3) as Float });
        let spoilt = Array1::from_shape_fn(64, |i| if i % 4 == 0 { 50.0 } else { y[i] });
        let train = |y: &Array1<Float>, threads| {
            let model = Sequential::new().add(Dense::new(8)).add(Dense::new(1));
            let mut model = model.compile(Momentum::default(), MeanSquaredError).seed(3).threads(threads);
            model.fit(&(&x, y, &weights), Fit::epochs(3).batch_size(32).progress(false)).unwrap();
            model.predict(&x).unwrap()
        };
        let once = train(&y, 1);
        assert_eq!(once, train(&spoilt, 1));
        assert_eq!(once, train(&y, 3));
    }
}
