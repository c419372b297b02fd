//! Members of zip archives (features `pytorch` and `numpy`), through the crate `zip`.

use std::io::{Cursor, Read};
use std::sync::{Arc, OnceLock};

use zip::{CompressionMethod, ZipArchive};

use super::bytes::Bytes;

/// Deflate says 258 bytes in two bits at best.
const MOST_INFLATED: usize = 1032;

/// A member of an archive, stored or deflated. Its bytes are read when they are asked for.
#[derive(Clone)]
pub(super) struct Member {
    archive: ZipArchive<Cursor<Bytes>>,
    index: usize,
    pub(super) name: String,
    /// Its length, unpacked.
    pub(super) len: usize,
    /// Where it lies in the archive as it is.
    stored: Option<Bytes>,
    sound: Arc<OnceLock<Result<(), String>>>,
}

/// The members of an archive, in its order, after a check that they can be what the archive says of them.
pub(super) fn members(bytes: &Bytes) -> Result<Vec<Member>, String> {
    let fail = |error| format!("is no sound zip archive: {error}");
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(fail)?;
    if archive.has_duplicate_names() {
        return Err("is no sound zip archive: two members have one name".into());
    }
    if archive.has_overlapping_entries().map_err(fail)? {
        return Err("is no sound zip archive: its members overlap, as in a zip bomb".into());
    }
    (0..archive.len()).map(|index| member(&mut archive, index, bytes)).collect()
}

fn member(archive: &mut ZipArchive<Cursor<Bytes>>, index: usize, bytes: &Bytes) -> Result<Member, String> {
    let entry = archive.by_index_raw(index).map_err(|error| format!("is no sound zip archive: {error}"))?;
    let name = entry.name().map_err(|error| format!("is no sound zip archive: {error}"))?.into_owned();
    let fail = |reason: String| format!("member `{name}`: {reason}");
    if name.starts_with('/') || name.split(['/', '\\']).any(|part| part == "..") {
        return Err(fail("leads out of the archive; nothing is read from such an archive".into()));
    }
    if entry.encrypted() {
        return Err(fail("is encrypted; unpack the archive, and pack it without a password".into()));
    }
    let [len, packed, start] = [entry.size(), entry.compressed_size(), entry.data_start().unwrap_or(u64::MAX)]
        .map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let part = bytes.slice(start..start.saturating_add(packed)).ok_or_else(|| fail("is cut off".into()))?;
    let stored = match entry.compression() {
        CompressionMethod::Stored if len == packed => Some(part),
        CompressionMethod::Deflated if len <= packed.saturating_mul(MOST_INFLATED) => None,
        CompressionMethod::Stored | CompressionMethod::Deflated => {
            return Err(fail(format!("says that {packed} bytes unpack to {len}, which they cannot")));
        }
        other => return Err(fail(format!("expected it stored or deflated, got {other}"))),
    };
    drop(entry);
    Ok(Member { archive: archive.clone(), index, name, len, stored, sound: Arc::default() })
}

impl Member {
    fn fail(&self, reason: impl std::fmt::Display) -> String {
        format!("member `{}` of the archive: {reason}", self.name)
    }

    /// Its bytes, after a check of its checksum.
    pub(super) fn bytes(&self) -> Result<Bytes, String> {
        match &self.stored {
            Some(stored) => {
                let check = || self.read(&mut std::io::sink());
                self.sound.get_or_init(check).clone().map(|()| stored.clone())
            }
            None => {
                let mut bytes = Vec::with_capacity(self.len);
                self.read(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }

    fn read(&self, out: &mut impl std::io::Write) -> Result<(), String> {
        let mut archive = self.archive.clone();
        let entry = archive.by_index(self.index).map_err(|error| self.fail(error))?;
        let read = std::io::copy(&mut entry.take(self.len as u64 + 1), out).map_err(|error| self.fail(error))?;
        match read == self.len as u64 {
            true => Ok(()),
            false => Err(self.fail(format!("expected {} bytes, got another number", self.len))),
        }
    }

    /// Its first bytes, or all if they are fewer.
    #[cfg(feature = "numpy")]
    pub(super) fn beginning(&self, len: usize) -> Result<Vec<u8>, String> {
        let mut archive = self.archive.clone();
        let entry = archive.by_index(self.index).map_err(|error| self.fail(error))?;
        let mut bytes = Vec::new();
        entry.take(len as u64).read_to_end(&mut bytes).map_err(|error| self.fail(error))?;
        Ok(bytes)
    }
}
