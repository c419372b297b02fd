//! Files that are written whole or not at all, and lines of text in them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// What some editors put before a text in UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the file of a name is: behind a link, whose target is what people mean.
fn behind_links(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.into())
}

/// Writes a whole file, or leaves what was there. A link stays a link, and what is no file, such as `/dev/null` or a pipe, is written to.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    if path.as_os_str().is_empty() {
        return Err(Error::value("expected a file to write, such as `model.safetensors`, got an empty path"));
    }
    if path.file_name().is_none() {
        return Err(Error::file(path, "is not a file name; give one, such as `model.safetensors`"));
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let target = behind_links(path);
    let name = format!("{}{}-{number}.tmp", temporary_prefix(&target), std::process::id());
    let temporary = target.with_file_name(name);
    let is_device = target.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
    let write = || {
        if is_device {
            return std::fs::write(&target, bytes);
        }
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &target)
    };
    write().map_err(|error| {
        // What matters is the first error; the temporary file may not even exist.
        let _ = std::fs::remove_file(&temporary);
        Error::io(path, "cannot be written", error)
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
    let path = &behind_links(path);
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
