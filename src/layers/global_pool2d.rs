//! Global pooling.

use super::Layer;
use super::window::image_axes;
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// The mean of each channel over height and width.
///
/// # Shapes
/// input `[batch, height, width, channels]`, output `[batch, channels]`
/// # Errors
/// an input of other than four axes, or without pixels
/// # Example
/// ```
/// use gradus::prelude::*;
/// let y = GlobalAvgPool2d.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 7, 7, 5))))?;
/// assert_eq!((y.shape(), y.item()), (&[2, 5][..], 1.0));
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Lin et al. 2013; Keras `GlobalAveragePooling2D`
#[doc(alias = "GlobalAveragePooling2D")]
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalAvgPool2d;

/// The greatest number of each channel over height and width; its gradient goes to the first maximum.
///
/// # Shapes
/// input `[batch, height, width, channels]`, output `[batch, channels]`
/// # Errors
/// an input of other than four axes, or without pixels
/// # Example
/// ```
/// use gradus::prelude::*;
/// let y = GlobalMaxPool2d.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 7, 7, 5))))?;
/// assert_eq!((y.shape(), y.item()), (&[2, 5][..], 1.0));
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `GlobalMaxPooling2D`
#[doc(alias = "GlobalMaxPooling2D")]
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalMaxPool2d;

fn check(x: &Var) -> Result<()> {
    let [_, height, width, channels] = image_axes(x.shape())?;
    if height * width * channels > 0 {
        return Ok(());
    }
    Err(Error::shape(format!("expected an input with pixels, got {:?}", x.shape())))
}

impl Layer for GlobalAvgPool2d {
    fn forward(&self, x: &Var) -> Result<Var> {
        check(x)?;
        Ok(x.tape().apply(Mean { shape: x.shape().into() }, &[x]))
    }
}

impl Layer for GlobalMaxPool2d {
    fn forward(&self, x: &Var) -> Result<Var> {
        check(x)?;
        Ok(x.tape().apply(Max { shape: x.shape().into(), from: Vec::new() }, &[x]))
    }
}

/// Pixels of an image, and channels of a pixel.
fn sizes(shape: &[usize]) -> (usize, usize) {
    (shape[1] * shape[2], shape[3])
}

/// `y = mean over pixels of x`
struct Mean {
    shape: Vec<usize>,
}

impl Op for Mean {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (pixels, channels) = sizes(&self.shape);
        let mut y = zeros(self.shape[0] * channels);
        for (y, image) in y.chunks_mut(channels).zip(data(inputs[0]).chunks(pixels * channels)) {
            for pixel in image.chunks(channels) {
                y.iter_mut().zip(pixel).for_each(|(y, x)| *y += x);
            }
            y.iter_mut().for_each(|y| *y /= pixels as Float);
        }
        tensor(&[self.shape[0], channels], y)
    }

    /// `dx = dy / pixels` at each pixel
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let (pixels, channels) = sizes(&self.shape);
        dx.add(0, || {
            let mut out = buffer(dy.len() * pixels);
            for (image, dy) in out.chunks_mut(pixels * channels).zip(data(dy).chunks(channels)) {
                for pixel in image.chunks_mut(channels) {
                    pixel.iter_mut().zip(dy).for_each(|(out, dy)| *out = dy / pixels as Float);
                }
            }
            tensor(&self.shape, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}

/// `y = max over pixels of x`
struct Max {
    shape: Vec<usize>,
    /// Position of each maximum in `x`.
    from: Vec<usize>,
}

impl Op for Max {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (pixels, channels) = sizes(&self.shape);
        let x = data(inputs[0]);
        self.from = (0..self.shape[0] * channels).map(|i| i / channels * pixels * channels + i % channels).collect();
        for from in &mut self.from {
            let first = *from;
            for i in (first..first + pixels * channels).step_by(channels) {
                // No number wins over any number, and the first one stays.
                if x[i] > x[*from] || x[i].is_nan() && !x[*from].is_nan() {
                    *from = i;
                }
            }
        }
        tensor(&[self.shape[0], channels], self.from.iter().map(|i| x[*i]).collect())
    }

    /// `dx = dy` at the maximum, else 0
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let mut out = zeros(self.shape.iter().product());
            self.from.iter().zip(data(dy)).for_each(|(i, dy)| out[*i] += dy);
            tensor(&self.shape, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}
