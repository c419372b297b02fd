//! From a model into a file.

use super::Translation;
use crate::autograd::Listed;
use crate::error::{Error, Result};
use crate::formats::{Weights, value_to_save as value};
use crate::tensor::Tensor;

pub(super) fn export(translation: &Translation, listed: &[Listed]) -> Result<Weights> {
    let plan = translation.plan(listed, &|attention, _| takes_one_input(listed, attention), &|_| false)?;
    let mut weights = Weights::new();
    for group in plan {
        let values = group.params.iter().map(|i| value(&listed[*i].path, &listed[*i].param));
        let values = values.collect::<Result<Vec<Tensor>>>()?;
        let tensors = group.layout.write(&values).ok_or_else(|| {
            let (path, shape) = (&listed[group.params[0]].path, values[0].shape());
            Error::Parameters(format!(
                "cannot save: parameter `{path}` of shape {shape:?} has no counterpart in the other framework; use \
                 settings that it has too, or `Translation::new`"
            ))
        })?;
        for (name, tensor) in group.names.iter().zip(tensors) {
            let file = translation.to_file(name);
            if translation.to_model(&file) != *name || weights.shape(&file).is_some() {
                return Err(Error::value(format!(
                    "expected rules that can be undone, but `{name}` would be saved as `{file}`, which stands for another \
                     tensor"
                )));
            }
            let transposed = translation.is_transposed(&file);
            weights.insert(file, if transposed { tensor.reversed_axes() } else { tensor });
        }
    }
    Ok(weights)
}

/// Whether query, key and value of an attention take as many features, so that one tensor can hold their kernels.
fn takes_one_input(listed: &[Listed], attention: &str) -> bool {
    let features = |part: &str| {
        let kernel = listed.iter().find(|listed| listed.path == format!("{attention}{part}.kernel"))?;
        Some(kernel.param.shape()?[0])
    };
    let query = features("query");
    ["key", "value"].iter().all(|part| features(part) == query)
}
