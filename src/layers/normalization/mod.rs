//! Layers that bring numbers to mean 0 and variance 1, or to length 1.

mod adapted;
mod batch_norm;
mod by_channel;
mod by_row;
#[cfg(all(test, not(float64)))]
mod far_tests;
mod group_norm;
mod layer_norm;
mod rms_norm;
mod spectral_norm;
mod unit_norm;

pub use adapted::Normalization;
pub use batch_norm::BatchNorm;
pub use group_norm::{GroupNorm, InstanceNorm};
pub use layer_norm::LayerNorm;
pub use rms_norm::RmsNorm;
pub use spectral_norm::SpectralNorm;
pub use unit_norm::UnitNorm;

use crate::autograd::{Dependence, Var};
use crate::error::{Error, Result};
use crate::initializers::{Ones, Zeros};
use crate::param::{Param, ParamList, Switched};
use crate::tensor::{Float, Tensor};

/// What a normalised number is multiplied with, and what is added then; both learned.
struct Affine {
    gamma: Switched,
    beta: Switched,
}

impl Affine {
    fn new(axes: usize, scale: bool, center: bool) -> Self {
        let gamma = Switched::new(Param::new(Ones), scale);
        let affine = Self { gamma, beta: Switched::new(Param::new(Zeros), center) };
        affine.set_axes(axes);
        affine
    }

    /// Sets how many axes they have.
    fn set_axes(&self, axes: usize) {
        self.gamma.param().shaped(&vec![None; axes]);
        self.beta.param().shaped(&vec![None; axes]);
    }

    /// Both as variables; constants where the layer has none, so that all have the same operation.
    fn on(&self, x: &Var, shape: &[usize]) -> Result<[Var; 2]> {
        let on = |param: &Switched, value: Float| match param.get() {
            Some(param) => param.on(x, shape),
            None => Ok(x.tape().constant(Tensor::from_elem(shape, value))),
        };
        Ok([on(&self.gamma, 1.0)?, on(&self.beta, 0.0)?])
    }

    /// The shape that they have, once one of them has a value.
    fn shape(&self) -> Option<Vec<usize>> {
        [&self.gamma, &self.beta].into_iter().filter_map(Switched::get).find_map(Param::shape)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.gamma.get().into_iter().for_each(|gamma| list.add("gamma", gamma));
        self.beta.get().into_iter().for_each(|beta| list.add("beta", beta));
    }
}

/// Setters that the layers share.
macro_rules! setters {
    (epsilon) => {
        /// Sets what is added to the variance.
        pub fn epsilon(mut self, epsilon: Float) -> Self {
            self.epsilon = epsilon;
            self
        }
    };
    (scale) => {
        /// Sets whether there is a gamma.
        pub fn scale(mut self, yes: bool) -> Self {
            self.affine.gamma.switch(yes);
            self
        }
    };
    (center) => {
        /// Sets whether there is a beta.
        pub fn center(mut self, yes: bool) -> Self {
            self.affine.beta.switch(yes);
            self
        }
    };
}
use setters;

fn check_epsilon(epsilon: Float) -> Result<()> {
    if epsilon > 0.0 && epsilon.is_finite() {
        return Ok(());
    }
    Err(Error::value(format!("expected an epsilon above 0, got {epsilon}")))
}

/// The length of the last axis, which counts channels.
fn channels_of(x: &Var) -> Result<usize> {
    match *x.value.shape() {
        [_, .., 0] => {
            Err(Error::shape(format!("expected at least 1 channel in the last axis, got input {:?}", x.value.shape())))
        }
        [_, .., channels] => Ok(channels),
        _ => Err(Error::shape(format!("expected an input [batch, ..., channels], got {:?}", x.value.shape()))),
    }
}

/// An error if the layer was made for another number of channels.
fn check_channels(known: Option<Vec<usize>>, x: &Var, channels: usize) -> Result<()> {
    match known {
        Some(known) if known != [channels] => Err(Error::shape(format!(
            "expected {} channels in the last axis, got input {:?}",
            known[0],
            x.value.shape()
        ))),
        _ => Ok(()),
    }
}

/// Of an operation on rows of axis 0 with parameters.
fn per_example(inputs: &[Dependence]) -> Dependence {
    match inputs {
        [_, rest @ ..] if rest.iter().any(|input| *input != Dependence::Constant) => Dependence::across_batch(inputs),
        _ => Dependence::per_example(inputs),
    }
}
