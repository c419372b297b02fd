//! One of two numbers, by a condition.

use super::broadcast;
use super::folding::{expand, sum_to};
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, empty, tensor};

impl Var {
    /// Returns the number of `yes` where this one is not 0, and that of `no` where it is; all three broadcast. What is
    /// not taken receives a gradient of 0, even where its own would not be finite. The condition has none.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let mask = tape.input(ndarray::arr1(&[1.0, 0.0]));
    /// let (a, b) = (tape.input(ndarray::arr1(&[1.0, 2.0])), tape.input(ndarray::arr1(&[-1.0, -2.0])));
    /// assert_eq!(mask.select(&a, &b)?.value().as_slice().unwrap(), [1.0, -2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "where")]
    pub fn select(&self, yes: &Self, no: &Self) -> Result<Self> {
        let shape = broadcast::common(yes.value.shape(), no.value.shape())
            .and_then(|shape| broadcast::common(self.value.shape(), &shape))
            .ok_or_else(|| {
                Error::shape(format!(
                    "select: expected shapes that broadcast, got a condition {:?} for {:?} and {:?}; aligned at the \
                     last axis, lengths must be equal or 1",
                    self.value.shape(),
                    yes.value.shape(),
                    no.value.shape()
                ))
            })?;
        let shapes = [self.value.shape().into(), yes.value.shape().into(), no.value.shape().into()];
        Ok(self.tape().apply(Select { shape, shapes, condition: empty() }, &[self, yes, no]))
    }
}

/// `y = yes` where the condition is not 0, else `no`
struct Select {
    shape: Vec<usize>,
    shapes: [Vec<usize>; 3],
    /// Of the result's shape.
    condition: Tensor,
}

impl Op for Select {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.condition = expand(inputs[0], &self.shape);
        let (yes, no) = (expand(inputs[1], &self.shape), expand(inputs[2], &self.shape));
        let mut y = buffer(self.condition.len());
        let both = data(&yes).iter().zip(data(&no));
        for ((y, condition), (yes, no)) in y.iter_mut().zip(data(&self.condition)).zip(both) {
            *y = if *condition != 0.0 { *yes } else { *no };
        }
        tensor(&self.shape, y)
    }

    /// `dy` to what was taken, 0 to the other, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let share = |of_yes: bool| {
            broadcast::zip(
                dy,
                &self.condition,
                &self.shape,
                |dy, condition: Float| {
                    if (condition != 0.0) == of_yes { dy } else { 0.0 }
                },
            )
        };
        dx.add(0, || Tensor::zeros(&self.shapes[0][..]));
        dx.add(1, || sum_to(share(true), &self.shapes[1]));
        dx.add(2, || sum_to(share(false), &self.shapes[2]));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match Dependence::linear(inputs) {
            Dependence::BatchMean if inputs[0] == Dependence::Constant => Dependence::BatchMean,
            _ => broadcast::dependence(inputs, &self.shapes.each_ref().map(Vec::as_slice)),
        }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let condition = form.node("Cast", &["in0"], &[("to", OnnxAttribute::Int(9))]);
        Some(form.node("Where", &[&condition, "in1", "in2"], &[]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::autograd::Tape;

    #[test]
    fn what_is_not_taken_cannot_spoil_the_gradient() {
        let tape = Tape::training();
        let x = tape.variable(arr1(&[0.0, 4.0]));
        let y = x.select(&x.sqrt(), &tape.constant(0.0)).unwrap();
        assert_eq!(y.value().as_slice().unwrap(), [0.0, 2.0]);
        let z = tape.variable(arr2(&[[1.0], [2.0]]));
        let sum = x.select(&z, &(&z * 10.0)).unwrap();
        assert_eq!(sum.value().as_slice().unwrap(), [10.0, 1.0, 20.0, 2.0]);
        assert_eq!(sum.sum().backward().unwrap().of(&z).unwrap().as_slice().unwrap(), [11.0, 11.0]);
    }
}
