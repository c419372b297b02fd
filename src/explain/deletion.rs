//! Whether an attribution is true to the model.

use super::gradients::check_baseline;
use crate::autograd::{Layer, Tape};
use crate::error::{Error, Result};
use crate::order::descending;
use crate::tensor::{Float, Tensor, data, tensor};

/// Returns what the model says of an example as it loses, step by step, what an attribution holds for most important: the outputs for
/// 0, 1, ... `steps` of `steps` parts deleted, `[steps + 1, ...]`. If the attribution is right, the probability of the explained
/// class falls sooner than if parts are deleted at random.
///
/// `map` has a number for each part of the example: as many as the example has, or one for each pixel or word, whose channels
/// follow each other. What is deleted gets the numbers of the baseline.
///
/// ```
/// use gradus::explain::{deletion, input_x_gradient};
/// use gradus::prelude::*;
/// let model = Sequential::new().add(Dense::new(1).kernel_initializer(Ones));
/// let x = ndarray::arr1(&[1.0, 4.0, 2.0]).into_tensor();
/// let outputs = deletion(&model, &x, &Tensor::zeros(x.raw_dim()), &x, 3)?;
/// assert_eq!(outputs, ndarray::arr2(&[[7.0], [3.0], [1.0], [0.0]]).into_dyn()); // without 4, 2, 1
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Shapes
/// `x` and `baseline`: one example, without the batch's axis
/// # Errors
/// a baseline of another shape; a map that does not divide the example; no steps; those of the model
/// # Reference
/// Petsiuk, Das & Saenko 2018; Samek et al. 2017
#[doc(alias = "perturbation curve")]
pub fn deletion(
    model: &(impl Layer + ?Sized),
    x: &Tensor,
    baseline: &Tensor,
    map: &Tensor,
    steps: usize,
) -> Result<Tensor> {
    check_baseline("deletion", x, baseline)?;
    let parts = map.len();
    if parts == 0 || !x.len().is_multiple_of(parts) || steps == 0 || steps > 10_000 {
        return Err(Error::value(format!(
            "deletion: expected 1 to 10000 steps and a map with a number for each part of the example {:?}, got {steps} steps and {:?}",
            x.shape(),
            map.shape()
        )));
    }
    let [whole, deleted] = [x, baseline].map(|from| from.as_standard_layout().into_shared());
    let size = x.len() / parts;
    let order = descending(map.iter().copied());
    let mut now = data(&whole).to_vec();
    let mut examples: Vec<Float> = now.clone();
    let mut done = 0;
    for step in 1..=steps {
        let until = parts * step / steps;
        for part in &order[done..until] {
            let numbers = part * size..(part + 1) * size;
            now[numbers.clone()].copy_from_slice(&data(&deleted)[numbers]);
        }
        done = until;
        examples.extend_from_slice(&now);
    }
    let shape: Vec<usize> = std::iter::once(steps + 1).chain(x.shape().iter().copied()).collect();
    let y = model.forward(&Tape::inference().input(tensor(&shape, examples)))?;
    Ok((*y.value).clone())
}
