//! Sparsemax along an axis.

use super::resolve;
use super::softmax::{along, constant, dependence};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::error::Result;
use crate::order::sort;
use crate::tensor::{Float, Tensor, empty};

impl Var {
    /// Returns the point of the simplex that is nearest to `x`, along an axis: like a softmax that is 0 for small
    /// numbers. Negative axes count from the end.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn sparsemax(&self, axis: isize) -> Result<Self> {
        Ok(sparsemax_over(self, resolve("sparsemax", axis, self.value.shape())?))
    }
}

/// Sparsemax; the whole of a scalar counts as an axis.
pub(crate) fn sparsemax_over(x: &Var, axis: usize) -> Var {
    let y = x.tape().apply(Sparsemax { axis, y: empty() }, &[x]);
    match constant(x, axis, "Sparsemax") {
        Some(constant) => y.with_origin(constant),
        None => y,
    }
}

/// `y = max(x - t, 0)`, with `t` such that `Σ y = 1`
struct Sparsemax {
    axis: usize,
    y: Tensor,
}

impl Op for Sparsemax {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.y = along([inputs[0]], self.axis, |[x], y, len| {
            for (x, y) in x.chunks(len.max(1)).zip(y.chunks_mut(len.max(1))) {
                y.copy_from_slice(x);
                let t = threshold(y);
                // Not `max`, which would hide NaN.
                y.iter_mut().zip(x).for_each(|(y, x)| *y = if *x < t { 0.0 } else { x - t });
            }
        });
        self.y.clone()
    }

    /// `dx = dy - mean(dy)` where `y` is positive, the mean taken there; elsewhere 0
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            along([&self.y, dy], self.axis, |[y, dy], dx, len| {
                let rows = y.chunks(len.max(1)).zip(dy.chunks(len.max(1))).zip(dx.chunks_mut(len.max(1)));
                for ((y, dy), dx) in rows {
                    let present = || dy.iter().zip(y).filter(|(_, y)| **y > 0.0).map(|(dy, _)| dy);
                    let mean = present().sum::<Float>() / present().count().max(1) as Float;
                    for ((dx, dy), y) in dx.iter_mut().zip(dy).zip(y) {
                        *dx = if *y > 0.0 { dy - mean } else { 0.0 };
                    }
                }
            })
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        dependence(self.axis, inputs)
    }
}

/// What to subtract: the greatest numbers that stay above it sum to 1 then. Sorts the row.
fn threshold(row: &mut [Float]) -> Float {
    sort(row);
    let (mut sum, mut threshold) = (0.0, Float::NAN);
    for (i, x) in row.iter().rev().enumerate() {
        sum += f64::from(*x);
        let candidate = (sum - 1.0) / (i + 1) as f64;
        if f64::from(*x) <= candidate {
            break;
        }
        threshold = candidate as Float;
    }
    threshold
}

#[cfg(test)]
mod tests {
    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn nearest_points_of_the_simplex() {
        let x = Tape::inference().input(ndarray::arr2(&[[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 8.5, 8.75]]));
        let y = x.sparsemax(-1).unwrap();
        let third = 1.0 / 3.0;
        let want = [0.25, 0.25, 0.25, 0.25, third + 0.25, 0.0, third - 0.25, third];
        y.value().iter().zip(want).for_each(|(y, want)| assert!((y - want).abs() < 1e-6, "{y} {want}"));
        let bad = Tape::inference().input(ndarray::arr2(&[[Float::NAN, 1.0]])).sparsemax(1).unwrap();
        assert!(bad.value().iter().all(|y| y.is_nan()));
        assert!(x.sparsemax(2).is_err());
    }
}
