//! Files of weights as memory (feature `mmap`).

use std::path::Path;

use super::Weights;
use super::bytes::{Bytes, check};
use crate::error::{Error, Result};

impl Weights {
    /// Opens a file as [`Weights::open`] does, without reading it: its bytes are mapped into memory (feature `mmap`), and read
    /// where a tensor is asked for. For files that do not fit into memory, or of which little is wanted. The files of an index
    /// of shards are mapped as well.
    ///
    /// ```no_run
    /// use gradus::saving::Weights;
    /// // SAFETY: nothing changes this file while the program runs.
    /// let weights = unsafe { Weights::open_mapped("model.safetensors.index.json")? };
    /// println!("{weights}");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Safety
    /// As long as these `Weights` or clones of them live, nobody may change or shorten the file or its shards, in this process or
    /// in another. To delete a file, or to rename another one into its place, as this crate does when it saves, is safe.
    ///
    /// # Errors
    /// as those of [`Weights::open`]
    #[allow(unsafe_code)]
    pub unsafe fn open_mapped(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), &|path| {
            check(path)?;
            // SAFETY: the caller promises that nobody changes the file as long as its bytes live.
            let map = unsafe { crate::kernels::map::map(path) };
            map.map(Bytes::new).map_err(|error| Error::io(path, "cannot be read", error))
        })
    }
}
