//! Activations as methods of a variable.

use super::{Activation, Exponential, Relu, Sigmoid, Tanh};
use crate::autograd::Var;

impl Var {
    /// `exp(x)`: [`Exponential`].
    pub fn exp(&self) -> Self {
        Exponential.apply(self)
    }

    /// Returns the hyperbolic tangent: [`Tanh`].
    pub fn tanh(&self) -> Self {
        Tanh.apply(self)
    }

    /// `1 / (1 + exp(-x))`: [`Sigmoid`].
    pub fn sigmoid(&self) -> Self {
        Sigmoid.apply(self)
    }

    /// `max(x, 0)`: [`Relu`].
    pub fn relu(&self) -> Self {
        Relu.apply(self)
    }
}
