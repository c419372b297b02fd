//! Folders of Hugging Face: `config.json` and weights.

use std::path::Path;

use crate::error::{Error, Result};
use crate::formats::{Translation, Weights};

/// What files with the weights of a network are called, those with an index of several files among them.
pub(super) const NAMES: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// The weights in a folder.
pub(super) fn weights(folder: &Path) -> Result<Weights> {
    match NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
        Some(path) => Weights::open(path),
        None => Err(Error::file(folder, format!("expected a folder with the weights in one of {}", NAMES.join(", ")))),
    }
}

/// The error of a folder that does not fit, with the way to read a part of what is in it.
pub(super) fn whole(error: Error) -> Error {
    match error {
        Error::Parameters(text) => Error::Parameters(format!(
            "{text}\nA network that is a part of what is in the folder is read by `from_folder_with_prefix`, by the prefix of its names"
        )),
        other => other,
    }
}

/// The rules for the part of a file whose names have a prefix.
pub(super) fn below(translation: Translation, weights: &Weights, prefix: &str, folder: &Path) -> Result<Translation> {
    if !weights.names().any(|name| name.starts_with(prefix)) {
        let some: Vec<&str> = weights.names().take(3).collect();
        return Err(Error::file(
            folder,
            format!("expected a prefix of its tensors, got `{prefix}`; they are {}, ...", some.join(", ")),
        ));
    }
    let others = weights.names().filter(|name| !name.starts_with(prefix));
    Ok(others.fold(translation.rename(&format!("{prefix}*"), "*"), |translation, other| translation.ignore(other)))
}
