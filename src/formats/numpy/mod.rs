//! Arrays of NumPy (feature `numpy`): `.npy`, and `.npz`, which is a zip archive of such.

mod header;

use std::io::{Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use self::header::Header;
use super::NumberType;
use super::archive::Member;
use super::bytes::Bytes;
use super::stored::{Layout, Source, Stored};
use crate::error::{Error, Result};
use crate::files::write_file;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// The one array of an `.npy` file.
pub(super) fn read_npy(bytes: &Bytes) -> Result<Vec<(String, Stored)>, String> {
    let header = Header::read(|len| Ok(bytes.as_ref()[..len.min(bytes.len())].to_vec()));
    let stored = header.and_then(|header| array(header, Source::Bytes(bytes.clone())));
    Ok(vec![("array".into(), stored.map_err(|reason| format!("is not a valid .npy file: {reason}"))?)])
}

/// The arrays of an `.npz` file. What is wrong with one of them is an error where it is asked for.
pub(super) fn read_npz(members: Vec<Member>) -> Vec<(String, Stored)> {
    let mut arrays = Vec::with_capacity(members.len());
    for member in members {
        let Some(name) = member.name.strip_suffix(".npy").map(String::from) else { continue };
        let header = Header::read(|len| member.beginning(len));
        let stored = header.and_then(|header| array(header, Source::Member(member))).unwrap_or_else(|reason| {
            Stored::unreadable(NumberType::Other("?".into()), format!("is not a valid .npy array: {reason}"))
        });
        arrays.push((name, stored));
    }
    arrays
}

fn array(header: Header, source: Source) -> Result<Stored, String> {
    let Header { len, number, big_endian, column_major, shape } = header;
    let layout = match column_major {
        false => Layout::row_major(len, &shape)?,
        true => Layout::column_major(len, &shape)?,
    };
    let layout = Layout { big_endian, ..layout };
    let (there, size, text) = (source.len(), number.size(), format!("{shape:?} of {number}"));
    let stored = Stored::new(number, shape, layout, source)?;
    match size.map(|size| len + stored.shape.iter().product::<usize>() * size) {
        Some(end) if end < there => Err(format!("{text} needs {end} bytes, but there are {there}")),
        _ => Ok(stored),
    }
}

/// Writes tensors as `numpy.savez` does.
pub(super) fn write_npz(tensors: &[(String, Stored)], path: &Path) -> Result<()> {
    let write = || -> Result<Vec<u8>, String> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, stored) in tensors {
            let fail = |reason: String| format!("tensor `{name}`: {reason}");
            let (number, bytes) = match &stored.number {
                number if Header::descr(number).is_some() => (number.clone(), stored.bytes()),
                // NumPy has no such type.
                _ => (NumberType::FLOAT, Stored::from(stored.decode().map_err(fail)?).bytes()),
            };
            let bytes = bytes.map_err(fail)?;
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            let options = options.large_file(bytes.len() > u32::MAX as usize / 2);
            let header = Header::write(&number, &stored.shape).map_err(fail)?;
            zip.start_file(format!("{name}.npy"), options).map_err(|error| fail(error.to_string()))?;
            zip.write_all(&header).and_then(|()| zip.write_all(bytes.as_ref())).map_err(|e| fail(e.to_string()))?;
        }
        Ok(zip.finish().map_err(|error| error.to_string())?.into_inner())
    };
    write_file(path, &write().map_err(|reason| Error::file(path, format!("cannot be written: {reason}")))?)
}
