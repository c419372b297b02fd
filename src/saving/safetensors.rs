//! Parameters to and from safetensors files.

use std::path::Path;

use ::safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::write_file;
use crate::error::{Error, Result};
use crate::param::Param;
use crate::tensor::{Float, Tensor, data, tensor};

#[cfg(not(float64))]
const DTYPE: Dtype = Dtype::F32;
#[cfg(float64)]
const DTYPE: Dtype = Dtype::F64;

/// Writes parameters, in the order of their paths' bytes, whatever their order in the model.
pub(crate) fn save(parameters: &[(String, Param)], path: &Path) -> Result<()> {
    let mut stored = Vec::with_capacity(parameters.len());
    for (name, param) in parameters {
        let value = param.value().ok_or_else(|| {
            Error::Parameters(format!(
                "cannot save: parameter `{name}` has no value yet; run the model once (fit, predict, forward) or load weights"
            ))
        })?;
        let bytes: Vec<u8> = data(&value).iter().flat_map(|x| x.to_le_bytes()).collect();
        stored.push((name, value.shape().to_vec(), bytes));
    }
    let fail = |error| Error::file(path, format!("cannot be written: {error}"));
    let views: Vec<(&String, TensorView)> = stored
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(DTYPE, shape.clone(), bytes).map_err(fail)?)))
        .collect::<Result<_>>()?;
    write_file(path, &::safetensors::serialize(views, None).map_err(fail)?)
}

/// Reads parameters; all of them, or none and an error.
pub(crate) fn load(parameters: &[(String, Param)], path: &Path) -> Result<()> {
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| Error::file(path, format!("is no sound safetensors file: {error}")))?;
    let mut problems = Vec::new();
    let mut values = Vec::with_capacity(parameters.len());
    for (name, param) in parameters {
        match file.tensor(name) {
            Err(_) => problems.push(format!("missing in the file: `{name}` {}", param.shape_text())),
            Ok(view) if !param.fits(view.shape()) => problems.push(format!(
                "differently shaped: `{name}` is {} in the model and {:?} in the file",
                param.shape_text(),
                view.shape()
            )),
            Ok(view) => match decode(&view) {
                Ok(value) => values.push((param, value)),
                Err(reason) => problems.push(format!("unreadable: `{name}`: {reason}")),
            },
        }
    }
    let mut surplus: Vec<&str> =
        file.names().into_iter().filter(|name| parameters.iter().all(|(own, _)| own != name)).collect();
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

fn decode(view: &TensorView) -> Result<Tensor, String> {
    let bytes = view.data();
    let numbers: Vec<Float> = match view.dtype() {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b) as Float).collect(),
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as Float).collect(),
        other => return Err(format!("expected numbers of type F32 or F64, got {other:?}")),
    };
    match numbers.len() == view.shape().iter().product::<usize>() {
        true => Ok(tensor(view.shape(), numbers)),
        false => Err("its bytes do not fit its shape".into()),
    }
}
