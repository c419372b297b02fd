//! The IDX file format of MNIST, gzipped or not.

use std::path::Path;

use super::bytes;
use crate::error::{Error, Result};

/// Sizes and bytes of an IDX file of unsigned bytes: `name`, or `name.gz` where that is absent.
pub(super) fn read(folder: &Path, name: &str) -> Result<(Vec<usize>, Vec<u8>)> {
    let (path, bytes) = bytes::read(folder, name, "IDX")?;
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
