//! Functions between layers. [`Activation`] is the trait; every activation is a layer too.
//!
//! | | |
//! | --- | --- |
//! | [`Relu`], [`LeakyRelu`], [`Relu6`], [`ReluWith`], [`Threshold`] | rectifiers |
//! | [`Elu`], [`Selu`], [`Celu`] | smooth below 0 |
//! | [`Gelu`], [`GeluTanh`], [`Silu`], [`Mish`], [`HardSilu`] | smooth gates |
//! | [`Sigmoid`], [`HardSigmoid`], [`LogSigmoid`] | between 0 and 1 |
//! | [`Tanh`], [`HardTanh`], [`Softsign`] | between -1 and 1 |
//! | [`Softmax`], [`LogSoftmax`], [`Sparsemax`] | shares of classes, over the last axis or [`AlongAxis`] |
//! | [`Softplus`], [`Squareplus`], [`Exponential`] | above 0 |
//! | [`SoftShrink`], [`HardShrink`], [`TanhShrink`] | nothing near 0 |
//! | [`Glu`] | half of the channels gate the others |
//! | [`Linear`] | nothing |
//! | [`Activation`], [`Pointwise`] | the trait, and functions of single numbers |

mod celu;
mod elu;
mod exponential;
mod gelu;
mod glu;
mod hard;
mod leaky_relu;
mod log_sigmoid;
mod methods;
mod mish;
pub(crate) mod onnx;
mod pointwise;
mod relu;
mod relu_with;
mod shrink;
mod sigmoid;
mod silu;
mod softmax;
mod softplus;
mod softsign;
mod tanh;
mod threshold;

pub use celu::{Celu, Selu};
pub use elu::Elu;
pub use exponential::Exponential;
pub use gelu::{Gelu, GeluTanh};
pub use glu::Glu;
pub use hard::{HardSigmoid, HardSilu, HardTanh};
pub use leaky_relu::LeakyRelu;
pub use log_sigmoid::LogSigmoid;
pub use mish::Mish;
pub use relu::Relu;
pub use relu_with::{Relu6, ReluWith};
pub use shrink::{HardShrink, SoftShrink, TanhShrink};
pub use sigmoid::Sigmoid;
pub use silu::Silu;
pub use softmax::{AlongAxis, LogSoftmax, Softmax, Sparsemax};
pub use softplus::Softplus;
pub use softsign::{Softsign, Squareplus};
pub use tanh::Tanh;
pub use threshold::Threshold;

pub(crate) use pointwise::function_of;

use std::sync::Arc;

use crate::autograd::{Layer, Var};
use crate::config::{Config, Described, Registry, config, described, family};
use crate::error::Result;
use crate::tensor::Float;

/// A function between layers, usually applied to each number on its own. A closure is one too.
///
/// ```
/// use gradus::prelude::*;
///
/// /// `y = x · sigmoid(1.702 x)`, a cheap GELU.
/// struct QuickGelu;
///
/// impl Activation for QuickGelu {
///     fn apply(&self, x: &Var) -> Var { x * Sigmoid.apply(&(x * 1.702)) }
/// }
///
/// let named = Dense::new(8).activation(QuickGelu);
/// let closure = Dense::new(8).activation(|x: &Var| x.abs());
/// let layers = Sequential::new().add(Dense::new(8)).add(QuickGelu).add(|x: &Var| x.square());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an activation",
    note = "pass a value such as `Relu` or `Softmax`, or a function of a `&Var`; there are no names in quotes"
)]
pub trait Activation: Send + Sync {
    /// The activated value, of the same shape.
    fn apply(&self, x: &Var) -> Var;

    /// The same function as a pass over numbers, for recurrent layers, which apply it within each step and have its values only: slopes
    /// are to follow from them. The default has none.
    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        None
    }

    /// What makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

family!(Box, dyn Activation);

impl Activation for Box<dyn Activation> {
    fn apply(&self, x: &Var) -> Var {
        (**self).apply(x)
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        (**self).pointwise()
    }

    fn config(&self) -> Config {
        (**self).config()
    }
}

impl Registry {
    /// Adds an activation, which is a layer too.
    #[must_use]
    pub fn activation<A: Activation + Described + 'static>(mut self) -> Self {
        self.insert(A::KIND, |from| Ok(Box::new(A::from_config(from)?) as Box<dyn Activation>));
        self.layer::<A, Var, Var>()
    }
}

pub(crate) fn register(registry: Registry) -> Registry {
    macro_rules! all {
        ($($name:ident)*) => {
            registry
                .with::<Box<dyn Activation>>(&[$(($name::KIND, |from| Ok(Box::new($name::from_config(from)?)))),*])
                .layers::<Var, Var>(&[$(($name::KIND, |from| Ok(Box::new($name::from_config(from)?)))),*])
        };
    }
    let registry = all!(
        Linear Relu Relu6 ReluWith LeakyRelu Elu Selu Celu Exponential Gelu GeluTanh HardSigmoid HardSilu HardTanh LogSigmoid
        LogSoftmax Mish SoftShrink HardShrink TanhShrink Sigmoid Silu Softmax Softplus Softsign Squareplus Sparsemax Tanh
        Threshold
    );
    registry.layer::<AlongAxis, Var, Var>().layer::<Glu, Var, Var>()
}

/// A function of each number alone whose slope follows from its value.
pub trait Pointwise: Send + Sync {
    /// Replaces each `x` by `y`.
    fn forward(&self, x: &mut [Float]);

    /// Multiplies each `dy` by the slope at the `x` that gave `y`.
    fn backward(&self, y: &[Float], dy: &mut [Float]);

    /// Whether a greater `x` never gives a lesser `y`, so that it may change places with a maximum.
    fn is_monotone(&self) -> bool {
        false
    }

    /// The activation that it is; one without a name has no form in ONNX.
    fn config(&self) -> Config {
        Config::new("")
    }
}

impl<F: Fn(&Var) -> Var + Send + Sync> Activation for F {
    fn apply(&self, x: &Var) -> Var {
        self(x)
    }
}

impl<A: Activation + 'static> Layer for A {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(self.apply(x))
    }

    fn config(&self) -> Config {
        Activation::config(self)
    }
}

described! {
    /// `y = x`: the default activation of layers.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let layer = Dense::new(3).activation(Linear);
    /// ```
    #[doc(alias = "Identity")]
    pub struct Linear;
}

impl Activation for Linear {
    config!();

    fn apply(&self, x: &Var) -> Var {
        x.clone()
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        Some(Arc::new(*self))
    }
}

impl Pointwise for Linear {
    fn forward(&self, _: &mut [Float]) {}

    fn backward(&self, _: &[Float], _: &mut [Float]) {}

    fn is_monotone(&self) -> bool {
        true
    }
}
