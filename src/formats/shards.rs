//! Weights in several files, with an index that says which tensor is in which: `model.safetensors.index.json`.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::Weights;
use crate::error::{Error, Result};
use crate::files::BYTE_ORDER_MARK;

/// The files of an index, each with the tensors that are to be in it.
pub(crate) struct Index(BTreeMap<String, Vec<String>>);

impl Index {
    /// That of a file, if it is one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Result<Self, String>> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return None;
        }
        let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let map = json.get("weight_map")?.as_object()?;
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, file) in map {
            let Some(file) = file.as_str() else {
                return Some(Err(format!("expected in `weight_map` the file of `{name}`, got {file}")));
            };
            let mut parts = Path::new(file).components();
            let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
                return Some(Err(format!("expected files beside it, got `{file}` for `{name}`")));
            };
            files.entry(file.into()).or_default().push(name.clone());
        }
        Some(Ok(Self(files)))
    }

    /// The names of the files.
    #[cfg(feature = "hub")]
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The tensors of all files, which are in the folder of the index; `open` opens one.
    pub(super) fn open(&self, path: &Path, open: impl Fn(&Path) -> Result<Weights>) -> Result<Weights> {
        let mut all = Weights::new();
        for (file, names) in &self.0 {
            let shard = open(&path.with_file_name(file))?;
            if let Some(name) = names.iter().find(|name| shard.shape(name).is_none()) {
                return Err(Error::file(path, format!("says that `{name}` is in `{file}`, where it is not")));
            }
            if let Some(name) = shard.names().find(|name| all.shape(name).is_some()) {
                return Err(Error::file(path, format!("has `{name}` in `{file}` and in another of its files")));
            }
            all.join(shard);
        }
        Ok(all)
    }
}
