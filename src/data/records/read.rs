//! Reads examples from a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::header::Header;
use super::positioned::read_exact_at;
use crate::buffers::buffer;
use crate::data::{Batch, Dataset};
use crate::error::{Error, Result};
use crate::tensor::tensor;

/// Records that are read at once, where a batch wants neighbours.
const PIECE: usize = 1 << 20;

/// A file of examples, read where a batch wants them; see [`records`](super).
///
/// # Errors
/// a file that is absent, is not such a file, or is longer or shorter than it says; a disk that fails
#[derive(Clone, Debug)]
pub struct RecordFile {
    path: PathBuf,
    file: Arc<File>,
    header: Header,
    /// Where the records begin, and how long each is.
    start: u64,
    record: usize,
}

impl RecordFile {
    /// Opens a file that [`write`](super::write()) made.
    ///
    /// # Errors
    /// a file that is absent, is not such a file, or is longer or shorter than it says
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::file(path, error))?;
        let len = file.metadata().map_err(|error| Error::file(path, error))?.len();
        let mut start = 0;
        let take = |count: usize| {
            let mut bytes = vec![0; count];
            read_exact_at(&file, &mut bytes, start).map_err(|_| "is cut off in its header".to_string())?;
            start += count as u64;
            Ok(bytes)
        };
        let header = Header::decode(take).map_err(|reason| Error::file(path, reason))?;
        let record = header.record();
        let whole = record.and_then(|record| (record as u64).checked_mul(header.records as u64)?.checked_add(start));
        match (record, whole) {
            (Some(record), Some(whole)) if whole == len => {
                Ok(Self { path: path.into(), file: Arc::new(file), header, start, record })
            }
            _ => {
                let expected = whole.map_or("more than can be".into(), |whole| whole.to_string());
                let records = header.records;
                Err(Error::file(
                    path,
                    format!("expected {expected} bytes for {records} records, got {len}; is it cut off?"),
                ))
            }
        }
    }
}

impl Dataset for RecordFile {
    fn len(&self) -> usize {
        self.header.records
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        let (record, fields) = (self.record, &self.header.fields);
        let count = indices.len();
        let sizes: Vec<usize> = fields.iter().map(|field| field.shape.iter().product()).collect();
        let mut numbers: Vec<_> = sizes.iter().map(|size| buffer(size * count)).collect();
        let mut bytes = Vec::new();
        let mut done = 0;
        while done < count {
            let most = (PIECE / record.max(1)).max(1);
            let rest = &indices[done..];
            let run = rest.windows(2).take_while(|pair| pair[0].checked_add(1) == Some(pair[1])).count() + 1;
            let run = run.min(most);
            if rest[run - 1] >= self.len() {
                let (len, got) = (self.len(), rest[run - 1]);
                return Err(Error::file(&self.path, format!("expected numbers of records below {len}, got {got}")));
            }
            bytes.resize(run * record, 0);
            let position = self.start + rest[0] as u64 * record as u64;
            read_exact_at(&self.file, &mut bytes, position).map_err(|error| Error::file(&self.path, error))?;
            for (row, bytes) in bytes.chunks_exact(record.max(1)).enumerate() {
                let mut from = 0;
                for ((field, numbers), size) in fields.iter().zip(&mut numbers).zip(&sizes) {
                    let len = field.bytes().unwrap_or(0);
                    field.decode(&bytes[from..from + len], &mut numbers[(done + row) * size..][..*size]);
                    from += len;
                }
            }
            done += run;
        }
        let shaped = fields.iter().zip(numbers);
        let mut tensors: Vec<_> =
            shaped.map(|(field, numbers)| tensor(&[&[count], field.shape.as_slice()].concat(), numbers)).collect();
        let targets = tensors.split_off(self.header.inputs);
        Ok(Batch::new(tensors, targets))
    }
}
