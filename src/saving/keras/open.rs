//! A model of Keras as one of ours.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value as Json;

use super::compiled;
use super::import::{At, Import, LayerPaths, object};
use crate::autograd::{Layer, Listed, ParamList, Vars};
use crate::config::{Config, Registry, Setting};
use crate::error::{Error, Result};
use crate::formats::keras::{WEIGHTS, description, is_old};
use crate::formats::{KnownKeras, Snapshot, Translation, Weights};

/// Makes a model from Keras' description, and reads its parameters.
pub(in crate::saving) fn open<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(
    registry: &Registry,
    text: &str,
    weights: &Weights,
) -> Result<M> {
    made(registry, &parsed(text)?, weights).map(|(model, _)| model)
}

/// Makes a model, the description of what trains it, and what that remembers, from a file of Keras; nothing if it is another file.
pub(crate) fn open_trainer<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(
    registry: &Registry,
    weights: &Weights,
    path: &Path,
) -> Result<Option<(M, Config, Snapshot)>> {
    let Some(text) = description(weights, path) else { return Ok(None) };
    let open = || {
        let json = parsed(&text?)?;
        let compiled = match (json.get("compile_config"), weights.metadata("training_config")) {
            (Some(found), _) => found.clone(),
            (None, Some(text)) => parsed(text)?,
            (None, None) => Json::Null,
        };
        let Json::Object(compiled) = compiled else {
            return Err(Error::value("it was saved before `compile`; open it as a model, and compile that"));
        };
        let (model, places): (M, _) = made(registry, &json, weights)?;
        let listed = ParamList::with_layers(&model);
        let outputs = model.config().output_names();
        let trainer = compiled::trainer(&compiled, &outputs)?;
        let memory = compiled::memory(weights, &trainer, &places, &listed, &vars(&places, &listed))?;
        Ok((model, trainer, memory))
    };
    open().map(Some).map_err(|error| super::super::cannot_open(path, "trainer", &error))
}

fn parsed(text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|error| Error::value(format!("its description is not valid JSON: {error}")))
}

/// A model, and where its layers are in Keras' files.
fn made<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(
    registry: &Registry,
    json: &Json,
    weights: &Weights,
) -> Result<(M, Vec<LayerPaths>)> {
    let mut import = Import { registry, is_old: is_old(weights), places: Vec::new(), attached: Vec::new() };
    let config = import.any(object(json)?, &At::default())?;
    let description = Config::new("Model")
        .with("version", &1_u32)
        .with_part("model", config)
        .with("parameters", &import.attached)
        .with("frozen_noises", &Vec::<String>::new());
    let model: M = registry.restore(&description)?;
    let listed = ParamList::with_layers(&model);
    let frozen: Vec<&LayerPaths> = import.places.iter().filter(|place| !place.is_trainable).collect();
    let names = names(&import.places, &listed, weights)?;
    Translation::keras_with(KnownKeras { names: Some(names), ..KnownKeras::default() }).load(&model, weights)?;
    for Listed { path, param, .. } in &listed {
        if frozen.iter().any(|place| inside(&place.ours, path).is_some()) {
            param.freeze();
        }
    }
    Ok((model, import.places))
}

/// The rest of a path inside of a layer.
fn inside<'p>(layer: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(layer)?.strip_prefix('.')
}

/// The place that each parameter is in.
fn owners(places: &[LayerPaths], listed: &[Listed]) -> Vec<Option<usize>> {
    let owner = |path: &str| {
        let around = places.iter().enumerate().filter(|(_, place)| inside(&place.ours, path).is_some());
        around.max_by_key(|(_, place)| place.ours.len()).map(|(i, _)| i)
    };
    listed.iter().map(|listed| owner(&listed.path)).collect()
}

/// The tensor of each parameter in a file of Keras 3.
pub(super) fn vars(places: &[LayerPaths], listed: &[Listed]) -> HashMap<String, String> {
    let mut names = HashMap::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (listed, owner) in listed.iter().zip(owners(places, listed)) {
        let Some(place) = owner.map(|i| &places[i]) else { continue };
        // Layers of somebody's own may have others inside.
        let rest = inside(&place.ours, &listed.path).unwrap_or_default();
        let outer = rest.rsplit_once('.').map_or(String::new(), |(outer, _)| format!("/{}", outer.replace('.', "/")));
        let group = format!("{}{outer}", place.theirs);
        let count = counts.entry(group.clone()).or_default();
        names.insert(listed.path.clone(), format!("{group}/vars/{count}"));
        *count += 1;
    }
    names
}

/// The tensor of each parameter.
fn names(places: &[LayerPaths], listed: &[Listed], weights: &Weights) -> Result<HashMap<String, String>> {
    if weights.names().any(|name| name.contains("/vars/")) {
        return Ok(vars(places, listed));
    }
    let mut names = HashMap::new();
    let owners = owners(places, listed);
    let mut groups: HashMap<&str, Vec<(bool, &Listed)>> = HashMap::new();
    for (i, place) in places.iter().enumerate() {
        for (listed, _) in listed.iter().zip(&owners).filter(|(_, owner)| **owner == Some(i)) {
            groups.entry(&place.top).or_default().push((place.is_trainable && !listed.param.is_state(), listed));
        }
    }
    for (top, mut group) in groups {
        // The trainable ones of a layer come first.
        group.sort_by_key(|(is_trainable, _)| !is_trainable);
        let there: Vec<&str> = weights.names().filter(|name| is_of(top, name)).collect();
        // Seeds and counts are not weights of ours.
        let is_weight =
            |name: &&&str| !name.contains("seed_generator") && !name.ends_with("/count") && !name.ends_with("/count:0");
        let there: Vec<&&str> = there.iter().filter(is_weight).collect();
        if there.len() != group.len() {
            let expected: Vec<&str> = group.iter().map(|(_, listed)| listed.path.as_str()).collect();
            return Err(Error::Parameters(format!("layer `{top}`: expected tensors of {expected:?}, got {there:?}")));
        }
        for ((_, listed), name) in group.into_iter().zip(there) {
            names.insert(listed.path.clone(), (*name).to_owned());
        }
    }
    Ok(names)
}

/// Whether a tensor of an older file is of this layer.
fn is_of(layer: &str, name: &str) -> bool {
    let name = name.strip_prefix(WEIGHTS).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
    name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('/'))
}
