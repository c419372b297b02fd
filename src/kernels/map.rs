//! Files as memory (feature `mmap`).

use std::fs::File;
use std::path::Path;

/// A file's bytes, which are read when they are looked at.
///
/// # Safety
/// Nobody may change or shorten the file as long as the bytes live.
pub unsafe fn map(path: &Path) -> std::io::Result<memmap2::Mmap> {
    let file = File::open(path)?;
    // SAFETY: the bytes are only read here, and the caller promises that nobody changes them.
    unsafe { memmap2::Mmap::map(&file) }
}
