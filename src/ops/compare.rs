//! Comparisons: 1 where they hold, else 0, without a gradient.

use super::broadcast::{self, zip};
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::error::Result;
use crate::tensor::{Float, Tensor};

impl Var {
    /// Returns 1 where the numbers are equal, else 0, broadcast. NaN equals nothing.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "eq")]
    pub fn equal(&self, other: &Self) -> Result<Self> {
        self.compare("equal", Some("Equal"), other, |a, b| truth(a == b))
    }

    /// Returns 1 where the numbers differ, else 0, broadcast. NaN differs from everything.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "ne")]
    pub fn not_equal(&self, other: &Self) -> Result<Self> {
        self.compare("not_equal", Some(""), other, |a, b| truth(a != b))
    }

    /// Returns 1 where this number is less than the `other`, else 0, broadcast.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = tape.input(ndarray::arr1(&[1.0, 2.0, 3.0]));
    /// let below = x.less(&tape.constant(2.5))?;
    /// assert_eq!(below.value().as_slice().unwrap(), [1.0, 1.0, 0.0]);
    /// assert_eq!(below.select(&x, &tape.constant(0.0))?.value().as_slice().unwrap(), [1.0, 2.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "lt")]
    pub fn less(&self, other: &Self) -> Result<Self> {
        self.compare("less", Some("Less"), other, |a, b| truth(a < b))
    }

    /// Returns 1 where this number is less than the `other` or equal, else 0, broadcast.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "le")]
    pub fn less_equal(&self, other: &Self) -> Result<Self> {
        self.compare("less_equal", Some("LessOrEqual"), other, |a, b| truth(a <= b))
    }

    /// Returns 1 where this number is greater than the `other`, else 0, broadcast.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "gt")]
    pub fn greater(&self, other: &Self) -> Result<Self> {
        self.compare("greater", Some("Greater"), other, |a, b| truth(a > b))
    }

    /// Returns 1 where this number is greater than the `other` or equal, else 0, broadcast.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "ge")]
    pub fn greater_equal(&self, other: &Self) -> Result<Self> {
        self.compare("greater_equal", Some("GreaterOrEqual"), other, |a, b| truth(a >= b))
    }

    /// What `f` makes of two numbers each, broadcast; no gradient flows back.
    pub(super) fn compare(
        &self,
        who: &str,
        onnx: Option<&'static str>,
        other: &Self,
        f: fn(Float, Float) -> Float,
    ) -> Result<Self> {
        let shape = broadcast::checked(who, self.value.shape(), other.value.shape())?;
        let op = Compare { onnx, f, shape, shapes: [self.value.shape().into(), other.value.shape().into()] };
        Ok(self.tape().apply(op, &[&self.detach(), &other.detach()]))
    }
}

fn truth(holds: bool) -> Float {
    Float::from(u8::from(holds))
}

/// `y = f(a, b)`, as if it were flat
struct Compare {
    /// The operator of ONNX; empty for the opposite of `Equal`; `None` if there is none.
    onnx: Option<&'static str>,
    f: fn(Float, Float) -> Float,
    shape: Vec<usize>,
    shapes: [Vec<usize>; 2],
}

impl Op for Compare {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        zip(inputs[0], inputs[1], &self.shape, self.f)
    }

    /// none: the inputs are detached
    fn backward(&self, _: &Tensor, _: &mut InputGrads<'_>) {}

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        broadcast::dependence(inputs, &self.shapes.each_ref().map(Vec::as_slice))
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let holds = match self.onnx? {
            "" => {
                let equal = form.node("Equal", &["in0", "in1"], &[]);
                form.node("Not", &[&equal], &[])
            }
            op => form.node(op, &["in0", "in1"], &[]),
        };
        Some(form.node("Cast", &[&holds], &[("to", OnnxAttribute::Int(1))]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn compares_as_floating_point_numbers_do() {
        let tape = Tape::inference();
        let a = tape.input(arr1(&[1.0, 2.0, 3.0, Float::NAN]));
        let b = tape.input(arr1(&[2.0, 2.0, 2.0, Float::NAN]));
        for (got, want) in [
            (a.equal(&b), [0.0, 1.0, 0.0, 0.0]),
            (a.not_equal(&b), [1.0, 0.0, 1.0, 1.0]),
            (a.less(&b), [1.0, 0.0, 0.0, 0.0]),
            (a.less_equal(&b), [1.0, 1.0, 0.0, 0.0]),
            (a.greater(&b), [0.0, 0.0, 1.0, 0.0]),
            (a.greater_equal(&b), [0.0, 1.0, 1.0, 0.0]),
        ] {
            assert_eq!(got.unwrap().value().as_slice().unwrap(), want);
        }
    }
}
