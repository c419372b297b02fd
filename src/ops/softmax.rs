//! Softmax and its logarithm along an axis.

use super::resolve;
use crate::autograd::{ContributionRule, Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Origin, Var};
use crate::buffers::buffer;
use crate::error::Result;
use crate::kernels::softmax;
use crate::tensor::{Float, Tensor, data, empty, recycle, tensor};

impl Var {
    /// Returns `exp(x) / Σ exp(x)` along an axis, computed from `x - max(x)`. Negative axes count from the end.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn softmax(&self, axis: isize) -> Result<Self> {
        Ok(softmax_over(self, resolve("softmax", axis, self.value.shape())?))
    }

    /// Returns the logarithm of [`Var::softmax`], which stays finite where the latter is 0: `x - ln Σ exp(x)`.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn log_softmax(&self, axis: isize) -> Result<Self> {
        Ok(log_softmax_over(self, resolve("log_softmax", axis, self.value.shape())?))
    }
}

/// Softmax; the whole of a scalar counts as an axis.
pub(crate) fn softmax_over(x: &Var, axis: usize) -> Var {
    let y = x.tape().apply(Softmax { axis, y: empty() }, &[x]);
    match constant(x, axis, "Softmax") {
        Some(constant) => y.with_origin(constant),
        // Losses know it over the last axis only.
        None if axis + 1 < x.value.shape().len() => y,
        None => y.with_origin(Origin::Softmax(x.clone())),
    }
}

/// Its logarithm; the whole of a scalar counts as an axis.
pub(crate) fn log_softmax_over(x: &Var, axis: usize) -> Var {
    let y = x.tape().apply(LogSoftmax { axis, y: empty() }, &[x]);
    match constant(x, axis, "LogSoftmax") {
        Some(constant) => y.with_origin(constant),
        None if axis + 1 < x.value.shape().len() => y,
        None => y.with_origin(Origin::LogSoftmax),
    }
}

/// Over an axis of length 1, other than the batch, nothing is left of the input.
pub(super) fn constant(x: &Var, axis: usize, activation: &'static str) -> Option<Origin> {
    (axis > 0 && x.value.shape().get(axis) == Some(&1)).then_some(Origin::Constant(activation))
}

/// Calls `work` on `N` arrays and on what it computes from them, with the axis as the last one: in rows of `len`.
pub(super) fn along<const N: usize>(
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

/// Matrices of this many rows and columns, one after the other, each transposed.
fn transposed(x: &[Float], rows: usize, columns: usize) -> Vec<Float> {
    let mut out = buffer(x.len());
    let len = (rows * columns).max(1);
    for (x, out) in x.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
        for (j, out) in out.chunks_exact_mut(rows).enumerate() {
            out.iter_mut().enumerate().for_each(|(i, out)| *out = x[i * columns + j]);
        }
    }
    out
}

pub(super) fn dependence(axis: usize, inputs: &[Dependence]) -> Dependence {
    if axis == 0 { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
}

/// `y = exp(x) / Σ exp(x)`
struct Softmax {
    axis: usize,
    y: Tensor,
}

impl Op for Softmax {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.y = along([inputs[0]], self.axis, |[x], y, len| {
            y.copy_from_slice(x);
            softmax::softmax(y, len);
        });
        self.y.clone()
    }

    /// `dx = y (dy - Σ y dy)`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || along([&self.y, dy], self.axis, |[y, dy], dx, len| softmax::softmax_backward(y, dy, dx, len)));
    }

    fn contribution_rule(&self) -> ContributionRule {
        ContributionRule::Softmax
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        dependence(self.axis, inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        Some(form.node("Softmax", &["in0"], &[("axis", OnnxAttribute::Int(self.axis as i64))]))
    }
}

/// `y = x - ln Σ exp(x)`
struct LogSoftmax {
    axis: usize,
    y: Tensor,
}

impl Op for LogSoftmax {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.y = along([inputs[0]], self.axis, |[x], y, len| {
            y.copy_from_slice(x);
            softmax::log_softmax(y, len);
        });
        self.y.clone()
    }

    /// `dx = dy - exp(y) Σ dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || along([&self.y, dy], self.axis, |[y, dy], dx, len| softmax::log_softmax_backward(y, dy, dx, len)));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        dependence(self.axis, inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        Some(form.node("LogSoftmax", &["in0"], &[("axis", OnnxAttribute::Int(self.axis as i64))]))
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
