//! Convolution of sequences, images and volumes.

use super::conv_op::Convolution;
use super::kernel_and_bias::{KernelAndBias, kernel_and_bias};
use super::names::names;
use super::window::{Window, axes, bring_last, channels_last, fewer_than, kernel_shape, three, words};
use super::{Layer, Padding};
use crate::activations::{Activation, Linear};
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, XavierUniform, Zeros};
use crate::kernels::conv::ConvShape;

described! {
    /// Convolution over `N` axes: `y = activation(x * kernel + bias)`, where `*` slides the kernel without turning it round.
    ///
    /// [`Conv1d`], [`Conv2d`] and [`Conv3d`] are its names. In a [`Sequential`](crate::Sequential), a [`MaxPool2d`](crate::layers::MaxPool2d) right
    /// after a [`Conv2d`] becomes part of the same operation. As many groups as channels make a depthwise convolution,
    /// which runs on a kernel of its own.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, lengths'.., filters]`; kernel
    /// `[kernel size.., channels / groups, filters]`, bias `[filters]`
    /// # Defaults
    /// stride 1, dilation 1, 1 group, no padding, no activation, with a bias, kernel Xavier uniform, bias zeros
    /// # Errors
    /// an input with another number of axes; channels other than those that the kernel was made for; channels or filters
    /// that the groups do not divide; a kernel larger than the padded input; a size, stride or dilation of 0
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = Conv1d::new(8, 3).padding(Padding::Causal).activation(Relu);
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((2, 50, 4))))?;
    /// assert_eq!(y.shape(), [2, 50, 8]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// LeCun et al. 1989
    pub struct Conv<const N: usize> as ["Conv1d", "Conv2d", "Conv3d"] (
        /// The number of filters.
        filters: [usize],
        /// The size of the kernel.
        kernel_size: [size N],
    ) {
        /// By how many cells the window moves.
        strides: [size N] = [1; N],
        /// How zeros are put around the input.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
        /// Into how many groups channels and filters are split, each convolved on its own; as many as there are channels is a
        /// depthwise convolution.
        groups: [usize] = 1,
        /// The activation.
        activation: [dyn Activation] = Linear,
        /// Whether there is a bias.
        use_bias: [bool] = true,
    }
    params {
        kernel: kernel_initializer = XavierUniform,
        bias: bias_initializer = Zeros,
    }
}

names! {
    Conv: "Convolution", output "filters", kernel "channels / groups, filters";
    1 Conv1d "Conv1D", ", PyTorch `Conv1d` (whose channels come before time)": "(2, 50, 4)" {
        "Conv1d::new(8, 3).strides(2)" => "[2, 24, 8]"
    }
    2 Conv2d "Conv2D", ", PyTorch `Conv2d` (whose images and kernels have their channels first)": "(2, 28, 28, 1)" {
        "Conv2d::new(32, 3).activation(Relu)" => "[2, 26, 26, 32]"
    }
    3 Conv3d "Conv3D", ", PyTorch `Conv3d` (whose channels come first)": "(2, 8, 16, 16, 1)" {
        "Conv3d::new(4, [2, 3, 3]).padding(Padding::Same)" => "[2, 8, 16, 16, 4]"
    }
}

kernel_and_bias!(Conv, "[kernel size.., channels / groups, filters]", |layer| (
    kernel_shape(&layer.kernel_size, [None, Some(layer.filters)]),
    Some(layer.filters)
));

/// Checks everything that can be wrong, and says how a kernel slides over this input; it counts its channels `split` at a time.
pub(super) fn sliding(
    window: &Window<'_>,
    kernel: &Param,
    x: &Var,
    [filters, groups]: [usize; 2],
    split: usize,
) -> Result<ConvShape> {
    let n = window.size.len();
    let (batch, input, channels) = axes(x.value.shape(), n)?;
    check_channels(channels, filters, groups)?;
    if let Some(known) = kernel.shape().filter(|shape| shape[n] != channels / split) {
        return Err(other_channels(known[n] * split, x));
    }
    if kernel.shape().is_none() {
        channels_last(x)?;
    }
    let (padding, positions) = window.place(input, false)?;
    let mut shape = conv_shape(window, input, &padding, [channels, filters], groups);
    // A stride that leads out of the input is never taken, however long.
    for (i, stride) in shape.stride.iter_mut().enumerate() {
        *stride =
            (*stride).min(shape.size[i].saturating_add(shape.padding[i][0]).saturating_add(shape.padding[i][1])).max(1);
    }
    check_lengths(&shape, batch, &positions, filters)?;
    Ok(shape)
}

/// Groups divide channels and filters, of which there are some.
pub(super) fn check_channels(channels: usize, filters: usize, groups: usize) -> Result<()> {
    if filters == 0 || channels == 0 {
        return Err(Error::value(format!("expected at least 1 filter and 1 channel, got {filters} and {channels}")));
    }
    if groups == 0 || !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
        return Err(Error::value(format!(
            "expected a number of groups that divides {channels} channels and {filters} filters, got {groups}"
        )));
    }
    Ok(())
}

/// The error of an input whose channels are not the known ones.
pub(super) fn other_channels(known: usize, x: &Var) -> Error {
    let shape = x.value.shape();
    let axes = shape.len() - 2;
    let words = words(axes);
    let hint = match shape.get(1) == Some(&known) {
        true => format!("its channels seem to come first: {}", bring_last(axes)),
        false => "feed what it was made for, or make a new layer".into(),
    };
    Error::shape(format!(
        "expected {known} channels in the last axis, got input {shape:?}; {}s are {}: {hint}",
        words.what, words.axes
    ))
}

/// How a kernel slides over an input of these lengths.
pub(super) fn conv_shape(
    window: &Window<'_>,
    input: &[usize],
    padding: &[[usize; 2]],
    [channels, filters]: [usize; 2],
    groups: usize,
) -> ConvShape {
    ConvShape {
        size: three(input, 1),
        channels,
        filters,
        kernel: three(window.size, 1),
        stride: three(window.stride, 1),
        dilation: three(window.dilation, 1),
        groups,
        padding: three(padding, [0, 0]),
    }
}

/// Nothing is longer than memory could be.
pub(super) fn check_lengths(shape: &ConvShape, batch: usize, output: &[usize], filters: usize) -> Result<()> {
    let [depth, height, width] = shape.kernel;
    fewer_than(36, "numbers in the kernel", &[depth, height, width, shape.channels / shape.groups, shape.filters])?;
    let padded = |i: usize| shape.size[i].saturating_add(shape.padding[i][0]).saturating_add(shape.padding[i][1]);
    let channels = shape.channels.max(shape.filters);
    fewer_than(36, "numbers in a padded image", &[padded(0), padded(1), padded(2), channels])?;
    fewer_than(36, "numbers in the output", &[&[batch], output, &[filters]].concat())
}

impl<const N: usize> Layer for Conv<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let shape = sliding(&self.window(), &self.kernel, x, [self.filters, self.groups], self.groups)?;
        let kernel = [&self.kernel_size[..], &[shape.channels / shape.groups, self.filters]].concat();
        let op = |has_gradient| Convolution::new(shape, &self.kernel, has_gradient);
        let (bias, activation) = (self.bias(), self.activation.as_ref());
        KernelAndBias { kernel: &self.kernel, bias, activation, outputs: self.filters }.apply(x, &kernel, op)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("kernel", self.kernel());
        self.bias().into_iter().for_each(|bias| list.add("bias", bias));
    }
}
