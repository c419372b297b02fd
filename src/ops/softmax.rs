//! Softmax and its logarithm along an axis.

use super::resolve;
use crate::autograd::{Dependence, InputGrads, Op, Origin, Var};
use crate::buffers::buffer;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data, tensor};

impl Var {
    /// `exp(x) / Σ exp(x)` along an axis, computed from `x - max(x)`. Negative axes count from the end.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn softmax(&self, axis: isize) -> Result<Self> {
        Ok(softmax_over(self, resolve("softmax", axis, self.shape())?))
    }

    /// The logarithm of [`Var::softmax`], which stays finite where the latter is 0: `x - ln Σ exp(x)`.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn log_softmax(&self, axis: isize) -> Result<Self> {
        Ok(log_softmax_over(self, resolve("log_softmax", axis, self.shape())?))
    }
}

/// Softmax; the whole of a scalar counts as an axis.
pub(crate) fn softmax_over(x: &Var, axis: usize) -> Var {
    let y = x.tape().apply(Softmax { axis, y: Tensor::default(ndarray::IxDyn(&[])) }, &[x]);
    // Losses know it over the last axis only.
    if axis + 1 < x.shape().len() { y } else { y.with_origin(Origin::Softmax(x.clone())) }
}

/// Its logarithm; the whole of a scalar counts as an axis.
pub(crate) fn log_softmax_over(x: &Var, axis: usize) -> Var {
    let y = x.tape().apply(LogSoftmax { axis, y: Tensor::default(ndarray::IxDyn(&[])) }, &[x]);
    if axis + 1 < x.shape().len() { y } else { y.with_origin(Origin::LogSoftmax) }
}

/// The places of each line along an axis: its first one, and then a step and a length that all have in common.
pub(super) fn lines(shape: &[usize], axis: usize) -> (impl Iterator<Item = usize> + use<>, usize, usize) {
    let step: usize = shape.get(axis + 1..).unwrap_or_default().iter().product();
    let len = shape.get(axis).copied().unwrap_or(1);
    let total: usize = shape.iter().product();
    let starts = (0..total / (step * len).max(1)).flat_map(move |block| (0..step).map(move |i| block * step * len + i));
    (starts, step, len)
}

/// `x - max(x)` along an axis into `y`, and `visit` on each line of it.
fn shifted(x: &Tensor, axis: usize, visit: impl Fn(&mut [Float])) -> Tensor {
    let (starts, step, len) = lines(x.shape(), axis);
    let x_data = data(x);
    let mut y = buffer(x_data.len());
    let mut line = vec![0.0; len];
    for start in starts {
        let places = || (0..len).map(|i| start + i * step);
        line.iter_mut().zip(places()).for_each(|(line, i)| *line = x_data[i]);
        let max = line.iter().copied().fold(Float::NEG_INFINITY, Float::max);
        line.iter_mut().for_each(|x| *x -= max);
        visit(&mut line);
        line.iter().zip(places()).for_each(|(line, i)| y[i] = *line);
    }
    tensor(x.shape(), y)
}

/// `y = exp(x) / Σ exp(x)`
struct Softmax {
    axis: usize,
    y: Tensor,
}

impl Op for Softmax {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.y = shifted(inputs[0], self.axis, |line| {
            line.iter_mut().for_each(|x| *x = x.exp());
            let sum: Float = line.iter().sum();
            line.iter_mut().for_each(|x| *x /= sum);
        });
        self.y.clone()
    }

    /// `dx = y (dy - Σ y dy)`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let (starts, step, len) = lines(dy.shape(), self.axis);
            let (y, grad) = (data(&self.y), data(dy));
            let mut out = buffer(dy.len());
            for start in starts {
                let places = || (0..len).map(|i| start + i * step);
                let along: Float = places().map(|i| y[i] * grad[i]).sum();
                places().for_each(|i| out[i] = y[i] * (grad[i] - along));
            }
            tensor(dy.shape(), out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.axis == 0 { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
    }
}

/// `y = x - ln Σ exp(x)`
struct LogSoftmax {
    axis: usize,
    y: Tensor,
}

impl Op for LogSoftmax {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.y = shifted(inputs[0], self.axis, |line| {
            let log_sum = line.iter().map(|x| x.exp()).sum::<Float>().ln();
            line.iter_mut().for_each(|x| *x -= log_sum);
        });
        self.y.clone()
    }

    /// `dx = dy - exp(y) Σ dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let (starts, step, len) = lines(dy.shape(), self.axis);
            let (y, grad) = (data(&self.y), data(dy));
            let mut out = buffer(dy.len());
            for start in starts {
                let places = || (0..len).map(|i| start + i * step);
                let sum: Float = places().map(|i| grad[i]).sum();
                places().for_each(|i| out[i] = grad[i] - y[i].exp() * sum);
            }
            tensor(dy.shape(), out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.axis == 0 { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
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
        assert!((y.value()[[1, 0]] + std::f64::consts::LN_2 as crate::Float).abs() < 1e-6);
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
