//! What covering a part of the input takes away.

use super::Explained;
use super::gradients::check_baseline;
use crate::autograd::Layer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, tensor};

/// Slides a window over the input, puts the baseline's numbers under it, and returns how much less the output is: for each number the
/// mean over the windows that cover it. Window and strides have a length for each axis after the batch; the last window of an
/// axis may reach over the edge.
///
/// ```
/// use gradus::{explain::occlusion, prelude::*};
/// let model = Sequential::new().add(Flatten).add(Dense::new(1).kernel_initializer(Ones));
/// let x = ndarray::arr2(&[[1.0, 2.0, 3.0, 4.0]]).into_tensor();
/// let found = occlusion(&model, &x, &Tensor::zeros(x.raw_dim()), &[0], &[2], &[2])?;
/// assert_eq!(found, ndarray::arr2(&[[3.0, 3.0, 7.0, 7.0]]).into_dyn());
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// those of [`saliency`](super::saliency); a baseline of another shape; windows or strides of another number of axes, or of 0
/// # Reference
/// Zeiler & Fergus 2014; captum's `Occlusion`
pub fn occlusion(
    model: &(impl Layer + ?Sized),
    x: &Tensor,
    baseline: &Tensor,
    classes: &[usize],
    window: &[usize],
    strides: &[usize],
) -> Result<Tensor> {
    check_baseline("occlusion", x, baseline)?;
    let shape = x.shape().get(1..).unwrap_or_default();
    let is_sound = |lengths: &[usize]| lengths.len() == shape.len() && !lengths.contains(&0);
    if !is_sound(window) || !is_sound(strides) || x.is_empty() {
        return Err(Error::shape(format!(
            "occlusion: expected a window and strides above 0 for each axis of an example {shape:?}, got {window:?} and {strides:?}"
        )));
    }
    let explained = Explained { model, classes };
    let whole = explained.outputs(x)?;
    let len: usize = shape.iter().product();
    let (mut sum, mut count) = (vec![0.0; x.len()], vec![0.0; len]);
    let steps: Vec<usize> =
        (0..shape.len()).map(|axis| shape[axis].saturating_sub(window[axis]).div_ceil(strides[axis]) + 1).collect();
    for step in 0..steps.iter().product() {
        let corner = place(step, &steps, strides);
        let covers = |number: usize| {
            let at = place(number, shape, &vec![1; shape.len()]);
            (0..shape.len()).all(|axis| (corner[axis]..corner[axis].saturating_add(window[axis])).contains(&at[axis]))
        };
        let covered: Vec<usize> = (0..len).filter(|number| covers(*number)).collect();
        let mut numbers: Vec<Float> = x.iter().copied().collect();
        let base: Vec<Float> = baseline.iter().copied().collect();
        for example in 0..whole.len() {
            covered.iter().for_each(|number| numbers[example * len + number] = base[example * len + number]);
        }
        let without = explained.outputs(&tensor(x.shape(), numbers))?;
        for (example, (with, without)) in whole.iter().zip(&without).enumerate() {
            covered.iter().for_each(|number| sum[example * len + number] += with - without);
        }
        covered.iter().for_each(|number| count[*number] += 1.0);
    }
    // What no window covers, since strides are longer than windows, counts nothing.
    let mean = sum.iter().enumerate().map(|(i, sum)| sum / Float::max(count[i % len], 1.0));
    Ok(tensor(x.shape(), mean.collect()))
}

/// The place with this number in a box, each axis times its stride.
fn place(mut number: usize, shape: &[usize], strides: &[usize]) -> Vec<usize> {
    let mut place = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        place[axis] = number % shape[axis] * strides[axis];
        number /= shape[axis];
    }
    place
}
