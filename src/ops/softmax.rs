//! Softmax, its logarithm and sparsemax along an axis.

use super::{resolve, sparsemax};
use crate::autograd::{ContributionRule, Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Origin, Var};
use crate::buffers::buffer;
use crate::config::named;
use crate::error::Result;
use crate::kernels::softmax;
use crate::tensor::{Float, Tensor, data, empty, recycle, tensor, transposed};

impl Var {
    /// Returns `exp(x) / Σ exp(x)` along an axis, computed from `x - max(x)`. Negative axes count from the end.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn softmax(&self, axis: isize) -> Result<Self> {
        Distribution::Softmax.along(self, axis)
    }

    /// Returns the logarithm of [`Var::softmax`], which stays finite where the latter is 0: `x - ln Σ exp(x)`.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn log_softmax(&self, axis: isize) -> Result<Self> {
        Distribution::LogSoftmax.along(self, axis)
    }

    /// Returns the point of the simplex that is nearest to `x`, along an axis: like a softmax that is 0 for small
    /// numbers. Negative axes count from the end.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn sparsemax(&self, axis: isize) -> Result<Self> {
        Distribution::Sparsemax.along(self, axis)
    }
}

/// What makes shares of 1, or their logarithms, of the numbers along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distribution {
    /// `y = exp(x) / Σ exp(x)`
    Softmax,
    /// `y = x - ln Σ exp(x)`
    LogSoftmax,
    /// `y = max(x - t, 0)`, with `t` such that `Σ y = 1`
    Sparsemax,
}

named!(Distribution { Softmax = "Softmax", LogSoftmax = "LogSoftmax", Sparsemax = "Sparsemax" });

impl Distribution {
    /// The name of the activation, and that of the method.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Softmax => ["Softmax", "softmax"],
            Self::LogSoftmax => ["LogSoftmax", "log_softmax"],
            Self::Sparsemax => ["Sparsemax", "sparsemax"],
        }
    }

    /// Along an axis that may count from the end.
    pub(crate) fn along(self, x: &Var, axis: isize) -> Result<Var> {
        Ok(self.over(x, resolve(self.names()[1], axis, x.value.shape())?))
    }

    /// Along the last axis; the whole of a scalar counts as one.
    pub(crate) fn over_last(self, x: &Var) -> Var {
        self.over(x, x.value.shape().len().saturating_sub(1))
    }

    fn over(self, x: &Var, axis: usize) -> Var {
        let y = x.tape().apply(Shares { distribution: self, axis, y: empty() }, &[x]);
        let shape = x.value.shape();
        if axis > 0 && shape[axis] == 1 {
            // Nothing is left of the input.
            return y.with_origin(Origin::Constant(self.names()[0]));
        }
        // Losses know it over the last axis only.
        match self {
            Self::Softmax if axis + 1 >= shape.len() => y.with_origin(Origin::Softmax(x.clone())),
            Self::LogSoftmax if axis + 1 >= shape.len() => y.with_origin(Origin::LogSoftmax),
            _ => y,
        }
    }
}

/// Calls `work` on `N` arrays and on what it computes from them, with the axis as the last one: in rows of `len`.
fn along<const N: usize>(
    inputs: [&Tensor; N],
    axis: usize,
    work: impl Fn([&[Float]; N], &mut [Float], usize),
) -> Tensor {
    let shape = inputs[0].shape();
    let len = shape.get(axis).copied().unwrap_or(1);
    let step = shape.get(axis + 1..).unwrap_or_default().iter().product();
    let mut out = buffer(inputs[0].len());
    if step == 1 {
        work(inputs.map(data), &mut out, len);
        return tensor(shape, out);
    }
    let lines = inputs.map(|input| transposed(data(input), len, step));
    work(lines.each_ref().map(Vec::as_slice), &mut out, len);
    let back = transposed(&out, step, len);
    lines.into_iter().chain([out]).for_each(|lines| recycle(tensor(&[lines.len()], lines)));
    tensor(shape, back)
}

/// `y` of a [`Distribution`]
struct Shares {
    distribution: Distribution,
    axis: usize,
    y: Tensor,
}

impl Op for Shares {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.y = along([inputs[0]], self.axis, |[x], y, len| {
            y.copy_from_slice(x);
            match self.distribution {
                Distribution::Softmax => softmax::softmax(y, len),
                Distribution::LogSoftmax => softmax::log_softmax(y, len),
                Distribution::Sparsemax => sparsemax::forward(x, y, len),
            }
        });
        self.y.clone()
    }

    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let backward = match self.distribution {
            Distribution::Softmax => softmax::softmax_backward,
            Distribution::LogSoftmax => softmax::log_softmax_backward,
            Distribution::Sparsemax => sparsemax::backward,
        };
        dx.add(0, || along([&self.y, dy], self.axis, |[y, dy], dx, len| backward(y, dy, dx, len)));
    }

    fn contribution_rule(&self) -> ContributionRule {
        match self.distribution {
            Distribution::Softmax => ContributionRule::Softmax,
            _ => ContributionRule::Gradient,
        }
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.axis == 0 { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        match self.distribution {
            Distribution::Sparsemax => None,
            other => Some(form.node(other.names()[0], &["in0"], &[("axis", OnnxAttribute::Int(self.axis as i64))])),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr2, arr3};

    use crate::autograd::Tape;

    #[test]
    fn stays_finite_far_out() {
        let x = Tape::inference().input(arr2(&[[1000.0, -1000.0], [-1000.0, -1000.0]]));
        assert_eq!(x.softmax(1).unwrap().value().as_slice().unwrap(), [1.0, 0.0, 0.5, 0.5]);
        let y = x.log_softmax(-1).unwrap();
        assert_eq!(y.value()[[0, 1]], -2000.0);
        assert!((y.value()[[1, 0]] + std::f64::consts::LN_2 as crate::tensor::Float).abs() < 1e-6);
    }

    #[test]
    fn any_axis_is_the_last_one_after_a_permutation() {
        let tape = Tape::inference();
        let x = tape.input(arr3(&[[[1.0, 2.0], [3.0, 5.0], [0.0, -1.0]], [[4.0, 4.0], [1.0, 0.0], [2.0, 2.0]]]));
        let want = x.permute(&[0, 2, 1]).unwrap().softmax(-1).unwrap().permute(&[0, 2, 1]).unwrap();
        assert_eq!(x.softmax(1).unwrap().value(), want.value());
        assert!(x.softmax(3).is_err());
    }
}
