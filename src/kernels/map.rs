//! Files as memory (feature `mmap`).

use std::fs::File;
use std::path::Path;

/// A file's bytes, which are read when they are looked at.
pub fn map(path: &Path) -> std::io::Result<memmap2::Mmap> {
    let file = File::open(path)?;
    // SAFETY: the bytes are only read; that nobody changes the file meanwhile is what the feature asks of its user.
    unsafe { memmap2::Mmap::map(&file) }
}
