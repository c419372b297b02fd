//! Depthwise convolution of sequences and images.

use super::conv::sliding;
use super::conv_op::Convolution;
use super::kernel_and_bias::{KernelAndBias, kernel_and_bias};
use super::names::names;
use super::window::{axes, kernel_shape};
use super::{Layer, Padding};
use crate::activations::{Activation, Linear};
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, XavierUniform, Zeros};

described! {
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
    pub struct DepthwiseConv<const N: usize> as ["DepthwiseConv1d", "DepthwiseConv2d", "DepthwiseConv3d"] (
        /// The size of the kernels.
        kernel_size: [size N],
    ) {
        /// How many filters each channel has.
        depth_multiplier: [usize] = 1,
        /// By how many cells the window moves.
        strides: [size N] = [1; N],
        /// How zeros are put around the input.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
        /// The activation.
        activation: [dyn Activation] = Linear,
        /// Whether there is a bias.
        use_bias: [bool] = true,
    }
    params {
        kernel: depthwise_initializer = XavierUniform,
        bias: bias_initializer = Zeros,
    }
}

names! {
    DepthwiseConv: "Depthwise convolution", output "channels · depth_multiplier", kernel "channels, depth_multiplier";
    1 DepthwiseConv1d "DepthwiseConv1D", ", PyTorch `Conv1d` with as many groups as channels": "(2, 50, 4)" {
        "DepthwiseConv1d::new(3)" => "[2, 48, 4]"
    }
    2 DepthwiseConv2d "DepthwiseConv2D", ", PyTorch `Conv2d` with as many groups as channels": "(2, 14, 14, 8)" {
        "DepthwiseConv2d::new([3, 1]).strides(2)" => "[2, 6, 7, 8]"
    }
}

kernel_and_bias!(DepthwiseConv, "[kernel size.., channels, depth_multiplier]", |layer| (
    kernel_shape(&layer.kernel_size, [None, Some(layer.depth_multiplier)]),
    None
));

impl<const N: usize> Layer for DepthwiseConv<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let (.., channels) = axes(x.value.shape(), N)?;
        let Some(filters) = channels.checked_mul(self.depth_multiplier) else {
            return Err(Error::value(format!("expected a smaller depth multiplier, got {}", self.depth_multiplier)));
        };
        let shape = sliding(&self.window(), &self.kernel, x, [filters, channels.max(1)], 1)?;
        let kernel = [&self.kernel_size[..], &[channels, self.depth_multiplier]].concat();
        let weights = KernelAndBias {
            kernel: &self.kernel,
            bias: self.bias(),
            activation: self.activation.as_ref(),
            outputs: filters,
        };
        weights.apply(x, &kernel, |has_gradient| Convolution::new(shape, &self.kernel, has_gradient))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("kernel", self.kernel());
        self.bias().into_iter().for_each(|bias| list.add("bias", bias));
    }
}
