//! Weights in files: safetensors, with the parameters' paths as names.
//!
//! A file is written under a temporary name beside its target and then renamed, so that a reader sees the old file or
//! the new one and nothing between. Loading checks every name and shape before it changes anything, and works before
//! the first forward.

mod bytes;
mod number_type;
mod parameters;
mod safetensors;
mod stored;
mod translation;
mod weights;

pub use self::number_type::NumberType;
pub(crate) use self::parameters::save;
pub use self::translation::{Report, Translation};
pub use self::weights::Weights;

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// Writes a whole file, or leaves what was there.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    if path.file_name().is_none() {
        return Err(Error::file(path, "is no file name; give one, such as `model.safetensors`"));
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".gradus-{}-{number}.tmp", std::process::id()));
    let write = || {
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|error| {
        // What matters is the first error; the temporary file may not even exist.
        let _ = std::fs::remove_file(&temporary);
        Error::file(path, format!("cannot be written: {error}"))
    })
}
