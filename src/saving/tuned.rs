//! What tuning changes of a model, to and from a file beside that of the model.

use std::sync::Arc;

use crate::autograd::{Adapter, Lora, Param};
use crate::error::{Error, Result};
use crate::formats::{Weights, value_to_save as value};
use crate::tensor::{Float, Tensor};

/// Adapters, and whatever else is not frozen.
pub(crate) fn export(parameters: &[(String, Param)]) -> Result<Weights> {
    let mut weights = Weights::new();
    weights.set_metadata("gradus", env!("CARGO_PKG_VERSION"));
    for (path, param) in parameters {
        let adapter = param.adapter();
        if adapter.as_ref().is_some_and(|adapter| adapter.is_merged()) {
            return Err(Error::Parameters(format!(
                "cannot save what was tuned: the adapter of `{path}` is merged; call `unmerge_adapters` first, or save the \
                 whole model"
            )));
        }
        if let Some(adapter) = adapter {
            weights.set_metadata(format!("{path}.lora_alpha"), adapter.lora.alpha_or_default().to_string());
        }
        if !param.is_frozen() || is_adapter(path) {
            weights.insert(path, value(path, param)?);
        }
    }
    match weights.is_empty() {
        true => {
            Err(Error::Parameters("cannot save what was tuned: everything is frozen, and there are no adapters".into()))
        }
        false => Ok(weights),
    }
}

fn is_adapter(path: &str) -> bool {
    path.ends_with(".lora_a") || path.ends_with(".lora_b")
}

/// Attaches the adapters of the file, and sets what is in it; all of it, or nothing and an error.
pub(crate) fn load(parameters: &[(String, Param)], weights: &Weights) -> Result<()> {
    let find = |path: &str| parameters.iter().find(|(known, _)| known == path).map(|(_, param)| param);
    let mut problems = Vec::new();
    let mut adapters: Vec<(&str, &Param, Arc<Adapter>)> = Vec::new();
    for path in weights.names().filter_map(|name| name.strip_suffix(".lora_a")) {
        match find(path).map(|param| adapter(path, param, weights).map(|adapter| (path, param, adapter))) {
            Some(Ok(adapter)) => adapters.push(adapter),
            Some(Err(reason)) => problems.push(format!("no adapter for `{path}`: {reason}")),
            // It is reported by its own name below.
            None => {}
        }
    }
    let mut values: Vec<(Param, Tensor)> = Vec::new();
    for name in weights.names() {
        let part = |(path, _, adapter): &(&str, &Param, Arc<Adapter>)| match name.strip_prefix(path)? {
            ".lora_a" => Some(adapter.a.clone()),
            ".lora_b" => Some(adapter.b.clone()),
            _ => None,
        };
        let own = || find(name).filter(|_| !is_adapter(name)).cloned();
        let Some(param) = adapters.iter().find_map(part).or_else(own) else {
            problems.push(format!("not in the model: `{name}`"));
            continue;
        };
        let shape = weights.shape(name).unwrap_or_default();
        if param.fits(shape) {
            match weights.decode(name) {
                Ok(value) => values.push((param, value)),
                Err(reason) => problems.push(format!("unreadable: `{name}`: {reason}")),
            }
        } else {
            let text = param.shape_text();
            problems.push(format!("differently shaped: `{name}` is {text} in the model and {shape:?} in the file"));
        }
    }
    if problems.is_empty() && values.is_empty() {
        problems.push("there is nothing in it".into());
    }
    if !problems.is_empty() {
        let file = weights.path().map(|path| format!("{}: ", path.display())).unwrap_or_default();
        let list = problems.join("\n  ");
        return Err(Error::Parameters(format!("{file}what was tuned does not fit the model:\n  {list}")));
    }
    for (_, param, adapter) in adapters {
        param.set_adapter(Some(adapter));
        param.freeze();
    }
    values.into_iter().try_for_each(|(param, value)| param.set(value))
}

/// A new adapter as the file has it, without values.
fn adapter(path: &str, param: &Param, weights: &Weights) -> Result<Arc<Adapter>, String> {
    let matrix = |part: &str| match weights.shape(&format!("{path}.{part}")) {
        Some([rows, columns]) => Some([*rows, *columns]),
        _ => None,
    };
    let (Some([rows, rank]), Some([inner, columns])) = (matrix("lora_a"), matrix("lora_b")) else {
        return Err("expected two matrices, `lora_a` and `lora_b`".into());
    };
    let known = param.known_shape();
    let fits = |len: Option<usize>, file: usize| len.is_none_or(|len| len == file);
    let length = |axes: &[Option<usize>]| axes.iter().try_fold(1, |all: usize, len| all.checked_mul((*len)?));
    if let Some((last, others)) = known.split_last()
        && !(fits(*last, columns) && fits(length(others), rows) && inner == rank)
    {
        let text = param.shape_text();
        return Err(format!("a product [{rows}, {rank}] · [{inner}, {columns}] does not fit {text}"));
    }
    if param.adapter().is_some_and(|adapter| adapter.is_merged()) {
        return Err("it has one that is merged; call `unmerge_adapters` or `detach_adapters` first".into());
    }
    let name = format!("{path}.lora_alpha");
    let alpha = weights.metadata(&name).and_then(|text| text.parse::<Float>().ok());
    let alpha = alpha
        .ok_or_else(|| format!("expected a number `{name}` in the metadata, got {:?}", weights.metadata(&name)))?;
    let lora = Lora::new(rank).alpha(alpha);
    if !known.is_empty() {
        lora.check(&known).map_err(|error| error.to_string())?;
    }
    Ok(Arc::new(Adapter::new(lora)))
}
