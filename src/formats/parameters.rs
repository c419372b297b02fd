//! The parameters of a model to a file, under their own names.

use std::path::Path;

use super::Weights;
use crate::autograd::Param;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Gathers the values of parameters, in the order of their paths' bytes, whatever their order in the model.
pub(crate) fn gather(parameters: &[(String, Param)]) -> Result<Weights> {
    let mut weights = Weights::new();
    for (name, param) in parameters {
        weights.insert(name, value(name, param)?);
    }
    Ok(weights)
}

/// Writes parameters alone.
pub(crate) fn save(parameters: &[(String, Param)], path: &Path) -> Result<()> {
    gather(parameters)?.save(path)
}

/// The value of a parameter that is to be saved.
pub(crate) fn value(name: &str, param: &Param) -> Result<Tensor> {
    param.value().ok_or_else(|| {
        Error::Parameters(format!(
            "cannot save: parameter `{name}` has no value yet; run the model once (fit, predict, forward) or load weights"
        ))
    })
}
