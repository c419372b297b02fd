//! Normalisation by what was measured on data.

use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::data::{Dataset, numbers};
use crate::error::{Error, Result};
use crate::initializers::{Ones, Zeros};
use crate::layers::Layer;
use crate::tensor::{Float, Tensor, tensor};

described! {
    /// Brings each feature to mean 0 and variance 1: `y = (x - mean) / max(√variance, 1e-7)`, by mean and variance that
    /// [`adapt`](Self::adapt) measures on the training data once.
    ///
    /// It is a layer, not a step before the model, so that mean and variance are saved with the weights and the model takes
    /// raw data everywhere. Training does not change them.
    ///
    /// # Shapes
    /// input and output `[batch, ..., features]`; mean and variance `[features]`
    /// # Defaults
    /// none: mean and variance come from `adapt`, or from a file with the weights
    /// # Errors
    /// a pass before `adapt` or loading; an input without a last axis; other features than before
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let x = ndarray::arr2(&[[1.0, 10.0], [3.0, 30.0]]);
    /// let data = (&x, ndarray::arr1(&[0, 1]));
    /// let layer = Normalization::new();
    /// layer.adapt(&data)?;
    /// let y = layer.forward(&Tape::inference().input(x.clone()))?;
    /// assert_eq!(y.value().as_slice(), Some(&[-1.0, -1.0, 1.0, 1.0][..]));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Normalization`; scikit-learn `StandardScaler`
    #[doc(alias = "StandardScaler")]
    pub struct Normalization {}
    private {
        mean: Param = Param::state(Zeros).pattern(&[None]),
        variance: Param = Param::state(Ones).pattern(&[None]),
    }
}

/// Below it a deviation counts as this: Keras' epsilon.
const LEAST: Float = 1e-7;
/// Examples that are in memory at once.
const PART: usize = 256;

impl Normalization {
    /// Measures mean and variance over all axes but the last of the first input, reading all examples once, without
    /// augmentation.
    ///
    /// # Errors
    /// no examples; examples that cannot be read or differ in their features; numbers that are not finite
    pub fn adapt(&self, dataset: &dyn Dataset) -> Result<()> {
        dataset.check()?;
        let (mut count, mut mean, mut squares) = (0.0, Vec::new(), Vec::new());
        for part in numbers(dataset.len())?.chunks(PART) {
            let batch = dataset.batch(part)?.of(part.len())?;
            let Some(x) = batch.inputs.first() else { break };
            let features = x.shape().last().copied().unwrap_or(0);
            if count == 0.0 {
                (mean, squares) = (vec![0.0; features], vec![0.0; features]);
            }
            if x.ndim() < 2 || features == 0 || features != mean.len() {
                let (shape, known) = (x.shape(), mean.len());
                return Err(Error::shape(format!(
                    "Normalization: expected examples [batch, ..., {known}] of at least 1 feature, got {shape:?}"
                )));
            }
            // Welford's update, which loses nothing where the mean is large.
            for row in x.as_standard_layout().as_slice().unwrap_or_default().chunks(features) {
                count += 1.0;
                for ((mean, squares), x) in mean.iter_mut().zip(&mut squares).zip(row) {
                    let x = f64::from(*x);
                    let before = x - *mean;
                    *mean += before / count;
                    *squares += before * (x - *mean);
                }
            }
        }
        if count == 0.0 {
            return Err(Error::value("Normalization: expected at least one example to adapt to, got none"));
        }
        let narrow = |numbers: Vec<f64>, by: f64| -> Tensor {
            tensor(&[numbers.len()], numbers.iter().map(|x| (x / by) as Float).collect())
        };
        let (mean, variance) = (narrow(mean, 1.0), narrow(squares, count));
        if let Some(feature) = (0..mean.len()).find(|i| !(mean[[*i]].is_finite() && variance[[*i]].is_finite())) {
            return Err(Error::value(format!(
                "Normalization: expected finite numbers, got others in feature {feature}"
            )));
        }
        self.mean.set(mean)?;
        self.variance.set(variance)
    }
}

impl Layer for Normalization {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let [_, .., features] = *x.value.shape() else {
            return Err(Error::shape(format!("expected an input [batch, ..., features], got {:?}", x.value.shape())));
        };
        if features == 0 || self.mean.shape().is_some_and(|known| known != [features]) {
            let known = self.mean.shape().map_or("at least 1".into(), |known| known[0].to_string());
            let shape = x.value.shape();
            return Err(Error::shape(format!("expected {known} features in the last axis, got input {shape:?}")));
        }
        if self.mean.value().is_none() || self.variance.value().is_none() {
            return Err(Error::value(
                "`Normalization` was never adapted, so that it would leave its input as it is: call \
                 `normalization.adapt(&training_data)?` before it goes into the model, or load the model's weights",
            ));
        }
        let tape = x.tape();
        let mean = self.mean.value_on(tape, &[features])?;
        let variance = self.variance.value_on(tape, &[features])?;
        let inverse = variance.mapv(|variance| 1.0 / variance.sqrt().max(LEAST)).into_shared();
        Ok((x - tape.constant(mean)) * tape.constant(inverse))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("mean", &self.mean);
        list.add("variance", &self.variance);
    }
}
