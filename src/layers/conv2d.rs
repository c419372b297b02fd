//! Convolution of images.

use std::any::Any;

use super::conv2d_op::Convolution;
use super::window::{Window, image_axes};
use super::{Layer, MaxPool2d, Padding, Size2};
use crate::activations::{Activation, Linear};
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::initializers::{Initializer, XavierUniform, Zeros};
use crate::kernels::conv2d::Conv2dShape;
use crate::param::{Param, ParamList};

/// Convolution of images: `y = activation(x * kernel + bias)`, where `*` slides the kernel over height and width
/// without turning it round.
///
/// In a [`Sequential`](crate::Sequential), a [`MaxPool2d`] right after it becomes part of the same operation.
///
/// # Shapes
/// input `[batch, height, width, channels]`, output `[batch, height', width', filters]`; kernel
/// `[kernel height, kernel width, channels / groups, filters]`, bias `[filters]`
/// # Defaults
/// stride 1, dilation 1, 1 group, no padding, no activation, with a bias, kernel Xavier uniform, bias zeros
/// # Errors
/// an input of other than four axes; channels other than those that the kernel was made for; channels or filters that
/// the groups do not divide; a kernel larger than the padded image; a size, stride or dilation of 0
/// # Example
/// ```
/// use gradus::prelude::*;
/// let layer = Conv2d::new(32, 3).activation(Relu);
/// let y = layer.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 28, 28, 1))))?;
/// assert_eq!(y.shape(), [2, 26, 26, 32]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// LeCun et al. 1989; Keras `Conv2D`, PyTorch `Conv2d` (whose images and kernels have their channels first)
#[doc(alias = "Conv2D")]
pub struct Conv2d {
    filters: usize,
    size: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
    padding: Padding,
    kernel: Param,
    bias: Option<Param>,
    activation: Box<dyn Activation>,
}

impl Conv2d {
    /// With this many filters, and a kernel of this size: a number, or `[height, width]`.
    pub fn new(filters: usize, kernel: impl Size2) -> Self {
        let size = kernel.pair();
        Self {
            filters,
            size,
            stride: [1, 1],
            dilation: [1, 1],
            groups: 1,
            padding: Padding::Valid,
            kernel: Self::kernel_param(size, filters, XavierUniform),
            bias: Some(Param::new(Zeros).pattern(&[Some(filters)])),
            activation: Box::new(Linear),
        }
    }

    fn kernel_param(size: [usize; 2], filters: usize, initializer: impl Initializer + 'static) -> Param {
        Param::new(initializer).pattern(&[Some(size[0]), Some(size[1]), None, Some(filters)])
    }

    /// Sets by how many pixels the kernel moves.
    pub fn stride(mut self, stride: impl Size2) -> Self {
        self.stride = stride.pair();
        self
    }

    /// Sets the distance between the kernel's pixels.
    pub fn dilation(mut self, dilation: impl Size2) -> Self {
        self.dilation = dilation.pair();
        self
    }

    /// Sets into how many groups channels and filters are split, each convolved on its own; as many as there are
    /// channels is a depthwise convolution.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Sets the zeros around the image.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Sets the activation.
    pub fn activation(mut self, activation: impl Activation + 'static) -> Self {
        self.activation = Box::new(activation);
        self
    }

    /// Sets whether there is a bias.
    pub fn use_bias(mut self, yes: bool) -> Self {
        self.bias = yes.then(|| self.bias.unwrap_or_else(|| Param::new(Zeros).pattern(&[Some(self.filters)])));
        self
    }

    /// Sets the kernel's first values.
    pub fn kernel_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.kernel = Self::kernel_param(self.size, self.filters, initializer);
        self
    }

    /// Sets the bias's first values.
    pub fn bias_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.bias = Some(Param::new(initializer).pattern(&[Some(self.filters)]));
        self
    }

    /// The kernel, `[kernel height, kernel width, channels / groups, filters]`.
    pub fn kernel(&self) -> &Param {
        &self.kernel
    }

    /// The bias, `[filters]`.
    pub fn bias(&self) -> Option<&Param> {
        self.bias.as_ref()
    }

    /// Checks everything that can be wrong, and says how the kernel slides over this input.
    fn shape(&self, x: &Var) -> Result<Conv2dShape> {
        let [_, height, width, channels] = image_axes(x.shape())?;
        let (filters, groups) = (self.filters, self.groups);
        if filters == 0 || channels == 0 {
            return Err(Error::value(format!(
                "expected at least 1 filter and 1 channel, got {filters} and {channels}"
            )));
        }
        if groups == 0 || channels % groups != 0 || filters % groups != 0 {
            return Err(Error::value(format!(
                "expected a number of groups that divides {channels} channels and {filters} filters, got {groups}"
            )));
        }
        if let Some(known) = self.kernel.shape().filter(|shape| shape[2] != channels / groups) {
            let (known, shape) = (known[2] * groups, x.shape());
            return Err(Error::shape(format!(
                "expected {known} channels in the last axis, got input {shape:?}; images are \
                 [batch, height, width, channels]: feed what it was made for, or make a new layer"
            )));
        }
        let window = Window { size: self.size, stride: self.stride, dilation: self.dilation, padding: self.padding };
        let (padding, _) = window.place([height, width])?;
        let (kernel, stride, dilation) = (self.size, self.stride, self.dilation);
        Ok(Conv2dShape { height, width, channels, filters, kernel, stride, dilation, groups, padding })
    }

    fn run(&self, x: &Var, shape: Conv2dShape, pool: Option<[usize; 2]>) -> Result<Var> {
        let [height, width] = self.size;
        let kernel = self.kernel.on(x, &[height, width, shape.channels / shape.groups, self.filters])?;
        let bias = self.bias.as_ref().map(|bias| bias.on(x, &[self.filters])).transpose()?;
        let pointwise = self.activation.pointwise();
        let op = Convolution::new(shape, pool, &self.kernel, pointwise.clone());
        let y = match &bias {
            Some(bias) => x.tape().apply(op, &[x, &kernel, bias]),
            None => x.tape().apply(op, &[x, &kernel]),
        };
        Ok(if pointwise.is_some() { y } else { self.activation.apply(&y) })
    }
}

impl Layer for Conv2d {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.run(x, self.shape(x)?, None)
    }

    /// With a max pooling whose windows tile the image, the convolution's output is never stored, nor computed where no
    /// window covers it. The activation then comes after the maximum, so it must be monotone.
    fn forward_with(&self, x: &Var, next: &dyn Layer) -> Option<Result<Var>> {
        let pool = (next as &dyn Any).downcast_ref::<MaxPool2d>()?.tiles()?;
        let monotone = self.activation.pointwise().is_some_and(|activation| activation.is_monotone());
        // Whatever is wrong with the input is reported by the layer that it concerns.
        let shape = self.shape(x).ok()?;
        let [height, width] = shape.out();
        let fits = height >= pool[0] && width >= pool[1];
        (monotone && fits).then(|| self.run(x, shape, Some(pool)))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("kernel", &self.kernel);
        if let Some(bias) = &self.bias {
            list.add("bias", bias);
        }
    }
}
