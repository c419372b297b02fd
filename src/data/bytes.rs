//! The bytes of files, gzipped or not.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Path and bytes of the file `name` in a folder, or of `name.gz`, unpacked, where that is absent. `kind` says what
/// files the folder should have.
pub(super) fn read(folder: &Path, name: &str, kind: &str) -> Result<(PathBuf, Vec<u8>)> {
    let plain = folder.join(name);
    let zipped = folder.join(format!("{name}.gz"));
    if plain.exists() {
        let bytes = std::fs::read(&plain).map_err(|error| Error::file(&plain, error))?;
        Ok((plain, bytes))
    } else if zipped.exists() {
        let bytes = unzip(&zipped)?;
        Ok((zipped, bytes))
    } else {
        let reason = format!("no such file, and no {name}.gz beside it; name the folder of the {kind} files");
        Err(Error::file(&plain, reason))
    }
}

#[cfg(feature = "gzip")]
fn unzip(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|error| Error::file(path, error))?;
    let mut bytes = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(std::io::BufReader::new(file));
    reader.read_to_end(&mut bytes).map_err(|error| Error::file(path, format!("is no sound gzip file: {error}")))?;
    Ok(bytes)
}

#[cfg(not(feature = "gzip"))]
fn unzip(path: &Path) -> Result<Vec<u8>> {
    Err(Error::file(path, "is gzipped; unpack it, or switch on gradus' feature `gzip`"))
}

/// The text of a file.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::file(path, format!("line {line}: expected UTF-8 text, got other bytes"))
    })
}
