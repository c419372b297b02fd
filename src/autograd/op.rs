//! One differentiable operation.

use std::any::Any;

use ndarray::{Dimension, IxDyn};

use super::{ContributionRule, Dependence, ExampleGradients, OnnxForm};
use crate::tensor::{Float, Tensor, add_into, zeros_of};

/// One differentiable operation: `forward` fills the struct, `backward` reads it.
///
/// Shapes are checked by whoever applies the operation (a layer, a method of [`Var`](crate::Var)), so an operation
/// itself does not fail.
///
/// ```
/// use gradus::prelude::*;
///
/// /// `y = x²`
/// #[derive(Default)]
/// struct Square { x: Tensor }
///
/// impl Op for Square {
///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
///         self.x = inputs[0].clone();
///         self.x.mapv(|x| x * x).into_shared()
///     }
///     /// `dx = 2 x dy`
///     fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
///         dx.add(0, || (&self.x * dy * 2.0).into_shared());
///     }
/// }
///
/// let tape = Tape::training();
/// let x = tape.variable(ndarray::arr1(&[3.0]));
/// let y = tape.apply(Square::default(), &[&x]);
/// assert_eq!(y.sum().backward()?.of(&x).unwrap()[[0]], 6.0);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Op: Any {
    /// Computes the value, and keeps in `self` what `backward` will need.
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor;

    /// Given the gradient of the value, adds the gradients of the inputs. Each has the shape of its input; another
    /// is an error of `Var::backward`.
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>);

    /// Given the gradient of the value, returns those of input `i`, a parameter, by each example of the batch, which axis 0 counts. Private
    /// training then runs many examples at a time. The default has none: each example runs on its own, with the same result.
    fn by_example(&self, dy: &Tensor, i: usize) -> Option<ExampleGradients> {
        let _ = (dy, i);
        None
    }

    /// How contributions to the difference from a baseline go back to the first input, for
    /// [`deep_lift`](crate::explain::deep_lift). The default is by the gradient.
    fn contribution_rule(&self) -> ContributionRule {
        ContributionRule::Gradient
    }

    /// How the value depends on the examples of a batch. Say [`Dependence::per_example`] if each row of axis 0 is
    /// computed on its own, and the trainer may run the batch in parts; the default is always right.
    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::across_batch(inputs)
    }

    /// Whether axes 0 and 1 of the value still count the examples and time steps of the inputs, so that their
    /// [mask](crate::Var::mask) goes on. Asked only if the value is as long along both as the mask is.
    fn keeps_steps(&self) -> bool {
        true
    }

    /// Writes the operation as nodes of ONNX, after its `forward`, and returns the name of the value. The default has no such form:
    /// a model that applies the operation is not exported.
    ///
    /// ```
    /// use gradus::{OnnxForm, prelude::*};
    /// # use gradus::{InputGrads, Op};
    /// # struct Square { x: Tensor }
    /// # impl Op for Square {
    /// #     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { inputs[0].mapv(|x| x * x).into_shared() }
    /// #     fn backward(&self, _: &Tensor, _: &mut InputGrads<'_>) {}
    /// // `y = x²` as `Mul(x, x)`
    /// fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
    ///     let x = form.input(0);
    ///     Some(form.node("Mul", &[&x, &x], &[]))
    /// }
    /// # }
    /// ```
    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let _ = form;
        None
    }
}

/// Where an operation leaves the gradients of its inputs; unwanted ones are never computed.
#[derive(Debug)]
pub struct InputGrads<'a> {
    pub(super) inputs: &'a [Option<usize>],
    /// Of the values of all nodes.
    pub(super) shapes: &'a [Option<IxDyn>],
    pub(super) grads: &'a mut [Option<Tensor>],
    /// An input whose gradient had another shape, that shape, and the one expected.
    pub(super) odd: Option<(usize, Vec<usize>, Vec<usize>)>,
}

impl InputGrads<'_> {
    /// Whether there is an input `i` and anybody wants its gradient.
    pub fn wants(&self, i: usize) -> bool {
        self.inputs.get(i).is_some_and(Option::is_some)
    }

    /// Adds to the gradient of input `i`. The closure runs only if there is that input and its gradient is wanted.
    pub fn add(&mut self, i: usize, grad: impl FnOnce() -> Tensor) {
        if self.wants(i) {
            self.add_to(i, grad());
        }
    }

    /// Adds to a part of the gradient of input `i`, which has this shape: the closure sees all of it, zeros at first. For
    /// an operation that takes a few of many numbers, and is applied many times to the same input.
    pub fn add_part(&mut self, i: usize, shape: &[usize], change: impl FnOnce(&mut [Float])) {
        if let Some(node) = self.inputs.get(i).copied().flatten()
            && self.fits(i, node, shape)
        {
            let slot = &mut self.grads[node];
            let mut sum = slot.take().unwrap_or_else(|| zeros_of(shape));
            change(sum.as_slice_mut().expect("gradients are in standard layout"));
            *slot = Some(sum);
        }
    }

    /// Remembers that a shape is not that of the input, which is an error after the operation.
    fn fits(&mut self, i: usize, node: usize, shape: &[usize]) -> bool {
        let sum = self.grads[node].as_ref().map(|sum| sum.shape());
        match sum.or_else(|| self.shapes[node].as_ref().map(|own| own.slice())) {
            Some(expected) if shape != expected => {
                self.odd = Some((i, shape.into(), expected.into()));
                false
            }
            _ => true,
        }
    }

    fn add_to(&mut self, i: usize, grad: Tensor) {
        let Some(node) = self.inputs[i] else { return };
        let grad = standard(grad);
        if !self.fits(i, node, grad.shape()) {
            return;
        }
        let slot = &mut self.grads[node];
        *slot = Some(match slot.take() {
            Some(sum) => {
                let sum = add_into(sum, &grad);
                crate::tensor::recycle(grad);
                sum
            }
            None => grad,
        });
    }
}

/// The tensor in standard layout, which everything on a tape has.
pub(super) fn standard(tensor: Tensor) -> Tensor {
    if tensor.is_standard_layout() { tensor } else { tensor.as_standard_layout().into_owned().into_shared() }
}
