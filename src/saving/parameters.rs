//! The parameters of a model to and from weights, under their own names.

use std::path::Path;

use super::Weights;
use crate::error::{Error, Result};
use crate::param::Param;

/// Writes parameters, in the order of their paths' bytes, whatever their order in the model.
pub(crate) fn save(parameters: &[(String, Param)], path: &Path) -> Result<()> {
    let mut weights = Weights::new();
    for (name, param) in parameters {
        let value = param.value().ok_or_else(|| {
            Error::Parameters(format!(
                "cannot save: parameter `{name}` has no value yet; run the model once (fit, predict, forward) or load weights"
            ))
        })?;
        weights.insert(name, value);
    }
    weights.save(path)
}

/// Reads parameters; all of them, or none and an error.
pub(crate) fn load(parameters: &[(String, Param)], path: &Path) -> Result<()> {
    let weights = Weights::open(path)?;
    let mut problems = Vec::new();
    let mut values = Vec::with_capacity(parameters.len());
    for (name, param) in parameters {
        match weights.shape(name) {
            None => problems.push(format!("missing in the file: `{name}` {}", param.shape_text())),
            Some(shape) if !param.fits(shape) => problems.push(format!(
                "differently shaped: `{name}` is {} in the model and {shape:?} in the file",
                param.shape_text(),
            )),
            Some(_) => match weights.decode(name) {
                Ok(value) => values.push((param, value)),
                Err(reason) => problems.push(format!("unreadable: `{name}`: {reason}")),
            },
        }
    }
    let mut surplus: Vec<&str> = weights.names().filter(|name| parameters.iter().all(|(own, _)| own != name)).collect();
    surplus.sort_unstable();
    problems.extend(surplus.iter().map(|name| format!("not in the model: `{name}`")));
    if !problems.is_empty() {
        return Err(Error::Parameters(format!(
            "{}: does not fit the model:\n  {}",
            path.display(),
            problems.join("\n  ")
        )));
    }
    values.into_iter().try_for_each(|(param, value)| param.set(value))
}
