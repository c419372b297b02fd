//! Members of zip archives (features `pytorch` and `numpy`), through the crate `zip`.

use std::io::{Cursor, Read};
use std::sync::{Arc, OnceLock};

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::bytes::Bytes;

/// Deflate says 258 bytes in two bits at best.
const MOST_INFLATED: usize = 1032;

/// A member of an archive, stored or deflated. Its bytes are read when they are asked for.
#[derive(Clone)]
pub(super) struct Member {
    archive: ZipArchive<Cursor<Bytes>>,
    index: usize,
    /// Only a name: nothing is unpacked to disk, so one that leads out of the archive does no harm.
    pub(super) name: String,
    /// Its length, unpacked.
    pub(super) len: usize,
    place: Result<Compression, String>,
    sound: Arc<OnceLock<Result<(), String>>>,
}

/// How a member lies in the archive.
#[derive(Clone)]
enum Compression {
    /// As it is; with a checksum, or without.
    Stored(Bytes, bool),
    Deflated,
}

/// The members of an archive, in its order. What is wrong with one of them is an error of that one.
pub(super) fn members(bytes: &Bytes) -> Result<Vec<Member>, String> {
    let fail = |error| format!("is not a valid zip archive: {error}; was it written or downloaded to its end?");
    // Such a file begins with its first member. To look for another beginning would find one in the padding that PyTorch
    // puts before its data.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, Cursor::new(bytes.clone())).map_err(fail)?;
    if archive.has_duplicate_names() {
        return Err("is not a valid zip archive: two members have one name".into());
    }
    if archive.has_overlapping_entries().map_err(fail)? {
        return Err("is not a valid zip archive: its members overlap, as in a zip bomb".into());
    }
    (0..archive.len()).map(|index| member(&mut archive, index, bytes)).collect()
}

fn member(archive: &mut ZipArchive<Cursor<Bytes>>, index: usize, bytes: &Bytes) -> Result<Member, String> {
    let entry = archive.by_index_raw(index).map_err(|error| format!("is not a valid zip archive: {error}"))?;
    let name = entry.name().map_or_else(|_| String::from_utf8_lossy(entry.name_raw()).into(), |name| name.into_owned());
    let [len, packed, start] = [entry.size(), entry.compressed_size(), entry.data_start().unwrap_or(u64::MAX)]
        .map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let place = match (entry.compression(), bytes.slice(start..start.saturating_add(packed))) {
        _ if entry.encrypted() => Err("is encrypted; unpack the archive, and pack it without a password".into()),
        (_, None) => Err("is cut off".into()),
        // PyTorch writes 0 where it was told to compute none.
        (CompressionMethod::Stored, Some(part)) if len == packed => Ok(Compression::Stored(part, entry.crc32() != 0)),
        (CompressionMethod::Deflated, _) if len <= packed.saturating_mul(MOST_INFLATED) => Ok(Compression::Deflated),
        (CompressionMethod::Stored | CompressionMethod::Deflated, _) => {
            Err(format!("says that {packed} bytes unpack to {len}, which they cannot"))
        }
        (other, _) => Err(format!("expected it stored or deflated, got {other}; pack it again")),
    };
    drop(entry);
    Ok(Member { archive: archive.clone(), index, name, len, place, sound: Arc::default() })
}

impl Member {
    fn fail(&self, reason: impl std::fmt::Display) -> String {
        format!("member `{}` of the archive: {reason}", self.name)
    }

    /// Its bytes, after a check of its checksum.
    pub(super) fn bytes(&self) -> Result<Bytes, String> {
        match &self.place {
            Ok(Compression::Stored(stored, true)) => {
                let check = || self.read(&mut std::io::sink());
                self.sound.get_or_init(check).clone().map(|()| stored.clone())
            }
            Ok(Compression::Stored(stored, false)) => Ok(stored.clone()),
            Ok(Compression::Deflated) => {
                let mut bytes = Vec::with_capacity(self.len);
                self.read(&mut bytes)?;
                Ok(bytes.into())
            }
            Err(reason) => Err(self.fail(reason)),
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
        match &self.place {
            Ok(Compression::Stored(stored, _)) => return Ok(stored.as_ref()[..len.min(stored.len())].to_vec()),
            Ok(Compression::Deflated) => {}
            Err(reason) => return Err(self.fail(reason)),
        }
        let mut archive = self.archive.clone();
        let entry = archive.by_index(self.index).map_err(|error| self.fail(error))?;
        let mut bytes = Vec::new();
        entry.take(len as u64).read_to_end(&mut bytes).map_err(|error| self.fail(error))?;
        Ok(bytes)
    }
}
