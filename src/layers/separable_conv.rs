//! Separable convolution of sequences and images.

use super::conv::sliding;
use super::conv_op::Convolution;
use super::kernel_and_bias::KernelAndBias;
use super::names::names;
use super::window::{Edges, Window, kernel_shape};
use super::{DepthwiseConv, Layer, Padding};
use crate::activations::{Activation, Linear};
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::Result;
use crate::initializers::{Initializer, XavierUniform, Zeros};

described! {
    /// A depthwise convolution over `N` axes, which looks around within each channel, and one of size 1 after it, which mixes
    /// the channels: `y = activation(depthwise(x) · pointwise + bias)`.
    ///
    /// [`SeparableConv1d`] and [`SeparableConv2d`] are its names.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, lengths'.., filters]`; depthwise kernel
    /// `[kernel size.., channels, depth_multiplier]`, pointwise kernel `[1.., channels · depth_multiplier, filters]`, bias
    /// `[filters]`
    /// # Defaults
    /// depth multiplier 1, stride 1, dilation 1, no padding, no activation, with a bias, kernels Xavier uniform, bias zeros
    /// # Errors
    /// those of [`DepthwiseConv`] and [`Conv`](super::Conv)
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = SeparableConv2d::new(16, 3).strides(2).activation(Relu);
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 15, 15, 8))))?;
    /// assert_eq!(y.shape(), [2, 7, 7, 16]);
    /// assert_eq!(layer.parameters()[1].0, "pointwise_kernel");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Chollet 2017 (Xception)
    pub struct SeparableConv<const N: usize> as ["SeparableConv1d", "SeparableConv2d", "SeparableConv3d"] (
        /// The number of filters.
        filters: [usize],
        /// The size of the depthwise kernel.
        kernel_size: [size N],
    ) {
        /// How many depthwise filters each channel has.
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
        depthwise_kernel: depthwise_initializer = XavierUniform,
        pointwise_kernel: pointwise_initializer = XavierUniform,
        bias: bias_initializer = Zeros,
    }
}

names! {
    SeparableConv: "Separable convolution", output "filters";
    1 SeparableConv1d "SeparableConv1D", "": "(2, 50, 4)" {
        "SeparableConv1d::new(8, 3).padding(Padding::Causal)" => "[2, 50, 8]"
    }
    2 SeparableConv2d "SeparableConv2D", "": "(2, 14, 14, 8)" {
        "SeparableConv2d::new(16, 3).depth_multiplier(2)" => "[2, 12, 12, 16]"
    }
}

impl<const N: usize> SeparableConv<N> {
    /// Returns the depthwise kernel, `[kernel size.., channels, depth_multiplier]`.
    pub fn depthwise_kernel(&self) -> &Param {
        self.depthwise_kernel.shaped(&kernel_shape(&self.kernel_size, [None, Some(self.depth_multiplier)]))
    }

    /// Returns the pointwise kernel, `[1.., channels · depth_multiplier, filters]`.
    pub fn pointwise_kernel(&self) -> &Param {
        self.pointwise_kernel.shaped(&kernel_shape(&[1; N], [None, Some(self.filters)]))
    }

    /// Returns the bias, one number for each filter.
    pub fn bias(&self) -> Option<&Param> {
        self.use_bias.then(|| self.bias.shaped(&[Some(self.filters)]))
    }

    /// The depthwise part, with this layer's kernel.
    fn depthwise(&self) -> DepthwiseConv<N> {
        let mut part = DepthwiseConv::new(self.kernel_size)
            .depth_multiplier(self.depth_multiplier)
            .strides(self.strides)
            .padding(self.padding)
            .dilation_rate(self.dilation_rate)
            .use_bias(false);
        part.kernel = self.depthwise_kernel.clone();
        part
    }
}

impl<const N: usize> Layer for SeparableConv<N> {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.depthwise().forward(x)?;
        let ones = &[1; N][..];
        let window = Window { size: ones, stride: ones, dilation: ones, padding: Edges::Valid };
        let shape = sliding(&window, &self.pointwise_kernel, &x, [self.filters, 1], 1)?;
        let kernel = [ones, &[shape.channels, self.filters]].concat();
        let (kernel_param, bias, activation) = (&self.pointwise_kernel, self.bias(), self.activation.as_ref());
        let weights = KernelAndBias { kernel: kernel_param, bias, activation, outputs: self.filters };
        weights.apply(&x, &kernel, |has_gradient| Convolution::new(shape, kernel_param, has_gradient))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("depthwise_kernel", self.depthwise_kernel());
        list.add("pointwise_kernel", self.pointwise_kernel());
        self.bias().into_iter().for_each(|bias| list.add("bias", bias));
    }

    config!();
}
