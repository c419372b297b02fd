//! Separable convolution of sequences and images.

use super::window::window_setters;
use super::{Conv, DepthwiseConv, Layer, Padding, Size};
use crate::activations::Activation;
use crate::autograd::Var;
use crate::error::Result;
use crate::initializers::Initializer;
use crate::param::{Param, ParamList};

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
/// those of [`DepthwiseConv`] and [`Conv`]
/// # Example
/// ```
/// use gradus::prelude::*;
/// let layer = SeparableConv2d::new(16, 3).stride(2).activation(Relu);
/// let y = layer.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 15, 15, 8))))?;
/// assert_eq!(y.shape(), [2, 7, 7, 16]);
/// assert_eq!(layer.parameters()[1].0, "pointwise_kernel");
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Chollet 2017 (Xception)
pub struct SeparableConv<const N: usize> {
    depthwise: DepthwiseConv<N>,
    pointwise: Conv<N>,
}

/// Separable convolution of sequences. See [`SeparableConv`] for defaults and errors.
///
/// # Shapes
/// input `[batch, time, channels]`, output `[batch, time', filters]`
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = Tape::inference().input(ndarray::Array3::<f32>::ones((2, 50, 4)));
/// assert_eq!(SeparableConv1d::new(8, 3).padding(Padding::Causal).forward(&x)?.shape(), [2, 50, 8]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `SeparableConv1D`
#[doc(alias = "SeparableConv1D")]
pub type SeparableConv1d = SeparableConv<1>;

/// Separable convolution of images. See [`SeparableConv`] for defaults and errors.
///
/// # Shapes
/// input `[batch, height, width, channels]`, output `[batch, height', width', filters]`
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 14, 14, 8)));
/// assert_eq!(SeparableConv2d::new(16, 3).depth_multiplier(2).forward(&x)?.shape(), [2, 12, 12, 16]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `SeparableConv2D`
#[doc(alias = "SeparableConv2D")]
pub type SeparableConv2d = SeparableConv<2>;

impl<const N: usize> SeparableConv<N> {
    /// With this many filters, and a depthwise kernel of this size: a number, or one for each direction.
    pub fn new(filters: usize, kernel: impl Size<N>) -> Self {
        Self { depthwise: DepthwiseConv::new(kernel).use_bias(false), pointwise: Conv::new(filters, 1) }
    }

    /// Sets how many depthwise filters each channel has.
    pub fn depth_multiplier(mut self, filters: usize) -> Self {
        self.depthwise = self.depthwise.depth_multiplier(filters);
        self
    }

    /// Sets the depthwise kernel's first values.
    pub fn depthwise_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.depthwise = self.depthwise.kernel_initializer(initializer);
        self
    }

    /// Sets the pointwise kernel's first values.
    pub fn pointwise_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.pointwise = self.pointwise.kernel_initializer(initializer);
        self
    }

    /// The depthwise kernel, `[kernel size.., channels, depth_multiplier]`.
    pub fn depthwise_kernel(&self) -> &Param {
        self.depthwise.kernel()
    }

    /// The pointwise kernel, `[1.., channels · depth_multiplier, filters]`.
    pub fn pointwise_kernel(&self) -> &Param {
        self.pointwise.kernel()
    }
}

window_setters!(SeparableConv, depthwise.window);
super::weights::weight_setters!(output SeparableConv, pointwise.weights);

impl<const N: usize> Layer for SeparableConv<N> {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.pointwise.forward(&self.depthwise.forward(x)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("depthwise_kernel", self.depthwise_kernel());
        list.add("pointwise_kernel", self.pointwise_kernel());
        self.bias().into_iter().for_each(|bias| list.add("bias", bias));
    }

    fn kind(&self) -> &'static str {
        ["SeparableConv1d", "SeparableConv2d", "SeparableConv3d"][N - 1]
    }
}
