//! The outputs of layers inside a model, and where they show a class.

use super::Explained;
use crate::autograd::{Layer, Tape, Var};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// Returns the output of the layer with this path, such as `conv2d_2` or `features.3.body`. Of a layer that runs several times it is the
/// first output.
///
/// ```
/// use gradus::explain::activations;
/// use gradus::prelude::*;
///
/// let model = Sequential::new().add_named("hidden", Dense::new(16).activation(Relu)).add(Dense::new(3));
/// let x = ndarray::arr2(&[[0.3, -1.2, 0.7]]).into_tensor();
/// assert_eq!(activations(&model, &x, "hidden")?.shape(), [1, 16]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// a path that no layer has, where the message lists the paths; those of the model. Layers of your own run what is inside of them by
/// [`Tape::within`].
/// # Reference
/// Keras' feature extraction by `Model(inputs, layer.output)`; captum's `LayerActivation`
pub fn activations(model: &(impl Layer + ?Sized), x: &Tensor, layer: &str) -> Result<Tensor> {
    let tape = Tape::inference();
    tape.start_watch(layer);
    model.forward(&tape.input(x))?;
    Ok((*found(&tape, layer)?.value).clone())
}

/// Returns a map of where the model sees the class: the channels of a layer, usually the last convolution, weighted by how much the class
/// depends on each, where their sum is positive. Its shape is `[batch, lengths..]`, with the lengths of that layer's output; resize it to
/// lay it over the image.
///
/// ```text
/// map = max(0, Σ a_c mean(dy / da_c))      a_c: channel c of the layer's output
/// ```
/// ```
/// use gradus::explain::grad_cam;
/// use gradus::prelude::*;
///
/// let model = Sequential::new()
///     .add(Conv2d::new(8, 3).activation(Relu))
///     .add_named("last", Conv2d::new(16, 3).activation(Relu))
///     .add(GlobalAvgPool2d::default())
///     .add(Dense::new(10));
/// let images = ndarray::Array4::<f32>::ones((2, 28, 28, 1)).into_tensor();
/// assert_eq!(grad_cam(&model, &images, "last", &[3, 7])?.shape(), [2, 24, 24]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// those of [`activations`]; a layer without axes between batch and channels, or that the class does not depend on
/// # Reference
/// Selvaraju et al. 2017; captum's `LayerGradCam` with `relu_attributions=True`
pub fn grad_cam(model: &(impl Layer + ?Sized), x: &Tensor, layer: &str, classes: &[usize]) -> Result<Tensor> {
    let explained = Explained { model, classes };
    let tape = Tape::inference().recording();
    tape.start_watch(layer);
    let y = model.forward(&tape.input(x))?;
    let chosen = tensor(y.value.shape(), explained.one_hot(&y)?);
    let a = found(&tape, layer)?;
    let gradients = (&y * tape.constant(chosen)).sum().backward()?;
    let Some(gradient) = gradients.of(&a) else {
        return Err(Error::value(format!("grad_cam: the output does not depend on the layer `{layer}`")));
    };
    let [batch, lengths @ .., channels] = a.value.shape() else { return Err(flat(layer, a.value.shape())) };
    if lengths.is_empty() || a.value.is_empty() {
        return Err(flat(layer, a.value.shape()));
    }
    let places: usize = lengths.iter().product();
    let mut map = Vec::with_capacity(batch * places);
    let examples = data(&a.value).chunks_exact(places * channels).zip(data(gradient).chunks_exact(places * channels));
    for (values, slopes) in examples {
        let mut weights = vec![0.0; *channels];
        for row in slopes.chunks_exact(*channels) {
            weights.iter_mut().zip(row).for_each(|(sum, slope)| *sum += f64::from(*slope) / places as f64);
        }
        for row in values.chunks_exact(*channels) {
            let sum: f64 = row.iter().zip(&weights).map(|(value, weight)| f64::from(*value) * weight).sum();
            map.push(if sum < 0.0 { 0.0 } else { sum as Float });
        }
    }
    let shape: Vec<usize> = std::iter::once(*batch).chain(lengths.iter().copied()).collect();
    Ok(tensor(&shape, map))
}

fn flat(layer: &str, shape: &[usize]) -> Error {
    Error::shape(format!(
        "grad_cam: expected a layer that gives [batch, lengths.., channels], `{layer}` gives {shape:?}; choose a convolution"
    ))
}

/// The output of the watched layer.
fn found(tape: &Tape, layer: &str) -> Result<Var> {
    let watch = tape.take_watch();
    watch.found.into_iter().next().ok_or_else(|| {
        Error::value(format!(
            "no layer inside of the model has the path `{layer}`; the paths are: {}",
            watch.seen.join(", ")
        ))
    })
}
