//! How activations of each number alone are made: out of a value and a slope.

use std::any::Any;
use std::sync::Arc;

use super::Pointwise;
use crate::autograd::{ContributionRule, Dependence, InputGrads, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::config::Config;
use crate::kernels::curve::{self, Curve};
use crate::tensor::{Float, Tensor, data, empty, tensor};

/// Makes a type an activation, by its value at `x` and its slope, which is found from the value if `by_value` says so
/// (then it can become a part of the operation before it), else from `x`. A value that approaches an end as `exp(x)` does does not
/// slope there: such an activation is found from `x`, and may have another form for recurrent layers.
macro_rules! activation {
    (
        $type:ty,
        fn value($this:ident, $x:ident) $value:block
        fn slope($that:ident, $at:ident) $slope:block
        fn by_value($whose:ident) $by_value:block
        $(fn recurrent($mine:ident) $recurrent:block)?
    ) => {
        impl $crate::kernels::curve::Curve for $type {
            #[inline(always)]
            fn value(&$this, $x: $crate::tensor::Float) -> $crate::tensor::Float $value

            #[inline(always)]
            fn slope(&$that, $at: $crate::tensor::Float) -> $crate::tensor::Float $slope

            fn by_value(&$whose) -> bool $by_value
        }

        impl $crate::activations::Activation for $type {
            fn apply(&self, x: &$crate::autograd::Var) -> $crate::autograd::Var {
                $crate::activations::pointwise::apply_curve(x, *self, Self::describe)
            }

            fn config(&self) -> $crate::config::Config {
                self.describe()
            }

            $crate::activations::pointwise::activation!(@pointwise $(fn recurrent($mine) $recurrent)?);
        }
    };
    (@pointwise) => {
        fn pointwise(&self) -> Option<std::sync::Arc<dyn $crate::activations::Pointwise>> {
            $crate::activations::pointwise::of_values(*self, Self::describe)
        }
    };
    (@pointwise fn recurrent($mine:ident) $recurrent:block) => {
        fn pointwise(&$mine) -> Option<std::sync::Arc<dyn $crate::activations::Pointwise>> $recurrent
    };
}
pub(super) use activation;

/// Applies a curve as an operation of its own.
pub(crate) fn apply_curve<C: Curve>(x: &Var, curve: C, describe: fn(&C) -> Config) -> Var {
    apply_pointwise(x, Arc::new(OfCurve(curve, describe)), curve.by_value())
}

/// The curve for those who have its values only.
pub(super) fn of_values<C: Curve>(curve: C, describe: fn(&C) -> Config) -> Option<Arc<dyn Pointwise>> {
    curve.by_value().then(|| Arc::new(OfCurve(curve, describe)) as Arc<dyn Pointwise>)
}

/// A curve whose slope would better be found from `x`, for recurrent layers, which have the value only: where that has
/// reached its end, the slope is 0.
pub(super) fn from_value<C: Curve>(
    curve: C,
    slope: impl Fn(C, Float) -> Float + Copy + Send + Sync + 'static,
) -> Arc<dyn Pointwise> {
    Arc::new(OfCurve(FromValue(curve, slope), |_| Config::new("")))
}

#[derive(Clone, Copy)]
struct FromValue<C, S>(C, S);

impl<C: Curve, S: Fn(C, Float) -> Float + Copy + Send + Sync + 'static> Curve for FromValue<C, S> {
    #[inline(always)]
    fn value(&self, x: Float) -> Float {
        self.0.value(x)
    }

    #[inline(always)]
    fn slope(&self, y: Float) -> Float {
        (self.1)(self.0, y)
    }

    fn by_value(&self) -> bool {
        true
    }
}

struct OfCurve<C>(C, fn(&C) -> Config);

impl<C: Curve> Pointwise for OfCurve<C> {
    fn forward(&self, x: &mut [Float]) {
        curve::values(&self.0, x);
    }

    fn backward(&self, y: &[Float], dy: &mut [Float]) {
        curve::slopes(&self.0, y, dy);
    }

    fn is_monotone(&self) -> bool {
        self.0.by_value()
    }

    fn config(&self) -> Config {
        (self.1)(&self.0)
    }
}

impl Var {
    /// Applies a function of each number whose slope follows from its value. It becomes a part of the operation before it where that
    /// is a `Dense`, a convolution or the sum of a `Residual`, and is then applied while their output is in cache.
    #[must_use]
    pub fn pointwise(&self, function: Arc<dyn Pointwise>) -> Self {
        apply_pointwise(self, function, true)
    }
}

/// Applies a pointwise function as an operation of its own. If not `by_value`, its backward takes `x` in the place of `y`.
fn apply_pointwise(x: &Var, function: Arc<dyn Pointwise>, by_value: bool) -> Var {
    x.tape().apply(PointwiseOp { function, by_value, at: empty() }, &[x])
}

/// `y = f(x)`, remembered by `y` or by `x`. Not generic: all of it would be compiled for each function.
struct PointwiseOp {
    function: Arc<dyn Pointwise>,
    by_value: bool,
    at: Tensor,
}

/// The function of the operation that comes after another one, if that can take it in.
pub(crate) fn function_of(next: &dyn Any) -> Option<&Arc<dyn Pointwise>> {
    next.downcast_ref::<PointwiseOp>().filter(|next| next.by_value).map(|next| &next.function)
}

impl Op for PointwiseOp {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let mut y = buffer(inputs[0].len());
        curve::by_pieces(data(inputs[0]), &mut y, |_, y| self.function.forward(y));
        let y = tensor(inputs[0].shape(), y);
        self.at = if self.by_value { y.clone() } else { inputs[0].clone() };
        y
    }

    /// `dx = f'(x) dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let (mut out, at) = (buffer(dy.len()), data(&self.at));
            curve::by_pieces(data(dy), &mut out, |i, dy| self.function.backward(&at[i..i + dy.len()], dy));
            tensor(dy.shape(), out)
        });
    }

    fn contribution_rule(&self) -> ContributionRule {
        ContributionRule::Rescale
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        super::onnx::form(&*self.function, form, "in0")
    }
}
