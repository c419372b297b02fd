//! Circular and hyperbolic functions, and their inverses.

use super::elementwise::Form;
use crate::autograd::Var;

impl Var {
    /// Returns the sine of an angle in radians.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::training();
    /// let angle = tape.variable(ndarray::arr1(&[0.0]));
    /// let sine = angle.sin();
    /// assert_eq!((sine.item(), angle.cos().item()), (0.0, 1.0));
    /// assert_eq!(sine.sum().backward()?.of(&angle).unwrap()[[0]], 1.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn sin(&self) -> Self {
        self.each(Form::Op("Sin"), |x| x.sin(), |x, _| x.cos())
    }

    /// Returns the cosine of an angle in radians.
    #[must_use]
    pub fn cos(&self) -> Self {
        self.each(Form::Op("Cos"), |x| x.cos(), |x, _| -x.sin())
    }

    /// Returns the tangent of an angle in radians.
    #[must_use]
    pub fn tan(&self) -> Self {
        self.each(Form::Op("Tan"), |x| x.tan(), |_, y| 1.0 + y * y)
    }

    /// Returns the angle in -π/2..π/2 whose sine this is; not a number beyond -1 and 1.
    #[doc(alias = "arcsin")]
    #[must_use]
    pub fn asin(&self) -> Self {
        self.each(Form::Op("Asin"), |x| x.asin(), |x, _| 1.0 / ((1.0 - x) * (1.0 + x)).sqrt())
    }

    /// Returns the angle in 0..π whose cosine this is; not a number beyond -1 and 1.
    #[doc(alias = "arccos")]
    #[must_use]
    pub fn acos(&self) -> Self {
        self.each(Form::Op("Acos"), |x| x.acos(), |x, _| -1.0 / ((1.0 - x) * (1.0 + x)).sqrt())
    }

    /// Returns the angle in -π/2..π/2 whose tangent this is.
    #[doc(alias = "arctan")]
    #[must_use]
    pub fn atan(&self) -> Self {
        self.each(Form::Op("Atan"), |x| x.atan(), |x, _| 1.0 / (1.0 + x * x))
    }

    /// Returns the hyperbolic sine.
    #[must_use]
    pub fn sinh(&self) -> Self {
        self.each(Form::Op("Sinh"), |x| x.sinh(), |x, _| x.cosh())
    }

    /// Returns the hyperbolic cosine.
    #[must_use]
    pub fn cosh(&self) -> Self {
        self.each(Form::Op("Cosh"), |x| x.cosh(), |x, _| x.sinh())
    }

    /// Returns the inverse of the hyperbolic sine.
    #[doc(alias = "arcsinh")]
    #[must_use]
    pub fn asinh(&self) -> Self {
        self.each(Form::Op("Asinh"), |x| x.asinh(), |x, _| 1.0 / x.hypot(1.0))
    }

    /// Returns the inverse of the hyperbolic cosine; not a number below 1.
    #[doc(alias = "arccosh")]
    #[must_use]
    pub fn acosh(&self) -> Self {
        self.each(Form::Op("Acosh"), |x| x.acosh(), |x, _| 1.0 / ((x - 1.0).sqrt() * (x + 1.0).sqrt()))
    }

    /// Returns the inverse of the hyperbolic tangent; not a number beyond -1 and 1.
    #[doc(alias = "arctanh")]
    #[must_use]
    pub fn atanh(&self) -> Self {
        self.each(Form::Op("Atanh"), |x| x.atanh(), |x, _| 1.0 / ((1.0 - x) * (1.0 + x)))
    }
}
