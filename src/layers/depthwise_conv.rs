//! Depthwise convolution of sequences and images.

use super::conv::{check_channels, check_lengths, conv_shape, other_channels};
use super::conv_op::Convolution;
use super::weights::{Weights, weight_setters};
use super::window::{Window, axes, window_setters};
use super::{Layer, Padding, Size};
use crate::activations::Activation;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::initializers::Initializer;
use crate::param::{Param, ParamList};

/// Convolution over `N` axes of each channel on its own, with `depth_multiplier` filters each: output channel
/// `channel · depth_multiplier + i` is filter `i` of a channel.
///
/// [`DepthwiseConv1d`] and [`DepthwiseConv2d`] are its names.
///
/// # Shapes
/// input `[batch, lengths.., channels]`, output `[batch, lengths'.., channels · depth_multiplier]`; kernel
/// `[kernel size.., channels, depth_multiplier]`, bias `[channels · depth_multiplier]`
/// # Defaults
/// depth multiplier 1, stride 1, dilation 1, no padding, no activation, with a bias, kernel Xavier uniform, bias zeros
/// # Errors
/// an input with another number of axes; channels other than those that the kernel was made for; a kernel larger than the
/// padded input; a size, stride, dilation or depth multiplier of 0
/// # Example
/// ```
/// use gradus::prelude::*;
/// let layer = DepthwiseConv2d::new(3).depth_multiplier(2).padding(Padding::Same);
/// let y = layer.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 14, 14, 8))))?;
/// assert_eq!(y.shape(), [2, 14, 14, 16]);
/// assert_eq!(layer.kernel().shape().unwrap(), [3, 3, 8, 2]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Howard et al. 2017 (MobileNet)
pub struct DepthwiseConv<const N: usize> {
    depth_multiplier: usize,
    pub(super) window: Window<N>,
    weights: Weights,
}

/// Depthwise convolution of sequences. See [`DepthwiseConv`] for defaults and errors.
///
/// # Shapes
/// input `[batch, time, channels]`, output `[batch, time', channels · depth_multiplier]`; kernel
/// `[kernel size, channels, depth_multiplier]`
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = Tape::inference().input(ndarray::Array3::<f32>::ones((2, 50, 4)));
/// assert_eq!(DepthwiseConv1d::new(3).forward(&x)?.shape(), [2, 48, 4]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `DepthwiseConv1D`, PyTorch `Conv1d` with as many groups as channels
#[doc(alias = "DepthwiseConv1D")]
pub type DepthwiseConv1d = DepthwiseConv<1>;

/// Depthwise convolution of images. See [`DepthwiseConv`] for defaults and errors.
///
/// # Shapes
/// input `[batch, height, width, channels]`, output `[batch, height', width', channels · depth_multiplier]`; kernel
/// `[kernel height, kernel width, channels, depth_multiplier]`
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 14, 14, 8)));
/// assert_eq!(DepthwiseConv2d::new([3, 1]).stride(2).forward(&x)?.shape(), [2, 6, 7, 8]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `DepthwiseConv2D`, PyTorch `Conv2d` with as many groups as channels
#[doc(alias = "DepthwiseConv2D")]
pub type DepthwiseConv2d = DepthwiseConv<2>;

impl<const N: usize> DepthwiseConv<N> {
    /// With kernels of this size: a number, or one for each direction.
    pub fn new(kernel: impl Size<N>) -> Self {
        let size = kernel.sizes();
        let weights = Weights::new(&size, [None, Some(1)], None);
        Self { depth_multiplier: 1, window: Window::new(size), weights }
    }

    /// Sets how many filters each channel has.
    pub fn depth_multiplier(mut self, filters: usize) -> Self {
        self.depth_multiplier = filters;
        self.weights.set_last_axis(filters);
        self
    }
}

window_setters!(DepthwiseConv, window);
weight_setters!(kernel DepthwiseConv, "[kernel size.., channels, depth_multiplier]");
weight_setters!(output DepthwiseConv, weights);

impl<const N: usize> Layer for DepthwiseConv<N> {
    fn forward(&self, x: &Var) -> Result<Var> {
        let (batch, input, channels) = axes::<N>(x.value.shape())?;
        let Some(filters) = channels.checked_mul(self.depth_multiplier) else {
            return Err(Error::value(format!("expected a smaller depth multiplier, got {}", self.depth_multiplier)));
        };
        check_channels(channels, filters, channels.max(1))?;
        if let Some(known) = self.weights.kernel.shape().filter(|shape| shape[N] != channels) {
            return Err(other_channels::<N>(known[N], x));
        }
        let (padding, positions) = self.window.place(input, false)?;
        let shape = conv_shape(&self.window, input, padding, [channels, filters], channels);
        check_lengths(&shape, batch, &positions, filters)?;
        let kernel = [&self.window.size[..], &[channels, self.depth_multiplier]].concat();
        self.weights.apply(x, &kernel, filters, |f| Convolution::new(shape, None, &self.weights.kernel, f))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.weights.params(list);
    }

    fn kind(&self) -> &'static str {
        ["DepthwiseConv1d", "DepthwiseConv2d", "DepthwiseConv3d"][N - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;

    #[test]
    fn each_channel_has_its_own_filters() {
        let layer = DepthwiseConv1d::new(2).depth_multiplier(2);
        layer.kernel().set(ndarray::arr3(&[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 1.0]]])).unwrap();
        let x = Tape::inference().input(ndarray::arr3(&[[[1.0, 10.0], [5.0, 50.0]]]));
        assert_eq!(layer.forward(&x).unwrap().value().as_slice().unwrap(), [1.0, 7.0, 30.0, 90.0]);
    }
}
