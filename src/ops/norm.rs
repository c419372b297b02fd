//! Products, Euclidean norms, and logarithms of sums of exponentials.

use super::reduce::{Reduced, reductions};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::buffer;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data, empty, tensor};

#[derive(Clone, Copy)]
enum Reduction {
    Product,
    Norm,
    LogSumExp,
}

reductions! { aggregate(Reduction::Product):
    /// Returns the product of all numbers, a scalar; 1 of none.
    pub fn prod;
    /// Returns products over these axes, which disappear. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(x.prod_axes(&[-1])?.value().as_slice().unwrap(), [2.0, 12.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn prod_axes;
    pub fn prod_axes_keep;
}
reductions! { aggregate(Reduction::Norm):
    /// Returns the Euclidean norm of all numbers, `√Σ x²`, a scalar; its slope at 0 is 0.
    pub fn norm;
    /// Returns Euclidean norms, `√Σ x²`, over these axes, which disappear. Negative axes count from the end; slopes at
    /// 0 are 0.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[3.0, 4.0], [5.0, 12.0]]));
    /// assert_eq!(x.norm_axes(&[-1])?.value().as_slice().unwrap(), [5.0, 13.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn norm_axes;
    pub fn norm_axes_keep;
}
reductions! { aggregate(Reduction::LogSumExp):
    /// Returns `ln Σ exp(x)` of all numbers, a scalar, computed from `x - max(x)`; minus infinity of none.
    pub fn log_sum_exp;
    /// Returns `ln Σ exp(x)` over these axes, which disappear, computed from `x - max(x)`. Negative axes count from the
    /// end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1000.0, 0.0], [-1000.0, -2000.0]]));
    /// assert_eq!(x.log_sum_exp_axes(&[-1])?.value().as_slice().unwrap(), [1000.0, -1000.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "logsumexp")]
    pub fn log_sum_exp_axes;
    pub fn log_sum_exp_axes_keep;
}

impl Var {
    fn aggregate(&self, reduced: Reduced, kind: Reduction) -> Self {
        self.tape().apply(Aggregate { kind, reduced, x: empty(), y: empty() }, &[self])
    }
}

/// `y = Π x`, `√Σ x²` or `ln Σ exp(x)` over some axes
struct Aggregate {
    kind: Reduction,
    reduced: Reduced,
    x: Tensor,
    y: Tensor,
}

impl Aggregate {
    /// For each number of `y`, in `f64`: from `start`, what `f` makes of it with one number after the other.
    fn fold(&self, start: f64, f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let (x, folding) = (data(&self.x), self.reduced.folding(self.x.shape()));
        let mut sums = vec![start; folding.len()];
        folding.each(|from, to| sums[to] = f(sums[to], f64::from(x[from])));
        sums
    }

    /// For each number of `x` what `f` makes of its place, it, and the place of its `y`.
    fn spread(&self, f: impl Fn(f64, usize) -> f64) -> Tensor {
        let (x, folding) = (data(&self.x), self.reduced.folding(self.x.shape()));
        let mut out = buffer(x.len());
        folding.each(|from, to| out[from] = f(f64::from(x[from]), to) as Float);
        tensor(self.x.shape(), out)
    }
}

impl Op for Aggregate {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.x = inputs[0].clone();
        let sums = match self.kind {
            Reduction::Product => self.fold(1.0, |product, x| product * x),
            Reduction::Norm => {
                let mut sums = self.fold(0.0, |sum, x| sum + x * x);
                sums.iter_mut().for_each(|sum| *sum = sum.sqrt());
                sums
            }
            Reduction::LogSumExp => {
                let greatest = self.fold(f64::NEG_INFINITY, f64::max);
                let (x, folding) = (data(&self.x), self.reduced.folding(self.x.shape()));
                let mut sums = vec![0.0; folding.len()];
                // Of an infinite maximum the difference would be none.
                let shift = |to: usize| if greatest[to].is_finite() { greatest[to] } else { 0.0 };
                folding.each(|from, to| sums[to] += (f64::from(x[from]) - shift(to)).exp());
                sums.iter_mut().enumerate().for_each(|(to, sum)| *sum = shift(to) + sum.ln());
                sums
            }
        };
        let mut y = buffer(sums.len());
        y.iter_mut().zip(sums).for_each(|(y, sum)| *y = sum as Float);
        self.y = tensor(&self.reduced.shape, y);
        self.y.clone()
    }

    /// `dx = dy Π (the others)`, `dy x / y`, or `dy exp(x - y)`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let (y, dy) = (data(&self.y), data(dy));
        dx.add(0, || match self.kind {
            Reduction::Product => {
                let zeros = self.fold(0.0, |count, x| if x == 0.0 { count + 1.0 } else { count });
                let others = self.fold(1.0, |product, x| if x == 0.0 { product } else { product * x });
                self.spread(|x, to| match (zeros[to], x == 0.0) {
                    (0.0, _) => f64::from(dy[to]) * others[to] / x,
                    (1.0, true) => f64::from(dy[to]) * others[to],
                    _ => 0.0,
                })
            }
            Reduction::Norm => {
                self.spread(|x, to| if y[to] == 0.0 { 0.0 } else { f64::from(dy[to]) * x / f64::from(y[to]) })
            }
            Reduction::LogSumExp => self.spread(|x, to| match y[to] {
                Float::NEG_INFINITY => 0.0,
                y => f64::from(dy[to]) * (x - f64::from(y)).exp(),
            }),
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.reduced.keeps_rows() { Dependence::per_example(inputs) } else { Dependence::across_batch(inputs) }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn products_with_zeros_have_the_right_gradient() {
        let tape = Tape::training();
        let x = tape.variable(arr2(&[[2.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 3.0, 0.0]]));
        let grads = x.prod_axes(&[1]).unwrap().sum().backward().unwrap();
        assert_eq!(grads.of(&x).unwrap().as_slice().unwrap(), [12.0, 8.0, 6.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn infinities_and_nothing() {
        let tape = Tape::training();
        let none = tape.variable(ndarray::Array1::<Float>::zeros(0));
        assert_eq!((none.prod().item(), none.norm().item()), (1.0, 0.0));
        assert_eq!(none.log_sum_exp().item(), Float::NEG_INFINITY);
        let x = tape.variable(arr1(&[Float::NEG_INFINITY, 1.0]));
        assert_eq!(x.log_sum_exp().item(), 1.0);
        assert_eq!(x.log_sum_exp().backward().unwrap().of(&x).unwrap().as_slice().unwrap(), [0.0, 1.0]);
        let zeros = tape.variable(arr1(&[0.0, 0.0]));
        assert_eq!(zeros.norm().backward().unwrap().of(&zeros).unwrap().as_slice().unwrap(), [0.0, 0.0]);
    }
}
