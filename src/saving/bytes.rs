//! The bytes of a file, shared by the tensors in it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A part of a file's bytes. Cloning costs a reference count.
#[derive(Clone)]
pub(super) struct Bytes {
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
    pub(super) fn open(path: &Path) -> Result<Self> {
        let fail = |error: std::io::Error| Error::file(path, format!("cannot be read: {error}"));
        // A pipe or a device may never end.
        if !std::fs::metadata(path).map_err(fail)?.is_file() {
            return Err(Error::file(path, "cannot be read: it is no regular file"));
        }
        #[cfg(feature = "mmap")]
        let all = crate::kernels::map::map(path).map_err(fail)?;
        #[cfg(not(feature = "mmap"))]
        let all = std::fs::read(path).map_err(fail)?;
        Ok(Self::new(all))
    }

    fn new(all: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
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
