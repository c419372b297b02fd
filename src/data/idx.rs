//! The IDX file format of MNIST, gzipped or not.

use std::path::Path;

use crate::error::{Error, Result};

/// Sizes and bytes of an IDX file of unsigned bytes: `name`, or `name.gz` where that is absent.
pub(super) fn read(folder: &Path, name: &str) -> Result<(Vec<usize>, Vec<u8>)> {
    let plain = folder.join(name);
    let zipped = folder.join(format!("{name}.gz"));
    let (path, bytes) = if plain.exists() {
        let bytes = std::fs::read(&plain).map_err(|error| Error::file(&plain, error))?;
        (plain, bytes)
    } else if zipped.exists() {
        let bytes = unzip(&zipped)?;
        (zipped, bytes)
    } else {
        return Err(Error::file(
            &plain,
            format!("no such file, and no {name}.gz beside it; name the folder of the IDX files"),
        ));
    };
    let fail = |reason: String| Error::file(&path, reason);
    let [0, 0, kind, axes, rest @ ..] = bytes.as_slice() else {
        return Err(fail(format!(
            "is no IDX file: expected it to begin with two zero bytes, got {:?}",
            &bytes[..bytes.len().min(4)]
        )));
    };
    if *kind != 8 {
        return Err(fail(format!("expected an IDX file of unsigned bytes (type 8), got type {kind}")));
    }
    let axes = usize::from(*axes);
    if rest.len() < axes * 4 {
        return Err(fail(format!("is cut off in its header: expected {} bytes, got {}", 4 + axes * 4, bytes.len())));
    }
    let (header, body) = rest.split_at(axes * 4);
    let sizes: Vec<usize> =
        header.chunks_exact(4).map(|n| u32::from_be_bytes([n[0], n[1], n[2], n[3]]) as usize).collect();
    let total = sizes.iter().try_fold(1_usize, |total, size| total.checked_mul(*size));
    if total != Some(body.len()) {
        return Err(fail(format!(
            "expected the bytes of an array {sizes:?} after its header, got {}; is it cut off?",
            body.len()
        )));
    }
    Ok((sizes, body.to_vec()))
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
