//! Activations as methods of a variable.

use super::{Activation, Exponential, Relu, Sigmoid, Tanh};
use crate::autograd::Var;

impl Var {
    /// `exp(x)`: [`Exponential`].
    #[must_use]
    pub fn exp(&self) -> Self {
        Exponential.apply(self)
    }

    /// Returns the hyperbolic tangent: [`Tanh`].
    #[must_use]
    pub fn tanh(&self) -> Self {
        Tanh.apply(self)
    }

    /// `1 / (1 + exp(-x))`: [`Sigmoid`].
    #[must_use]
    pub fn sigmoid(&self) -> Self {
        Sigmoid.apply(self)
    }

    /// `max(x, 0)`: [`Relu`].
    #[must_use]
    pub fn relu(&self) -> Self {
        Relu.apply(self)
    }
}
