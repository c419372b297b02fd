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
pub(super) use by_channel::Folding;
pub use group_norm::{GroupNorm, InstanceNorm};
pub use layer_norm::LayerNorm;
pub use rms_norm::RmsNorm;
pub use spectral_norm::SpectralNorm;
pub use unit_norm::UnitNorm;

use crate::autograd::{Dependence, Param, ParamList, Var};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// What a normalised number is multiplied with, and what is added then; both learned, and both optional.
struct Affine<'a> {
    gamma: Option<&'a Param>,
    beta: Option<&'a Param>,
}

impl<'a> Affine<'a> {
    /// Those of a layer that has them or not, over this many axes.
    fn new([gamma, beta]: [&'a Param; 2], [scale, center]: [bool; 2], axes: usize) -> Self {
        let shaped = |param: &'a Param| param.shaped(&vec![None; axes]);
        Self { gamma: scale.then(|| shaped(gamma)), beta: center.then(|| shaped(beta)) }
    }

    /// Both as variables; constants where the layer has none, so that all have the same operation.
    fn on(&self, x: &Var, shape: &[usize]) -> Result<[Var; 2]> {
        let on = |param: Option<&Param>, value: Float| match param {
            Some(param) => param.on(x, shape),
            None => Ok(x.tape().constant(Tensor::from_elem(shape, value))),
        };
        Ok([on(self.gamma, 1.0)?, on(self.beta, 0.0)?])
    }

    /// The shape that they have, once one of them has a value.
    fn shape(&self) -> Option<Vec<usize>> {
        self.gamma.into_iter().chain(self.beta).find_map(Param::shape)
    }

    fn params(&self, list: &mut ParamList<'a>) {
        self.gamma.into_iter().for_each(|gamma| list.add("gamma", gamma));
        self.beta.into_iter().for_each(|beta| list.add("beta", beta));
    }
}

fn check_epsilon(epsilon: Float) -> Result<()> {
    if epsilon > 0.0 && epsilon.is_finite() {
        return Ok(());
    }
    Err(Error::value(format!("expected an epsilon above 0, got {epsilon}")))
}

/// The length of the last axis, which counts channels.
fn channels_of(x: &Var) -> Result<usize> {
    let lengths = x.value.lengths();
    match lengths[..] {
        [_, .., 0] => Err(Error::shape(format!("expected at least 1 channel in the last axis, got input {lengths:?}"))),
        [_, .., channels] => Ok(channels),
        _ => Err(Error::shape(format!("expected an input [batch, ..., channels], got {lengths:?}"))),
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
