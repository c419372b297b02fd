//! Powers and remainders of two variables.

use super::broadcast::{self, zip};
use super::folding::sum_to;
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::error::Result;
use crate::tensor::{Float, Tensor, empty};

impl Var {
    /// Returns this number to the power of the `exponent`, broadcast; not a number where this one is negative and the
    /// exponent is not whole. Where this one is 0 the exponent's gradient is 0.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let (x, n) = (tape.input(ndarray::arr1(&[2.0, 3.0])), tape.input(ndarray::arr1(&[3.0, 2.0])));
    /// assert_eq!(x.pow(&n)?.value().as_slice().unwrap(), [8.0, 9.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn pow(&self, exponent: &Self) -> Result<Self> {
        self.binary("pow", Some("Pow"), exponent, Float::powf, |a, b| {
            let of_base = if b == 0.0 { 0.0 } else { b * a.powf(b - 1.0) };
            [of_base, if a == 0.0 { 0.0 } else { a.powf(b) * a.ln() }]
        })
    }

    /// Returns what is left of this number after whole multiples of the `other`, broadcast, with the sign of the
    /// `other`: `a - b ⌊a / b⌋`. [`Var::fmod`] has that of this number.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let (a, b) = (tape.input(ndarray::arr1(&[-7.0, 7.0])), tape.constant(5.0));
    /// assert_eq!(a.remainder(&b)?.value().as_slice().unwrap(), [3.0, 2.0]);
    /// assert_eq!(a.fmod(&b)?.value().as_slice().unwrap(), [-2.0, 2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    #[doc(alias = "mod")]
    pub fn remainder(&self, other: &Self) -> Result<Self> {
        let remainder = |a: Float, b: Float| {
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        };
        self.binary("remainder", None, other, remainder, |a, b| [1.0, -(a / b).floor()])
    }

    /// Returns what is left of this number after whole multiples of the `other`, broadcast, with the sign of this one,
    /// as `%` has it in Rust. [`Var::remainder`] has that of the `other`.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn fmod(&self, other: &Self) -> Result<Self> {
        self.binary("fmod", None, other, |a, b| a % b, |a, b| [1.0, -(a / b).trunc()])
    }

    fn binary(
        &self,
        who: &str,
        onnx: Option<&'static str>,
        other: &Self,
        f: fn(Float, Float) -> Float,
        slopes: fn(Float, Float) -> [Float; 2],
    ) -> Result<Self> {
        let shape = broadcast::checked(who, self.value.shape(), other.value.shape())?;
        Ok(self.tape().apply(Binary { onnx, f, slopes, shape, a: empty(), b: empty() }, &[self, other]))
    }
}

/// `y = f(a, b)`
struct Binary {
    /// The operator of ONNX.
    onnx: Option<&'static str>,
    f: fn(Float, Float) -> Float,
    /// In the direction of `a`, and of `b`.
    slopes: fn(Float, Float) -> [Float; 2],
    shape: Vec<usize>,
    a: Tensor,
    b: Tensor,
}

impl Op for Binary {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        (self.a, self.b) = (inputs[0].clone(), inputs[1].clone());
        zip(&self.a, &self.b, &self.shape, self.f)
    }

    /// `da = dy ∂f/∂a`, `db = dy ∂f/∂b`, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        for (i, input) in [&self.a, &self.b].into_iter().enumerate() {
            dx.add(i, || {
                let slopes = zip(&self.a, &self.b, &self.shape, |a, b| (self.slopes)(a, b)[i]);
                sum_to(zip(dy, &slopes, &self.shape, |dy, slope| dy * slope), input.shape())
            });
        }
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        broadcast::dependence(inputs, &[self.a.shape(), self.b.shape()])
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        form.pair(self.onnx?)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use crate::autograd::Tape;

    #[test]
    fn edges_of_powers_have_finite_slopes() {
        let tape = Tape::training();
        let (a, b) = (tape.variable(arr1(&[0.0, 0.0, 2.0])), tape.variable(arr1(&[0.0, 2.0, 0.0])));
        let y = a.pow(&b).unwrap();
        assert_eq!(y.value().as_slice().unwrap(), [1.0, 0.0, 1.0]);
        let grads = y.sum().backward().unwrap();
        assert_eq!(grads.of(&a).unwrap().as_slice().unwrap(), [0.0; 3]);
        assert_eq!(grads.of(&b).unwrap().as_slice().unwrap()[..2], [0.0; 2]);
    }

    #[test]
    fn signs_of_remainders() {
        let tape = Tape::inference();
        let a = tape.input(arr1(&[-4.0, 7.0, 5.0, 4.0, -7.0, 8.0]));
        let b = tape.input(arr1(&[2.0, -3.0, 8.0, -2.0, 3.0, 5.0]));
        assert_eq!(a.remainder(&b).unwrap().value().as_slice().unwrap(), [0.0, -2.0, 5.0, 0.0, 2.0, 3.0]);
        assert_eq!(a.fmod(&b).unwrap().value().as_slice().unwrap(), [0.0, 1.0, 5.0, 0.0, -1.0, 3.0]);
    }
}
