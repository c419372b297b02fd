//! Softmax.

use super::Activation;
use crate::autograd::{Dependence, InputGrads, Op, Origin, Var};
use crate::buffers::buffer;
use crate::tensor::{Float, Tensor, data, tensor};

/// Softmax over the last axis: `y = exp(x) / Σ exp(x)`, computed from `x - max(x)`.
///
/// The cross-entropies recognise a prediction that comes out of it and work on `x`, in one stable operation.
///
/// ```
/// use gradus::prelude::*;
/// let y = Softmax.apply(&Tape::inference().input(ndarray::arr2(&[[1000.0, 1000.0]])));
/// assert_eq!(y.value().as_slice().unwrap(), [0.5, 0.5]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Softmax;

impl Activation for Softmax {
    fn apply(&self, x: &Var) -> Var {
        let y = Tensor::default(ndarray::IxDyn(&[]));
        x.tape().apply(SoftmaxOp { y }, &[x]).with_origin(Origin::Softmax(x.clone()))
    }
}

/// `y = exp(x) / Σ exp(x)` over the last axis
struct SoftmaxOp {
    y: Tensor,
}

impl Op for SoftmaxOp {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let mut y = buffer(inputs[0].len());
        y.copy_from_slice(data(inputs[0]));
        for row in y.chunks_mut(row_len(inputs[0])) {
            let max = row.iter().copied().fold(Float::NEG_INFINITY, Float::max);
            let mut sum = 0.0;
            for y in row.iter_mut() {
                *y = (*y - max).exp();
                sum += *y;
            }
            row.iter_mut().for_each(|y| *y /= sum);
        }
        self.y = tensor(inputs[0].shape(), y);
        self.y.clone()
    }

    /// `dx = y (dy - Σ y dy)`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let mut grad = buffer(dy.len());
            let len = row_len(dy);
            for ((grad, y), dy) in grad.chunks_mut(len).zip(data(&self.y).chunks(len)).zip(data(dy).chunks(len)) {
                let along: Float = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
                for ((grad, y), dy) in grad.iter_mut().zip(y).zip(dy) {
                    *grad = y * (dy - along);
                }
            }
            tensor(dy.shape(), grad)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.y.ndim() < 2 { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
    }
}

/// Length of the last axis; 1 for a scalar.
fn row_len(x: &Tensor) -> usize {
    x.shape().last().copied().unwrap_or(1).max(1)
}
