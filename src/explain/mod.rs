//! Why a model predicts what it predicts: how much each number of the input counts for an output.
//!
//! All functions take a batch `x` and, for each example, the class to explain: the place in the last axis of the model's output (0 where
//! there is one number an example). They return attributions of the shape of `x`, but for the last two.
//!
//! | by gradients | | by trying out | |
//! | --- | --- | --- | --- |
//! | [`saliency`] | how steep the output is | [`occlusion`] | what covering a patch takes away |
//! | [`input_x_gradient`] | times the input | [`kernel_shap`] | Shapley values of groups of numbers |
//! | [`integrated_gradients`] | along the way from a baseline: sums to the output's difference | | |
//! | [`deep_lift`] | by differences from a baseline in place of gradients, in one sweep | | |
//! | [`smooth_grad`] | the mean of any of these over noisy inputs | | |
//!
//! Inside of the model, [`grad_cam`] shows where a convolution sees a class, and [`activations`] what a layer gives. [`deletion`] tests
//! an explanation, [`permutation_importance`] says what a model owes to the columns of a table, [`ColoredWords`] shows one of a text, and
//! `plot::heat_map` (feature `plot`) one of an image.
//!
//! ```
//! use gradus::explain::integrated_gradients;
//! use gradus::prelude::*;
//!
//! let model = Sequential::new().add(Dense::new(16).activation(Gelu)).add(Dense::new(3));
//! let x = ndarray::arr2(&[[0.3, -1.2, 0.7]]).into_tensor();
//! let found = integrated_gradients(&model, &x, &Tensor::zeros(x.raw_dim()), &[2], 50)?;
//! assert!(found.delta[0].abs() < 1e-3); // it explains the whole difference from the baseline
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Reference
//! captum; Sundararajan et al. 2017; Selvaraju et al. 2017; Lundberg & Lee 2017

mod deletion;
mod gradients;
mod layers;
mod occlusion;
mod permutation;
mod shapley;
mod words;

pub use deletion::deletion;
pub use gradients::{Integrated, deep_lift, input_x_gradient, integrated_gradients, noise, saliency, smooth_grad};
pub use layers::{activations, grad_cam};
pub use occlusion::occlusion;
pub use permutation::permutation_importance;
pub use shapley::kernel_shap;
pub use words::ColoredWords;

use crate::autograd::{Layer, Tape, Var};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// A model, and which of its outputs is explained for each example.
struct Explained<'a, M: ?Sized> {
    model: &'a M,
    classes: &'a [usize],
}

impl<M: Layer + ?Sized> Explained<'_, M> {
    /// The explained output of each example of a batch.
    fn outputs(&self, x: &Tensor) -> Result<Vec<Float>> {
        let y = self.model.forward(&Tape::inference().input(x))?;
        let width = self.width(&y)?;
        Ok(data(&y.value).chunks_exact(width).zip(self.classes).map(|(row, class)| row[*class]).collect())
    }

    /// The gradient of each example's explained output by its input.
    fn gradient(&self, x: &Tensor) -> Result<Tensor> {
        self.gradient_on(Tape::inference(), x)
    }

    fn gradient_on(&self, tape: Tape, x: &Tensor) -> Result<Tensor> {
        let tape = tape.recording();
        let x = tape.variable(x);
        let y = self.model.forward(&x)?;
        let chosen = tensor(y.value.shape(), self.one_hot(&y)?);
        let gradients = (&y * tape.constant(chosen)).sum().backward()?;
        match gradients.of(&x) {
            Some(gradient) => Ok(gradient.clone()),
            None => Err(Error::value(
                "the output does not depend on the input by gradients, as with an `Embedding` of ids; explain what comes after it",
            )),
        }
    }

    /// For each example, the sum of its attributions less the difference between its output and the baseline's.
    fn delta(&self, attributions: &Tensor, x: &Tensor, baseline: &Tensor) -> Result<Vec<Float>> {
        let ends = self.outputs(x)?.into_iter().zip(self.outputs(baseline)?);
        let len = (x.len() / self.classes.len().max(1)).max(1);
        let all = attributions.as_standard_layout();
        let numbers: Vec<f64> = all.iter().map(|a| f64::from(*a)).collect();
        let sums = numbers.chunks(len).map(|of| of.iter().sum::<f64>());
        Ok(sums.zip(ends).map(|(sum, (y, base))| (sum - (f64::from(y) - f64::from(base))) as Float).collect())
    }

    /// 1 for what is explained, 0 for other outputs.
    fn one_hot(&self, y: &Var) -> Result<Vec<Float>> {
        let width = self.width(y)?;
        let mut chosen = vec![0.0; y.value.len()];
        for (row, class) in chosen.chunks_exact_mut(width).zip(self.classes) {
            row[*class] = 1.0;
        }
        Ok(chosen)
    }

    /// How many outputs an example has, of which there is one for each class.
    fn width(&self, y: &Var) -> Result<usize> {
        let (shape, count) = (y.value.shape(), self.classes.len());
        if shape.first() != Some(&count) || shape.len() > 2 || y.value.is_empty() {
            return Err(Error::shape(format!(
                "explain: expected a class for each example and outputs [{count}, classes], got {count} classes and outputs {shape:?}"
            )));
        }
        let width = y.value.len() / count;
        match self.classes.iter().find(|class| **class >= width) {
            Some(class) => Err(Error::value(format!("explain: expected classes 0..{width} to explain, got {class}"))),
            None => Ok(width),
        }
    }
}
