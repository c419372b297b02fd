//! Greatest and least numbers, along axes and of two variables.

use super::broadcast::{self, zip};
use super::folding::sum_to;
use super::reduce::{Reduced, reductions};
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::Result;
use crate::tensor::{Float, Tensor, data, empty, tensor};

/// Which of two numbers wins; the first of equal ones, and NaN before everything.
#[derive(Clone, Copy)]
enum Extreme {
    Max,
    Min,
}

impl Extreme {
    /// That of no numbers at all: every number replaces it.
    fn of_nothing(self) -> Float {
        match self {
            Self::Max => Float::NEG_INFINITY,
            Self::Min => Float::INFINITY,
        }
    }

    /// Whether `y`, which comes later, takes the place of `x`.
    fn replaces(self, x: Float, y: Float) -> bool {
        !x.is_nan()
            && match self {
                Self::Max => y > x || y.is_nan(),
                Self::Min => y < x || y.is_nan(),
            }
    }
}

reductions! { extreme(Extreme::Max):
    /// Returns the greatest of all numbers, a scalar; NaN if there is one, -∞ of no number at all. The gradient goes to
    /// the first of equal ones.
    pub fn max;
    /// Returns the greatest number along these axes, which disappear. Negative axes count from the end; NaN wins, of no
    /// number it is as in [`Var::max`], and the gradient goes to the first of equal ones.
    pub fn max_axes;
    pub fn max_axes_keep;
}
reductions! { extreme(Extreme::Min):
    /// Returns the least of all numbers, a scalar; NaN if there is one, ∞ of no number at all. The gradient goes to the
    /// first of equal ones.
    pub fn min;
    /// Returns the least number along these axes, which disappear. Negative axes count from the end; NaN wins, of no
    /// number it is as in [`Var::min`], and the gradient goes to the first of equal ones.
    pub fn min_axes;
    pub fn min_axes_keep;
}

impl Var {
    /// Returns the greater of two numbers each, broadcast; NaN wins. Where they are equal the gradient goes to `self`.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn maximum(&self, other: &Self) -> Result<Self> {
        self.better("maximum", other, Extreme::Max)
    }

    /// Returns the lesser of two numbers each, broadcast; NaN wins. Where they are equal the gradient goes to `self`.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn minimum(&self, other: &Self) -> Result<Self> {
        self.better("minimum", other, Extreme::Min)
    }

    fn extreme(&self, reduced: Reduced, extreme: Extreme) -> Self {
        self.tape().apply(Along { extreme, reduced, x: Vec::new(), winners: Vec::new() }, &[self])
    }

    fn better(&self, who: &str, other: &Self, extreme: Extreme) -> Result<Self> {
        let shape = broadcast::checked(who, self.value.shape(), other.value.shape())?;
        Ok(self.tape().apply(Better { extreme, shape, a: empty(), b: empty() }, &[self, other]))
    }
}

/// `y = max x` over some axes
struct Along {
    extreme: Extreme,
    reduced: Reduced,
    x: Vec<usize>,
    /// Where in `x` each number of `y` is from.
    winners: Vec<usize>,
}

impl Op for Along {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.x = inputs[0].shape().into();
        let (x, folding) = (data(inputs[0]), self.reduced.folding(&self.x));
        self.winners = vec![usize::MAX; folding.len()];
        folding.each(|from, to| {
            let winner = &mut self.winners[to];
            if *winner == usize::MAX || self.extreme.replaces(x[*winner], x[from]) {
                *winner = from;
            }
        });
        let mut y = buffer(folding.len());
        y.iter_mut().zip(&self.winners).for_each(|(y, i)| *y = x.get(*i).copied().unwrap_or(self.extreme.of_nothing()));
        tensor(&self.reduced.shape, y)
    }

    /// `dx = dy` where the winner was, else 0
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let mut out = zeros(self.x.iter().product());
            for (dy, winner) in data(dy).iter().zip(&self.winners) {
                if let Some(out) = out.get_mut(*winner) {
                    *out = *dy;
                }
            }
            tensor(&self.x, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.reduced.keeps_rows() { Dependence::per_example(inputs) } else { Dependence::across_batch(inputs) }
    }

    fn keeps_steps(&self) -> bool {
        self.reduced.keeps_steps()
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let axes = self.reduced.axes();
        let axes = form.ints(&axes);
        let keep = i64::from(self.reduced.shape.len() == self.x.len());
        let op = match self.extreme {
            Extreme::Max => "ReduceMax",
            Extreme::Min => "ReduceMin",
        };
        Some(form.node(op, &["in0", &axes], &[("keepdims", OnnxAttribute::Int(keep))]))
    }
}

/// `y = max(a, b)`
struct Better {
    extreme: Extreme,
    shape: Vec<usize>,
    a: Tensor,
    b: Tensor,
}

impl Op for Better {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        (self.a, self.b) = (inputs[0].clone(), inputs[1].clone());
        zip(&self.a, &self.b, &self.shape, |a, b| if self.extreme.replaces(a, b) { b } else { a })
    }

    /// `dy` to the winner, 0 to the other, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let share = |of_b: Float| {
            let mask =
                zip(&self.a, &self.b, &self.shape, |a, b| if self.extreme.replaces(a, b) { of_b } else { 1.0 - of_b });
            zip(dy, &mask, &self.shape, |dy, mask| if mask == 1.0 { dy } else { 0.0 })
        };
        dx.add(0, || sum_to(share(0.0), self.a.shape()));
        dx.add(1, || sum_to(share(1.0), self.b.shape()));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        broadcast::dependence(inputs, &[self.a.shape(), self.b.shape()])
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        form.pair(match self.extreme {
            Extreme::Max => "Max",
            Extreme::Min => "Min",
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn gradient_goes_to_the_first_of_equal_ones() {
        let tape = Tape::training();
        let x = tape.variable(arr2(&[[1.0, 3.0, 3.0], [2.0, 2.0, 1.0]]));
        let grads = x.max_axes(&[1]).unwrap().sum().backward().unwrap();
        assert_eq!(grads.of(&x).unwrap().as_slice().unwrap(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        let grads = x.min().backward().unwrap();
        assert_eq!(grads.of(&x).unwrap().as_slice().unwrap(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let grads = x.maximum(&x.detach()).unwrap().sum().backward().unwrap();
        assert_eq!(grads.of(&x).unwrap().as_slice().unwrap(), [1.0; 6]);
    }

    #[test]
    fn nan_wins_and_nothing_is_the_other_end() {
        let tape = Tape::inference();
        let x = tape.input(arr1(&[1.0, Float::NAN, 2.0]));
        assert!(x.max().item().is_nan() && x.min().item().is_nan());
        assert!(x.maximum(&tape.input(arr1(&[5.0; 3]))).unwrap().value()[[1]].is_nan());
        let nothing = tape.input(ndarray::Array1::<Float>::zeros(0));
        assert_eq!([nothing.max().item(), nothing.min().item()], [Float::NEG_INFINITY, Float::INFINITY]);
    }
}
