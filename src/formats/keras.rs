//! Models of Keras (feature `keras`): `.keras`, `.weights.h5`, and the older `.h5` of Keras 2 and 3.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Weights;
use super::archive::Member;
use super::bytes::Bytes;
use super::hdf5::{self, Object};
use super::kinds::Contents;
use super::stored::Stored;
use crate::error::{Error, Result};
use crate::files::write_file;

type Read = std::result::Result<Contents, String>;

/// The metadata that holds a model's layers, in JSON.
pub(crate) const MODEL: &str = "model_config";

/// The metadata that holds the version of Keras that wrote the file.
const VERSION: &str = "keras_version";

/// Whether Keras 2 or an older one wrote a file.
pub(crate) fn is_old(weights: &Weights) -> bool {
    let version = weights.metadata(VERSION).and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    version.is_some_and(|version| version < 3)
}

/// What the groups of a whole model's layers are in, in older files.
pub(crate) const WEIGHTS: &str = "model_weights";

/// What the memory of an optimizer is in, in older files.
const OPTIMIZER: &str = "optimizer_weights";

/// The tensors of an HDF5 file: in older files of Keras in the order of its layers, and the model's description with them.
pub(super) fn read_h5(bytes: &Bytes) -> Read {
    let mut objects = hdf5::read(bytes)?;
    let mut metadata = BTreeMap::new();
    for name in [MODEL, "training_config", VERSION, "backend"] {
        if let Some([text]) = objects[0].texts(name) {
            metadata.insert(name.into(), text.clone());
        }
    }
    let mut ordered = Vec::with_capacity(objects.len());
    for path in in_order(&objects) {
        if let Some(object) = objects.iter_mut().find(|object| object.path == path)
            && let Some(data) = object.data.take()
        {
            ordered.push((path, data));
        }
    }
    ordered.extend(objects.into_iter().filter_map(|object| Some((object.path, object.data?))));
    Ok(Contents { tensors: ordered, metadata })
}

/// The paths of the tensors that the attributes of older files name, in their order.
fn in_order(objects: &[Object]) -> Vec<String> {
    let find = |path: &str| objects.iter().find(|object| object.path == path);
    let (root, prefix) = match find(WEIGHTS) {
        Some(group) => (Some(group), format!("{WEIGHTS}/")),
        None => (objects.first(), String::new()),
    };
    let mut paths = Vec::new();
    for layer in root.map(|root| texts(root, "layer_names")).unwrap_or_default() {
        let layer = format!("{prefix}{layer}");
        let names = find(&layer).map(|group| texts(group, "weight_names")).unwrap_or_default();
        paths.extend(names.iter().map(|name| format!("{layer}/{name}")));
    }
    let memory = find(OPTIMIZER).map(|group| texts(group, "weight_names")).unwrap_or_default();
    paths.extend(memory.iter().map(|name| format!("{OPTIMIZER}/{name}")));
    paths
}

/// The texts of an attribute, which Keras cuts into several where they are long.
fn texts(object: &Object, name: &str) -> Vec<String> {
    if let Some(texts) = object.texts(name) {
        return texts.to_vec();
    }
    let parts = (0..).map_while(|i| object.texts(&format!("{name}{i}")));
    parts.flatten().cloned().collect()
}

/// Whether an archive holds a model of Keras.
pub(super) fn is_keras(members: &[Member]) -> bool {
    ["config.json", "metadata.json"].iter().all(|name| members.iter().any(|member| member.name == *name))
}

/// The tensors of a `.keras` file, and the model's description with them.
pub(super) fn read_zip(members: Vec<Member>) -> Read {
    let find = |name: &str| members.iter().find(|member| member.name == name);
    let mut contents = match (find("model.weights.h5"), find("model.weights.npz")) {
        (Some(weights), _) => read_h5(&weights.bytes()?).map_err(|reason| format!("model.weights.h5: {reason}"))?,
        (None, Some(_)) => {
            return Err("has its weights in model.weights.npz; save the model in Keras without `npz`".into());
        }
        (None, None) => return Err("is a model of Keras without model.weights.h5; save it in Keras again".into()),
    };
    let text = |member: &Member| {
        String::from_utf8(member.bytes()?.as_ref().to_vec()).map_err(|_| format!("{} is not UTF-8", member.name))
    };
    if let Some(config) = find("config.json") {
        contents.metadata.insert(MODEL.into(), text(config)?);
    }
    // Functions have changed between versions.
    if let Some(metadata) = find("metadata.json") {
        let json: serde_json::Value = serde_json::from_str(&text(metadata)?).unwrap_or_default();
        let version = json["keras_version"].as_str().map(str::to_owned);
        contents.metadata.extend(version.map(|version| (VERSION.into(), version)));
    }
    Ok(contents)
}

/// Writes tensors as HDF5, whose groups are the parts of their names.
pub(super) fn write_h5(tensors: &[(String, Stored)], path: &Path) -> Result<()> {
    let bytes = hdf5::write(tensors).map_err(|reason| Error::file(path, format!("cannot be written: {reason}")))?;
    write_file(path, &bytes)
}

/// The description of a model in Keras' words: in the file, or for weights alone in a `config.json`, or a file of its name with that
/// ending, beside it.
pub(crate) fn description(weights: &Weights, path: &Path) -> Option<Result<String>> {
    if let Some(text) = weights.metadata(MODEL) {
        return Some(Ok(text.into()));
    }
    let name = path.file_name()?.to_str()?;
    let stem =
        name.strip_suffix(".weights.h5").or_else(|| name.strip_suffix(".h5")).or_else(|| name.strip_suffix(".hdf5"))?;
    let beside = [format!("{stem}.json"), "config.json".into()].map(|name| path.with_file_name(name));
    let found = beside.iter().find(|path| path.is_file())?;
    Some(std::fs::read_to_string(found).map_err(|error| Error::file(found, format!("cannot be read: {error}"))))
}

/// Writes a `.keras` file: a description and the tensors that it needs.
pub(crate) fn write_model(config: &str, weights: &Weights, path: &Path) -> Result<()> {
    let write = || -> std::result::Result<Vec<u8>, String> {
        let tensors = hdf5::write(weights.stored_tensors())?;
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let metadata = r#"{"keras_version": "3.15.1", "date_saved": ""}"#;
        let members: [(&str, &[u8]); 3] = [
            ("metadata.json", metadata.as_bytes()),
            ("config.json", config.as_bytes()),
            ("model.weights.h5", &tensors),
        ];
        for (name, bytes) in members {
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            let options = options.large_file(bytes.len() > u32::MAX as usize / 2);
            zip.start_file(name, options).map_err(|error| error.to_string())?;
            zip.write_all(bytes).map_err(|error| error.to_string())?;
        }
        Ok(zip.finish().map_err(|error| error.to_string())?.into_inner())
    };
    write_file(path, &write().map_err(|reason| Error::file(path, format!("cannot be written: {reason}")))?)
}
