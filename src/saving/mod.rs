//! Weights in files.
//!
//! A model's own file is safetensors, with the parameters' paths as names: [`Model::save`](crate::Model::save) and
//! [`Model::load`](crate::Model::load). Loading checks every name and shape before it changes anything, and works before
//! the first forward.
//!
//! [`Translation`] maps names and layouts of other frameworks onto a model's, in both directions.
//! [`Weights`] are the tensors of any file that its contents show to be one of these:
//!
//! | format | feature | read | written |
//! | --- | --- | --- | --- |
//! | safetensors | | every type of number that [`NumberType`] names; others are listed | yes |
//! | `torch.save`, since 1.6 | `pytorch` | zip archive, stored or deflated | no |
//! | `torch.save`, before | `pytorch` | the stream of five pickles, with views of storages | no |
//! | `.npz` | `numpy` | `savez`, `savez_compressed`; members that are no `.npy` are left out | `savez`; types that NumPy lacks become `Float` |
//! | `.npy` | `numpy` | versions 1 to 3, both orders, both ends first; the tensor's name is `array` | no |
//!
//! A file of PyTorch may hold tensors and parameters of any shape, stride and shared storage, in dictionaries, lists, tuples
//! and objects in each other, whose keys, places and attributes become a name, joined by dots (`model.lstm.weight_ih_l0`,
//! `state.0.exp_avg`; a lone tensor is `tensor`; a key that is neither a text nor a whole number is its place, `[3]`). A module
//! that was saved whole, or as TorchScript, has the names of its `state_dict`. A pickle is a program, and nothing of it is run:
//! numbers, texts and unknown objects are left out. A tensor that depends on what is not known here (sparse, quantised or complex
//! ones, arrays of NumPy, what a function of somebody else makes) is listed, and an error where it is asked for.
//!
//! Files may be hostile. What one says of sizes is compared with the bytes that are there before memory is taken for it;
//! archives whose members overlap are refused, and members that unpack to more than they can. Nothing is unpacked to disk.
//! A file is read whole when it is opened; `Weights::open_mapped` (feature `mmap`) maps it into memory instead.
//!
//! Weights in several files are opened by their index, such as `model.safetensors.index.json` or
//! `pytorch_model.bin.index.json`. What is in no such format is named, with what to do (Git LFS pointers, web pages, HDF5, ONNX,
//! GGUF, checkpoints of TensorFlow, compressed files).
//!
//! A file is written under a temporary name beside its target and then renamed, so that a reader sees the old file or
//! the new one and nothing between.

#[cfg(any(feature = "pytorch", feature = "numpy"))]
mod archive;
mod bytes;
mod foreign;
mod formats;
mod gather;
#[cfg(feature = "mmap")]
mod mapped;
mod number_type;
#[cfg(feature = "numpy")]
mod numpy;
mod parameters;
#[cfg(feature = "pytorch")]
mod pytorch;
mod safetensors;
pub(crate) mod shards;
mod snapshot;
mod stored;
mod translation;
mod tuned;
mod weights;
mod whole;

pub use self::number_type::NumberType;
pub(crate) use self::parameters::save as save_parameters;
pub use self::snapshot::Snapshot;
pub use self::translation::{Report, Translation};
pub(crate) use self::tuned::{export as tuned_weights, load as load_tuned};
pub use self::weights::Weights;
pub(crate) use self::whole::save;

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// What some editors put before a text in UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Writes a whole file, or leaves what was there.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    if path.file_name().is_none() {
        return Err(Error::file(path, "is no file name; give one, such as `model.safetensors`"));
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!("{}{}-{number}.tmp", temporary_prefix(path), std::process::id()));
    let write = || {
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|error| {
        // What matters is the first error; the temporary file may not even exist.
        let _ = std::fs::remove_file(&temporary);
        Error::file(path, format!("cannot be written: {error}"))
    })
}

/// Refuses a file whose folder does not exist: said before a long run, and not at its end.
pub(crate) fn check_folder(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(Error::file(path, "cannot be written: it is a folder; name a file in it"));
    }
    if folder.is_dir() {
        return Ok(());
    }
    let reason = if folder.exists() { "is not a folder" } else { "does not exist; create it first" };
    Err(Error::file(path, format!("cannot be written: the folder `{}` {reason}", folder.display())))
}

/// A line of a CSV file. Cells with commas, quotes or line breaks are quoted, so that every reader gets them back.
pub(crate) fn csv_line<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let mut line = String::new();
    for (i, cell) in cells.into_iter().enumerate() {
        let cell = cell.as_ref();
        if i > 0 {
            line.push(',');
        }
        match cell.contains(['"', ',', '\n', '\r']) {
            true => line.extend(["\"", &cell.replace('"', "\"\""), "\""]),
            false => line.push_str(cell),
        }
    }
    line.push('\n');
    line
}

/// What the temporary names of a file begin with.
fn temporary_prefix(path: &Path) -> String {
    let name: String = path.file_name().unwrap_or_default().to_string_lossy().chars().take(40).collect();
    format!(".{name}.")
}

/// Deletes what earlier processes that were killed while they wrote this file have left of it.
pub(crate) fn remove_leftovers(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (prefix, own) = (temporary_prefix(path), format!("{}-", std::process::id()));
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".tmp"));
        let is_ours = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if rest.is_some_and(|rest| is_ours(rest) && !rest.starts_with(&own)) {
            // A file that another process has deleted is gone as well.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
