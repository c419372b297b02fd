//! Folders whose sub-folders are classes.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Files with the number of their class.
pub(super) struct Classes {
    /// The names of the sub-folders, sorted.
    pub names: Vec<String>,
    /// The files with one of the extensions, sorted, and the number of their class.
    pub files: Vec<(PathBuf, usize)>,
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::file(folder, error);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(fail)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(fail))
        .collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// The files of this `kind` in the sub-folders of `root`, by their extensions, whatever their case.
pub(super) fn classes(root: &Path, kind: &str, extensions: &[&str]) -> Result<Classes> {
    let folders: Vec<PathBuf> = entries(root)?.into_iter().filter(|path| path.is_dir()).collect();
    if folders.is_empty() {
        return Err(Error::file(root, format!("expected a sub-folder of {kind} for each class, got none")));
    }
    let mut classes = Classes { names: Vec::new(), files: Vec::new() };
    for (class, folder) in folders.iter().enumerate() {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        classes.names.push(name);
        let wanted = |path: &PathBuf| {
            let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            extensions.contains(&extension.as_str()) && path.is_file()
        };
        classes.files.extend(entries(folder)?.into_iter().filter(wanted).map(|path| (path, class)));
    }
    if classes.files.is_empty() {
        let extensions = extensions.join(", ");
        return Err(Error::file(root, format!("expected {kind} ({extensions}) in its sub-folders, got none")));
    }
    Ok(classes)
}
