//! Transposed convolution of sequences, images and volumes.

use super::conv::{check_channels, check_lengths, conv_shape, other_channels};
use super::conv_op::Transposed;
use super::kernel_and_bias::{KernelAndBias, kernel_and_bias};
use super::names::names;
use super::window::{Edges, Window, axes, channels_last, fewer_than, kernel_shape};
use super::{Layer, Padding};
use crate::activations::{Activation, Linear};
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, XavierUniform, Zeros};
use crate::kernels::conv::ConvShape;
use crate::ops::PadMode;

described! {
    /// Transposed convolution over `N` axes: what the input's gradient is to a [`Conv`](super::Conv), the output is here. It
    /// spreads each input cell over a window, and makes the input `stride` times larger.
    ///
    /// [`ConvTranspose1d`], [`ConvTranspose2d`] and [`ConvTranspose3d`] are its names. `Padding::Valid` and `Padding::Same`
    /// are Keras', with outputs at least `stride` times as long as inputs; `Padding::Explicit` is PyTorch's padding, which
    /// takes cells away from the output, of length `(input - 1) · stride - padding + reach + output padding` with a reach of
    /// `(size - 1) · dilation + 1`. `Padding::all(0)` is PyTorch's default.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, lengths'.., filters]`; kernel
    /// `[kernel size.., filters / groups, channels]`, bias `[filters]`
    /// # Defaults
    /// stride 1, dilation 1, 1 group, no padding, output padding from the padding, no activation, with a bias, kernel Xavier
    /// uniform, bias zeros
    /// # Errors
    /// an input with another number of axes; channels other than those that the kernel was made for; channels or filters
    /// that the groups do not divide; a padding that leaves no output; causal padding; an output padding that is smaller
    /// neither than the stride nor, without `Same`, than the dilation; a size, stride or dilation of 0
    /// # Example
    /// ```
    /// use gradus::layers::ConvTranspose1d;
    /// use gradus::prelude::*;
    /// let layer = ConvTranspose1d::new(8, 4).strides(2).padding(Padding::Same);
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((2, 50, 4))))?;
    /// assert_eq!(y.shape(), [2, 100, 8]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Zeiler et al. 2010; Dumoulin & Visin 2016 for the arithmetic
    pub struct ConvTranspose<const N: usize> as ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"] (
        /// The number of filters.
        filters: [usize],
        /// The size of the kernel.
        kernel_size: [size N],
    ) {
        /// By how many cells the window moves.
        strides: [size N] = [1; N],
        /// What is cut off the output.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
        /// By how much the output is longer at the end than the least that gives this input.
        output_padding: [sizes N] = None,
        /// Into how many groups channels and filters are split, each convolved on its own.
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
    ConvTranspose: "Transposed convolution", output "filters", kernel "filters / groups, channels";
    1 ConvTranspose1d "Conv1DTranspose", ", PyTorch `ConvTranspose1d`": "(2, 10, 4)" {
        "ConvTranspose1d::new(8, 3).strides(2)" => "[2, 21, 8]"
    }
    2 ConvTranspose2d "Conv2DTranspose" also "Deconvolution2D",
        ", PyTorch `ConvTranspose2d` (kernel `[channels, filters / groups, height, width]`; its padding is the second one here)":
        "(2, 7, 7, 4)" {
            "ConvTranspose2d::new(8, 3).strides(2).padding(Padding::Same)" => "[2, 14, 14, 8]",
            "ConvTranspose2d::new(8, 3).strides(2).padding(Padding::all(1)).output_padding(1)" => "[2, 14, 14, 8]"
        }
    3 ConvTranspose3d "Conv3DTranspose", ", PyTorch `ConvTranspose3d`": "(1, 2, 3, 3, 4)" {
        "ConvTranspose3d::new(8, 2).strides(2)" => "[1, 4, 6, 6, 8]"
    }
}

kernel_and_bias!(ConvTranspose, "[kernel size.., filters / groups, channels]", |layer| (
    kernel_shape(&layer.kernel_size, [None, None]),
    Some(layer.filters)
));

/// How the kernel spreads over an output: what is generic over the number of axes is compiled for each.
struct Spread<'a> {
    window: Window<'a>,
    output_padding: Option<&'a [usize]>,
    kernel: &'a Param,
    filters: usize,
    groups: usize,
}

impl Spread<'_> {
    /// Lengths of the output, and the padding of the convolution that leads from there to the input.
    fn place(&self, input: &[usize], output_padding: Option<&[usize]>) -> Result<(Vec<usize>, Vec<[usize; 2]>)> {
        let Window { size, stride: strides, dilation, padding } = self.window;
        self.window.check()?;
        fewer_than(32, "cells", input)?;
        fewer_than(32, "positions of the stride", strides)?;
        let (mut output, mut cut) = (vec![0; input.len()], vec![[0; 2]; input.len()]);
        for axis in 0..input.len() {
            let (stride, reach, len) = (strides[axis], self.window.reach(axis), input[axis]);
            let extra = output_padding.map(|cells| cells[axis]);
            let covered = len.saturating_sub(1).saturating_mul(stride).saturating_add(reach);
            (output[axis], cut[axis]) = match padding {
                Edges::Causal => return Err(Error::value("expected padding Valid, Same or Explicit, got Causal")),
                Edges::Valid => (covered.saturating_add(extra.unwrap_or(stride.saturating_sub(reach))), [0, 0]),
                Edges::Explicit(cells) => {
                    let whole = covered.saturating_add(extra.unwrap_or(0));
                    (whole.saturating_sub(cells[axis][0].saturating_add(cells[axis][1])), cells[axis])
                }
                Edges::Same => {
                    let whole = match extra {
                        None => len * stride,
                        Some(extra) => (len.saturating_sub(1) * stride + reach % 2).saturating_add(extra),
                    };
                    let over = covered.saturating_sub(whole);
                    (whole, [over / 2, over - over / 2])
                }
            };
            if output[axis] == 0 || len == 0 {
                return Err(Error::shape(format!(
                    "expected an input and a padding that leave some output, got lengths {input:?} with window {size:?}, \
                     stride {strides:?} and padding {padding:?}"
                )));
            }
            if output[axis].saturating_add(cut[axis][0]).saturating_add(cut[axis][1]) >= covered.saturating_add(stride)
            {
                let got = self.output_padding.unwrap_or(&[0; 3][..input.len()]);
                return Err(Error::value(format!(
                    "expected an output padding smaller than the stride {strides:?} or the dilation {dilation:?}, got {got:?}"
                )));
            }
        }
        fewer_than(32, "positions", &output)?;
        Ok((output, cut))
    }

    /// Instead of an output padding of more than a stride, which only a dilation allows, as many zeros after the input,
    /// and what is left of the padding.
    fn lengthened(&self, x: &Var) -> Result<(Var, Option<Vec<usize>>)> {
        let Window { size, stride, dilation, padding } = self.window;
        let (Some(extra), false) = (self.output_padding, padding == Edges::Same) else {
            return Ok((x.clone(), self.output_padding.map(<[usize]>::to_vec)));
        };
        self.window.check()?;
        axes(x.value.shape(), size.len())?;
        let (mut after, mut left) = (vec![[0, 0]], Vec::new());
        for (i, extra) in extra.iter().enumerate() {
            let zeros = if *extra < dilation[i] { extra / stride[i] } else { 0 };
            after.push([0, zeros]);
            left.push(extra - zeros * stride[i]);
        }
        if left == extra {
            return Ok((x.clone(), Some(left)));
        }
        fewer_than(32, "cells of output padding", extra)?;
        after.push([0, 0]);
        Ok((x.pad(&after, PadMode::Constant(0.0))?, Some(left)))
    }

    fn shape(&self, x: &Var, output_padding: Option<&[usize]>) -> Result<ConvShape> {
        let n = self.window.size.len();
        let (batch, input, channels) = axes(x.value.shape(), n)?;
        check_channels(channels, self.filters, self.groups)?;
        if let Some(known) = self.kernel.shape().filter(|shape| shape[n + 1] != channels) {
            return Err(other_channels(known[n + 1], x));
        }
        if self.kernel.shape().is_none() {
            channels_last(x)?;
        }
        let (output, cut) = self.place(input, output_padding)?;
        let shape = conv_shape(&self.window, &output, &cut, [self.filters, channels], self.groups);
        check_lengths(&shape, batch, &output, self.filters)?;
        Ok(shape)
    }
}

impl<const N: usize> Layer for ConvTranspose<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let spread = Spread {
            window: self.window(),
            output_padding: self.output_padding.as_ref().map(|cells| &cells[..]),
            kernel: &self.kernel,
            filters: self.filters,
            groups: self.groups,
        };
        let (x, output_padding) = spread.lengthened(x)?;
        let shape = spread.shape(&x, output_padding.as_deref())?;
        let kernel = [&self.kernel_size[..], &[self.filters / self.groups, shape.filters]].concat();
        let (bias, activation) = (self.bias(), self.activation.as_ref());
        let weights = KernelAndBias { kernel: &self.kernel, bias, activation, outputs: self.filters };
        weights.apply(&x, &kernel, |_| Transposed::new(shape, &self.kernel))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("kernel", self.kernel());
        self.bias().into_iter().for_each(|bias| list.add("bias", bias));
    }
}
