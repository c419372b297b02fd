//! Layers with a way around them.

use std::any::Any;
use std::sync::Arc;

use super::kernel_and_bias::activation_gradient;
use super::merge::{check_broadcast, with_merged_mask};
use super::{Layer, Sequential};
use crate::activations::{Activation, Linear, Pointwise, function_of};
use crate::autograd::{Dependence, Fusible, InputGrads, OnnxForm, Op, ParamList, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::Result;
use crate::kernels::{curve, elementwise};
use crate::tensor::{Tensor, data, empty, tensor};

described! {
    /// A layer with a way around it: `y = activation(body(x) + shortcut(x))`.
    ///
    /// # Shapes
    /// input that of the body, output that of the body
    /// # Defaults
    /// the shortcut is the identity, no activation
    /// # Errors
    /// shapes of body and shortcut that cannot be added; those of its layers
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let block = |channels: usize| {
    ///     Residual::new(
    ///         Sequential::new()
    ///             .add(Conv2d::new(channels, 3).strides(2).padding(Padding::Same).use_bias(false))
    ///             .add(BatchNorm::new())
    ///             .add(Relu)
    ///             .add(Conv2d::new(channels, 3).padding(Padding::Same).use_bias(false))
    ///             .add(BatchNorm::new()),
    ///     )
    ///     .shortcut(Sequential::new().add(Conv2d::new(channels, 1).strides(2).use_bias(false)).add(BatchNorm::new()))
    ///     .activation(Relu)
    /// };
    /// let model = Sequential::new().add(block(8)).add(block(16));
    /// let y = model.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 8, 8, 3))))?;
    /// assert_eq!(y.shape(), [2, 2, 2, 16]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// He et al. 2016, "Deep Residual Learning for Image Recognition"
    #[doc(alias = "SkipConnection")]
    pub struct Residual(
        /// The layer.
        body: [dyn Layer],
    ) {
        /// What the way around does.
        shortcut: [dyn Layer] = Sequential::new(),
        /// The activation of the sum.
        activation: [dyn Activation] = Linear,
    }
}

impl Layer for Residual {
    fn forward(&self, x: &Var) -> Result<Var> {
        let body = x.tape().within("body", || self.body.forward(x))?;
        let shortcut = x.tape().within("shortcut", || self.shortcut.forward(x))?;
        check_broadcast(&body, &shortcut)?;
        let sum = match body.value.lengths() == shortcut.value.lengths() {
            true => x.tape().wait(Sum::new(None), &[&body, &shortcut]),
            false => &body + &shortcut,
        };
        let sum = with_merged_mask(sum, [&body, &shortcut]);
        Ok(self.activation.apply(&sum))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("body", self.body.as_ref());
        list.nest("shortcut", self.shortcut.as_ref());
    }

    config!();
}

/// `y = f(a + b)`, in one pass over memory
pub(super) struct Sum {
    activation: Option<Arc<dyn Pointwise>>,
    y: Tensor,
}

impl Sum {
    fn new(activation: Option<Arc<dyn Pointwise>>) -> Self {
        Self { activation, y: empty() }
    }

    /// Whether an operation is such a sum, without an activation.
    pub(super) fn is_plain(op: &dyn Any) -> bool {
        op.downcast_ref::<Self>().is_some_and(|sum| sum.activation.is_none())
    }
}

impl Fusible for Sum {
    fn shape(&self, inputs: &[Var]) -> Vec<usize> {
        inputs[0].value.lengths()
    }

    fn with(&self, next: &dyn Any, _: &[Var], _: &[&Var]) -> Option<Box<dyn Fusible>> {
        let activation = function_of(next).filter(|_| self.activation.is_none())?;
        Some(Box::new(Self::new(Some(activation.clone()))))
    }
}

impl Op for Sum {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (b, mut y) = (data(inputs[1]), buffer(inputs[0].len()));
        curve::by_pieces(data(inputs[0]), &mut y, |at, y| {
            elementwise::add_assign(y, &b[at..at + y.len()]);
            if let Some(activation) = &self.activation {
                activation.forward(y);
            }
        });
        self.y = tensor(inputs[0].shape(), y);
        self.y.clone()
    }

    /// `da = db = f'(a + b) dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        if !dx.wants(0) && !dx.wants(1) {
            return;
        }
        let dz = activation_gradient(self.activation.as_deref(), &self.y, dy);
        dx.add(0, || (*dz).clone());
        dx.add(1, || (*dz).clone());
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.activation.is_some() { Dependence::per_example(inputs) } else { Dependence::linear(inputs) }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let sum = form.node("Add", &["in0", "in1"], &[]);
        match &self.activation {
            Some(activation) => crate::activations::onnx::form(&**activation, form, &sum),
            None => Some(sum),
        }
    }
}
