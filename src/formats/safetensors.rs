//! The safetensors format, through the crate of that name.

use std::collections::BTreeMap;
use std::path::Path;

use ::safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};

use super::NumberType;
use super::bytes::Bytes;
use super::stored::{Layout, Source, Stored};
use crate::error::{Error, Result};
use crate::files::write_file;

/// Types of ours and theirs.
const TYPES: [(NumberType, Dtype); 18] = [
    (NumberType::F64, Dtype::F64),
    (NumberType::F32, Dtype::F32),
    (NumberType::F16, Dtype::F16),
    (NumberType::BF16, Dtype::BF16),
    (NumberType::F8E4M3, Dtype::F8_E4M3),
    (NumberType::F8E5M2, Dtype::F8_E5M2),
    (NumberType::F8E8M0, Dtype::F8_E8M0),
    (NumberType::F8E4M3FNUZ, Dtype::F8_E4M3FNUZ),
    (NumberType::F8E5M2FNUZ, Dtype::F8_E5M2FNUZ),
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
    let fail = |error| {
        let is_cut = matches!(error, SafeTensorError::MetadataIncompleteBuffer | SafeTensorError::InvalidHeaderLength);
        let hint = if is_cut { "; was it written or downloaded to its end?" } else { "" };
        format!("is not a valid safetensors file: {error}{hint}")
    };
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

/// The texts in the header of a file; none if it is of another format.
pub(super) fn metadata(bytes: &Bytes) -> BTreeMap<String, String> {
    let header = SafeTensors::read_metadata(bytes.as_ref()).ok();
    let mut texts = BTreeMap::new();
    for (name, text) in header.and_then(|(_, metadata)| metadata.metadata().clone()).unwrap_or_default() {
        texts.insert(name, text);
    }
    texts
}

/// Writes tensors, by type and then in the order of their names' bytes.
pub(super) fn write(tensors: &[(String, Stored)], metadata: &BTreeMap<String, String>, path: &Path) -> Result<()> {
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
    let bytes = bytes.map_err(|error| fail(error.to_string()))?;
    if metadata.is_empty() {
        return write_file(path, &bytes);
    }
    let with_metadata = with_metadata(&bytes, metadata).ok_or_else(|| fail("its header is not as expected".into()))?;
    write_file(path, &with_metadata)
}

/// The file with texts in its header, in the order of their names: the crate writes them in another one each time.
fn with_metadata(file: &[u8], texts: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk()?;
    let (header, tensors) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let entries = std::str::from_utf8(header).ok()?.trim_end().strip_prefix('{')?;
    let comma = if entries == "}" { "" } else { "," };
    let mut header = format!("{{\"__metadata__\":{}{comma}{entries}", serde_json::to_string(texts).ok()?);
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    Some([&(header.len() as u64).to_le_bytes(), header.as_bytes(), tensors].concat())
}
