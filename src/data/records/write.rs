//! Writes examples to a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use num_traits::AsPrimitive;

use super::Kind;
use super::header::{Field, Header};
use crate::data::{Batch, Dataset, numbers};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// Examples that are in memory at once.
const PART: usize = 64;

/// Writes all examples of a dataset to a file, a few at a time; see [`records`](super). Inputs are stored as `kind`, targets
/// as `f32`. A file of that name is replaced once all is written.
///
/// # Errors
/// an empty dataset; examples that cannot be read, or differ in shape; numbers that are not bytes, for [`Kind::Byte`];
/// a file that cannot be written
pub fn write(path: impl AsRef<Path>, dataset: &dyn Dataset, kind: Kind) -> Result<()> {
    let path = path.as_ref();
    dataset.check()?;
    if dataset.is_empty() {
        return Err(Error::value("records: expected at least one example, got an empty dataset"));
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = write_all(&partial, dataset, kind)
        .and_then(|()| std::fs::rename(&partial, path).map_err(|error| Error::file(path, error)));
    if written.is_err() {
        // What is left is of no use; that it cannot be removed is the lesser error.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

fn write_all(path: &Path, dataset: &dyn Dataset, kind: Kind) -> Result<()> {
    let fail = |error: std::io::Error| Error::file(path, error);
    let mut file = BufWriter::new(File::create(path).map_err(fail)?);
    let first = dataset.batch(&[0])?;
    let fields = |tensors: &[Tensor], kind| -> Vec<Field> {
        tensors.iter().map(|tensor| Field { kind, shape: tensor.shape().get(1..).unwrap_or_default().into() }).collect()
    };
    let describe = |batch: &Batch| [fields(&batch.inputs, kind), fields(&batch.targets, Kind::Float32)].concat();
    let header = Header { records: dataset.len(), inputs: first.inputs.len(), fields: describe(&first) };
    file.write_all(&header.encode()).map_err(fail)?;
    let mut bytes = Vec::new();
    for part in numbers(dataset.len())?.chunks(PART) {
        let batch = dataset.batch(part)?;
        let whole = batch.inputs.iter().chain(&batch.targets).all(|tensor| tensor.shape().first() == Some(&part.len()));
        if !whole || batch.inputs.len() != header.inputs || describe(&batch) != header.fields {
            return Err(Error::shape(format!(
                "records: expected examples {} to {} to have the shapes of example 0",
                part[0],
                part[part.len() - 1]
            )));
        }
        let tensors: Vec<_> =
            batch.inputs.iter().chain(&batch.targets).map(|tensor| tensor.as_standard_layout()).collect();
        for (row, example) in part.iter().enumerate() {
            bytes.clear();
            for (tensor, field) in tensors.iter().zip(&header.fields) {
                let size: usize = field.shape.iter().product();
                let numbers = &tensor.as_slice().unwrap_or_default()[row * size..][..size];
                encode(field.kind, numbers, *example, &mut bytes)?;
            }
            file.write_all(&bytes).map_err(fail)?;
        }
    }
    let file = file.into_inner().map_err(|error| fail(error.into_error()))?;
    file.sync_all().map_err(fail)
}

fn encode(kind: Kind, numbers: &[Float], example: usize, bytes: &mut Vec<u8>) -> Result<()> {
    for x in numbers {
        match kind {
            Kind::Float32 => bytes.extend(AsPrimitive::<f32>::as_(*x).to_le_bytes()),
            Kind::Byte if (0.0..=255.0).contains(x) && x.fract() == 0.0 => bytes.push(*x as u8),
            Kind::Byte => {
                return Err(Error::value(format!(
                    "records: expected whole numbers in 0..=255 to store as bytes, got {x} in example {example}; store \
                     them as `Float32`"
                )));
            }
        }
    }
    Ok(())
}
