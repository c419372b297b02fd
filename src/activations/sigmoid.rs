//! The logistic function.

use std::sync::Arc;

use super::pointwise::{apply_curve, of_values};
use super::{Activation, Pointwise};
use crate::autograd::{Origin, Var};
use crate::config::{config, described};
use crate::kernels::{curve::Curve, math};
use crate::tensor::Float;

described! {
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
    /// Its slope is taken from the value, `y (1 - y)`, as in PyTorch and Keras: 0 above 17, where `y` is 1 to the last bit.
    ///
    /// Rumelhart, Hinton & Williams 1986.
    pub struct Sigmoid;
}

impl Activation for Sigmoid {
    config!();

    fn apply(&self, x: &Var) -> Var {
        apply_curve(x, *self, Self::describe).with_origin(Origin::Sigmoid(x.clone()))
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        of_values(*self, Self::describe)
    }
}

impl Curve for Sigmoid {
    #[inline(always)]
    fn value(&self, x: Float) -> Float {
        math::sigmoid(x)
    }

    #[inline(always)]
    fn slope(&self, y: Float) -> Float {
        y * (1.0 - y)
    }

    fn by_value(&self) -> bool {
        true
    }
}
