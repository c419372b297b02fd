//! The safetensors format, through the crate of that name.

use std::path::Path;

use ::safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::NumberType;
use super::bytes::Bytes;
use super::stored::{Layout, Source, Stored};
use super::write_file;
use crate::error::{Error, Result};

/// Types of ours and theirs.
const TYPES: [(NumberType, Dtype); 13] = [
    (NumberType::F64, Dtype::F64),
    (NumberType::F32, Dtype::F32),
    (NumberType::F16, Dtype::F16),
    (NumberType::BF16, Dtype::BF16),
    (NumberType::I64, Dtype::I64),
    (NumberType::I32, Dtype::I32),
    (NumberType::I16, Dtype::I16),
    (NumberType::I8, Dtype::I8),
    (NumberType::U64, Dtype::U64),
    (NumberType::U32, Dtype::U32),
    (NumberType::U16, Dtype::U16),
    (NumberType::U8, Dtype::U8),
    (NumberType::Bool, Dtype::BOOL),
];

/// The tensors of a file, in the order of their bytes.
pub(super) fn read(bytes: &Bytes) -> Result<Vec<(String, Stored)>, String> {
    let fail = |error| format!("is no sound safetensors file: {error}");
    let (header, metadata) = SafeTensors::read_metadata(bytes.as_ref()).map_err(fail)?;
    let mut names = metadata.offset_keys();
    // Empty tensors share their place.
    names.sort_by_cached_key(|name| (metadata.info(name).map(|info| info.data_offsets), name.clone()));
    let stored = |name: String| {
        let info = metadata.info(&name).ok_or_else(|| format!("has no entry for `{name}`"))?;
        let number = TYPES.iter().find(|(_, theirs)| *theirs == info.dtype).map(|(ours, _)| ours.clone());
        let number = number.unwrap_or_else(|| NumberType::Other(info.dtype.to_string().into()));
        let (begin, end) = info.data_offsets;
        let part = bytes.slice(8 + header + begin..8 + header + end).ok_or("is cut off")?;
        let stored = Layout::row_major(0, &info.shape)
            .and_then(|layout| Stored::new(number, info.shape.clone(), layout, Source::Bytes(part)));
        Ok((name.clone(), stored.map_err(|reason| format!("tensor `{name}`: {reason}"))?))
    };
    names.into_iter().map(stored).collect()
}

/// Writes tensors, by type and then in the order of their names' bytes.
pub(super) fn write(tensors: &[(String, Stored)], path: &Path) -> Result<()> {
    let fail = |error: String| Error::file(path, format!("cannot be written: {error}"));
    let packed = tensors.iter().map(|(name, stored)| {
        let bytes = stored.bytes().map_err(|reason| fail(format!("tensor `{name}`: {reason}")))?;
        let dtype = TYPES.iter().find(|(ours, _)| *ours == stored.number).map(|(_, theirs)| *theirs);
        Ok((name, dtype.ok_or_else(|| fail(stored.number.unreadable()))?, &stored.shape, bytes))
    });
    let packed = packed.collect::<Result<Vec<_>>>()?;
    let views = packed.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.to_vec(), bytes.as_ref()).map_err(|error| fail(error.to_string()))?;
        Ok((name, view))
    });
    let bytes = ::safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None);
    write_file(path, &bytes.map_err(|error| fail(error.to_string()))?)
}
