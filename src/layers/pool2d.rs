//! Pooling of images.

use super::window::{Window, image_axes};
use super::{Layer, Padding, Size2};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::kernels::pool2d::{self, Pool2dShape};
use crate::tensor::{Float, Tensor, data, tensor};

/// The greatest number in each window, for each channel; its gradient goes to the first maximum. Padding never wins.
///
/// # Shapes
/// input `[batch, height, width, channels]`, output `[batch, height', width', channels]`
/// # Defaults
/// stride as large as the window, no padding
/// # Errors
/// an input of other than four axes; a window larger than the padded image; padding that is not smaller than the
/// window; a size or stride of 0
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 11, 11, 64)));
/// assert_eq!(MaxPool2d::new(2).forward(&x)?.shape(), [2, 5, 5, 64]);
/// assert_eq!(MaxPool2d::new(3).stride(2).padding(Padding::Same).forward(&x)?.shape(), [2, 6, 6, 64]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `MaxPooling2D`, PyTorch `MaxPool2d`
#[doc(alias = "MaxPooling2D")]
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d {
    size: [usize; 2],
    stride: Option<[usize; 2]>,
    padding: Padding,
}

/// The mean of each window, for each channel.
///
/// # Shapes
/// input `[batch, height, width, channels]`, output `[batch, height', width', channels]`
/// # Defaults
/// stride as large as the window, no padding; padding is left out of the mean, as in Keras
/// # Errors
/// an input of other than four axes; a window larger than the padded image; padding that is not smaller than the
/// window; a size or stride of 0
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 11, 11, 64)));
/// assert_eq!(AvgPool2d::new(2).forward(&x)?.shape(), [2, 5, 5, 64]);
/// assert_eq!(AvgPool2d::new(3).padding(Padding::Same).forward(&x)?.item(), 1.0);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `AveragePooling2D`, PyTorch `AvgPool2d` (which counts padding by default)
#[doc(alias = "AveragePooling2D")]
#[derive(Clone, Copy, Debug)]
pub struct AvgPool2d {
    size: [usize; 2],
    stride: Option<[usize; 2]>,
    padding: Padding,
    count_padding: bool,
}

macro_rules! setters {
    ($name:ident { $($field:ident)* }) => {
        impl $name {
            /// With windows of this size: a number, or `[height, width]`.
            pub fn new(size: impl Size2) -> Self {
                Self { size: size.pair(), stride: None, padding: Padding::Valid, $($field: false)* }
            }

            /// Sets by how many pixels the window moves.
            pub fn stride(mut self, stride: impl Size2) -> Self {
                self.stride = Some(stride.pair());
                self
            }

            /// Sets the padding around the image.
            pub fn padding(mut self, padding: Padding) -> Self {
                self.padding = padding;
                self
            }

            fn window(&self) -> Window {
                let stride = self.stride.unwrap_or(self.size);
                Window { size: self.size, stride, dilation: [1, 1], padding: self.padding }
            }
        }
    };
}
setters!(MaxPool2d {});
setters!(AvgPool2d { count_padding });

impl MaxPool2d {
    /// The window, if its places touch each other and stay inside the image.
    pub(super) fn tiles(&self) -> Option<[usize; 2]> {
        let plain = self.padding == Padding::Valid && self.stride.is_none_or(|stride| stride == self.size);
        (plain && (1..=256).contains(&self.size[0].saturating_mul(self.size[1]))).then_some(self.size)
    }
}

impl AvgPool2d {
    /// Sets whether padding counts as zeros in the mean, as in PyTorch.
    pub fn count_padding(mut self, yes: bool) -> Self {
        self.count_padding = yes;
        self
    }
}

fn shape(x: &Var, window: Window, count_padding: bool) -> Result<Pool2dShape> {
    let [_, height, width, channels] = image_axes(x.shape())?;
    let (padding, _) = window.place([height, width])?;
    if (0..2).any(|axis| padding[axis].iter().any(|pixels| *pixels >= window.size[axis])) {
        let size = window.size;
        return Err(Error::value(format!("expected padding smaller than the window {size:?}, got {padding:?}")));
    }
    if channels == 0 || height.saturating_mul(width) >= u32::MAX as usize {
        return Err(Error::shape(format!(
            "expected at least 1 channel and fewer than 2^32 pixels, got {:?}",
            x.shape()
        )));
    }
    let (window, stride) = (window.size, window.stride);
    Ok(Pool2dShape { height, width, channels, window, stride, padding, count_padding })
}

impl Layer for MaxPool2d {
    fn forward(&self, x: &Var) -> Result<Var> {
        let op = Max { shape: shape(x, self.window(), false)?, batch: x.shape()[0], argmax: Vec::new() };
        Ok(x.tape().apply(op, &[x]))
    }
}

impl Layer for AvgPool2d {
    fn forward(&self, x: &Var) -> Result<Var> {
        let op = Average { shape: shape(x, self.window(), self.count_padding)?, batch: x.shape()[0] };
        Ok(x.tape().apply(op, &[x]))
    }
}

/// Numbers in an image before and after, and the shape of a batch before and after.
fn sizes(shape: &Pool2dShape, batch: usize) -> ([usize; 2], [[usize; 4]; 2]) {
    let [height, width] = shape.out();
    let before = [batch, shape.height, shape.width, shape.channels];
    let after = [batch, height, width, shape.channels];
    ([before[1..].iter().product(), after[1..].iter().product()], [before, after])
}

/// `y = max over windows of x`
struct Max {
    shape: Pool2dShape,
    batch: usize,
    argmax: Vec<u32>,
}

impl Op for Max {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let ([image, out], [_, after]) = sizes(&self.shape, self.batch);
        let mut y = buffer(self.batch * out);
        self.argmax = vec![0; y.len()];
        let places = self.argmax.chunks_mut(out);
        let mut work: Vec<_> = data(inputs[0]).chunks(image).zip(y.chunks_mut(out)).zip(places).collect();
        parallel::for_each(&mut work, |((x, y), argmax)| pool2d::max_pool(&self.shape, x, y, argmax));
        tensor(&after, y)
    }

    /// `dx = Σ dy` of the windows whose maximum it is
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let ([image, out], [before, _]) = sizes(&self.shape, self.batch);
            let mut grad = zeros(self.batch * image);
            let gradients = data(dy).chunks(out).zip(self.argmax.chunks(out));
            let mut work: Vec<_> = grad.chunks_mut(image).zip(gradients).collect();
            parallel::for_each(&mut work, |(grad, (dy, argmax))| {
                pool2d::max_pool_backward(self.shape.channels, dy, argmax, grad);
            });
            tensor(&before, grad)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}

/// `y = mean over windows of x`
struct Average {
    shape: Pool2dShape,
    batch: usize,
}

impl Average {
    fn map(
        &self,
        from: &[Float],
        to: &mut [Float],
        sizes: [usize; 2],
        run: impl Fn(&Pool2dShape, &[Float], &mut [Float]) + Send + Sync,
    ) {
        let mut work: Vec<_> = from.chunks(sizes[0]).zip(to.chunks_mut(sizes[1])).collect();
        parallel::for_each(&mut work, |(from, to)| run(&self.shape, from, to));
    }
}

impl Op for Average {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let ([image, out], [_, after]) = sizes(&self.shape, self.batch);
        let mut y = buffer(self.batch * out);
        self.map(data(inputs[0]), &mut y, [image, out], pool2d::average_pool);
        tensor(&after, y)
    }

    /// `dx = Σ dy / count` of the windows that cover it
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let ([image, out], [before, _]) = sizes(&self.shape, self.batch);
            let mut grad = zeros(self.batch * image);
            self.map(data(dy), &mut grad, [out, image], pool2d::average_pool_backward);
            tensor(&before, grad)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}
