//! Folders of Hugging Face: `config.json` and weights.

use std::path::Path;

use crate::error::{Error, Result};
use crate::saving::Weights;

/// What files with all weights of a network are called.
const NAMES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// The weights in a folder.
pub(super) fn weights(folder: &Path) -> Result<Weights> {
    match NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
        Some(path) => Weights::open(path),
        None => Err(Error::file(
            folder,
            format!(
                "expected a folder with the weights in {} or {}; weights in several files are to be joined first",
                NAMES[0], NAMES[1]
            ),
        )),
    }
}
