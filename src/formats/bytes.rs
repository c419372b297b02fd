//! The bytes of a file, shared by the tensors in it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::foreign;
use crate::error::{Error, Result};

/// A part of a file's bytes. Cloning costs a reference count.
#[derive(Clone)]
pub(crate) struct Bytes {
    all: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &(*self.all).as_ref()[self.range.clone()]
    }
}

impl Bytes {
    /// All of a file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        check(path)?;
        std::fs::read(path).map(Self::new).map_err(|error| Error::io(path, "cannot be read", error))
    }

    pub(super) fn new(all: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self { range: 0..all.as_ref().len(), all: Arc::new(all) }
    }

    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// A part of these bytes; `None` if they end before it does.
    pub(super) fn slice(&self, part: Range<usize>) -> Option<Self> {
        self.as_ref().get(part.clone())?;
        Some(Self { all: self.all.clone(), range: self.range.start + part.start..self.range.start + part.end })
    }
}

/// That there is a file, and one that ends: a pipe or a device may not.
pub(super) fn check(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(data) if data.is_file() => Ok(()),
        Ok(data) if data.is_dir() => {
            let other = || "cannot be read: it is a folder; give the file in it, such as `model.safetensors`".into();
            Err(Error::file(path, foreign::by_folder(path).unwrap_or_else(other)))
        }
        Ok(_) => Err(Error::file(path, "cannot be read: it is not a regular file")),
        Err(error) => Err(Error::io(path, "cannot be read", error)),
    }
}
