//! Whole numbers, signs and numbers that are none. All of these are flat wherever they have a slope: it is 0.

use super::elementwise::Form;
use crate::autograd::Var;
use crate::tensor::Float;

impl Var {
    /// Returns the greatest whole number that is not above `x`.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.flat(Form::Op("Floor"), Float::floor)
    }

    /// Returns the least whole number that is not below `x`.
    #[must_use]
    pub fn ceil(&self) -> Self {
        self.flat(Form::Op("Ceil"), Float::ceil)
    }

    /// Returns the nearest whole number; of two that are as near, the even one, as in numpy.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr1(&[-1.5, 0.5, 0.7, 2.5]));
    /// assert_eq!(x.round().value().as_slice().unwrap(), [-2.0, 0.0, 1.0, 2.0]);
    /// assert_eq!(x.trunc().value().as_slice().unwrap(), [-1.0, 0.0, 0.0, 2.0]);
    /// assert_eq!(x.sign().value().as_slice().unwrap(), [-1.0, 1.0, 1.0, 1.0]);
    /// ```
    #[must_use]
    pub fn round(&self) -> Self {
        self.flat(Form::Op("Round"), Float::round_ties_even)
    }

    /// Returns the whole number towards 0.
    #[must_use]
    pub fn trunc(&self) -> Self {
        self.flat(Form::None, Float::trunc)
    }

    /// Returns -1 below 0, 1 above it, and 0 at 0. NaN stays NaN.
    #[must_use]
    pub fn sign(&self) -> Self {
        self.flat(Form::Op("Sign"), |x| if x == 0.0 { 0.0 } else { x.signum() })
    }

    /// Returns 1 where the number is NaN, else 0.
    #[must_use]
    pub fn is_nan(&self) -> Self {
        self.detach().flat(Form::None, |x| Float::from(u8::from(x.is_nan())))
    }

    /// Returns 1 where the number is infinite, of either sign, else 0.
    #[doc(alias = "isinf")]
    #[must_use]
    pub fn is_infinite(&self) -> Self {
        self.detach().flat(Form::None, |x| Float::from(u8::from(x.is_infinite())))
    }

    fn flat(&self, onnx: Form, f: impl Fn(Float) -> Float + 'static) -> Self {
        self.each(onnx, f, |_, _| 0.0)
    }
}
