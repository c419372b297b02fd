//! L1 and L2.

use super::Regularizer;
use crate::autograd::Var;
use crate::config::{config, described, described_as};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// `factor · Σ |x|`: drives numbers to exactly 0.
///
/// # Errors
/// a factor that is negative or not finite
/// # Example
/// ```
/// use gradus::{prelude::*, regularizers::Regularizer};
/// let x = Tape::inference().input(ndarray::arr1(&[1.0, -2.0]));
/// assert_eq!(L1(0.5).penalty(&x)?.item(), 1.5);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `L1` (whose default factor is 0.01); Tibshirani 1996
#[derive(Clone, Copy, Debug)]
pub struct L1(pub Float);

/// `factor · Σ x²`: keeps numbers small.
///
/// # Errors
/// a factor that is negative or not finite
/// # Example
/// ```
/// use gradus::{prelude::*, regularizers::Regularizer};
/// let x = Tape::inference().input(ndarray::arr1(&[1.0, -2.0]));
/// assert_eq!(L2(0.5).penalty(&x)?.item(), 2.5);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `L2` (whose default factor is 0.01; there is no half in it); Krogh & Hertz 1991
#[derive(Clone, Copy, Debug)]
pub struct L2(pub Float);

described! {
    /// `l1 · Σ |x| + l2 · Σ x²`
    ///
    /// # Errors
    /// a factor that is negative or not finite
    /// # Example
    /// ```
    /// use gradus::regularizers::{L1L2, Regularizer};
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr1(&[1.0, -2.0]));
    /// assert_eq!(L1L2 { l1: 0.5, l2: 0.5 }.penalty(&x)?.item(), 4.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `L1L2`; Zou & Hastie 2005 (the elastic net)
    #[derive(Clone, Copy)]
    pub struct L1L2 {
        /// The factor of the absolute numbers.
        l1: [Float] = 0.0,
        /// The factor of the squares.
        l2: [Float] = 0.0,
    }
}

described_as!(L1("l1"), new(factor: Float));
described_as!(L2("l2"), new(factor: Float));

/// The factor times the sum, as a mean: so that the tape sees a mean over examples where `x` is an activity.
fn scaled_sum(x: Var, factor: Float) -> Result<Var> {
    if !(factor >= 0.0 && factor.is_finite()) {
        return Err(Error::value(format!("a regularizer: expected a factor of at least 0, got {factor}")));
    }
    let len = x.value.len() as Float;
    Ok(if len == 0.0 { x.sum() } else { x.mean() * (factor * len) })
}

impl Regularizer for L1 {
    config!();

    fn penalty(&self, x: &Var) -> Result<Var> {
        scaled_sum(x.abs(), self.0)
    }
}

impl Regularizer for L2 {
    config!();

    fn penalty(&self, x: &Var) -> Result<Var> {
        scaled_sum(x.square(), self.0)
    }
}

impl Regularizer for L1L2 {
    config!();

    fn penalty(&self, x: &Var) -> Result<Var> {
        Ok(L1(self.l1).penalty(x)? + L2(self.l2).penalty(x)?)
    }
}
