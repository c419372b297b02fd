//! The logistic function.

use super::{Activation, Pointwise, apply_pointwise};
use crate::autograd::{Origin, Var};
use crate::tensor::Float;

/// Logistic sigmoid: `y = 1 / (1 + exp(-x))`, computed without overflow on both sides.
///
/// `BinaryCrossEntropy` recognises a prediction that comes out of it and works on `x`, in one stable operation. That is
/// why layers do not fuse it: `x` must stay.
///
/// ```
/// use gradus::prelude::*;
/// let y = Sigmoid.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
/// assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.5, 1.0]);
/// ```
///
/// Rumelhart, Hinton & Williams 1986.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

impl Activation for Sigmoid {
    fn apply(&self, x: &Var) -> Var {
        apply_pointwise(x, *self).with_origin(Origin::Sigmoid(x.clone()))
    }
}

impl Pointwise for Sigmoid {
    fn forward(&self, x: &mut [Float]) {
        x.iter_mut().for_each(|x| *x = sigmoid(*x));
    }

    /// `dx = y (1 - y) dy`
    fn backward(&self, y: &[Float], dy: &mut [Float]) {
        dy.iter_mut().zip(y).for_each(|(dy, y)| *dy *= y * (1.0 - y));
    }

    fn is_monotone(&self) -> bool {
        true
    }
}

/// `1 / (1 + exp(-x))`, from the exponential of a number that is not positive.
pub(super) fn sigmoid(x: Float) -> Float {
    let decay = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + decay) } else { decay / (1.0 + decay) }
}
