//! Folders whose sub-folders are classes.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What is looked for in the folders.
pub(super) struct Wanted {
    /// The word for it in messages: "images".
    pub what: &'static str,
    /// The extensions of files that are read, in lower case.
    pub extensions: &'static [&'static str],
    /// The extensions of files of the same kind that cannot be read, which would otherwise be missed without a word.
    pub refused: &'static [&'static str],
}

/// Files with the number of their class.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    /// The names of the sub-folders.
    pub names: Vec<String>,
    /// The files, sorted within each class, with the number of the class.
    pub files: Vec<(PathBuf, usize)>,
    /// The files that have another extension or no class, and the folders without files that are read.
    pub left_out: Vec<PathBuf>,
}

/// What is in a folder, sorted, without what systems and programs put there for themselves.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::file(folder, error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let hidden = name.starts_with('.')
            || ["__macosx", "__pycache__", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini"]
                .contains(&name.as_str());
        if !hidden {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Adds the files of a folder and of all folders in it. `above` are the folders that lead to it, without links, so that a
/// link to one of them ends.
fn walk(folder: &Path, wanted: &Wanted, above: &mut Vec<PathBuf>, found: &mut [Vec<PathBuf>; 2]) -> Result<()> {
    let real = folder.canonicalize().map_err(|error| Error::file(folder, error))?;
    if above.contains(&real) {
        return Err(Error::file(folder, "is a link to a folder that it is in; remove it"));
    }
    above.push(real);
    for path in entries(folder)? {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            walk(&path, wanted, above, found)?;
        } else if wanted.extensions.contains(&extension.as_str()) {
            found[0].push(path);
        } else if wanted.refused.contains(&extension.as_str()) {
            let (what, known) = (wanted.what, wanted.extensions.join(", "));
            let reason = format!("expected {what} of the kinds {known}, got {extension}; convert it, or move it away");
            return Err(Error::file(path, reason));
        } else {
            found[1].push(path);
        }
    }
    above.pop();
    Ok(())
}

/// The files in the sub-folders of `root`, however deep. The classes are the sub-folders with such files, in the order of the
/// alphabet, or the `given` ones, in their order and with or without files.
pub(super) fn classes(root: &Path, wanted: &Wanted, given: Option<&[String]>) -> Result<Classes> {
    let (what, mut classes) = (wanted.what, Classes::default());
    if let Some(names) = given {
        classes.names = names.to_vec();
    }
    let mut folders = 0;
    for path in entries(root)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let class = match given {
            Some(names) => names.iter().position(|known| *known == name),
            None => Some(classes.names.len()),
        };
        let (Some(class), true) = (class, path.is_dir()) else {
            classes.left_out.push(path);
            continue;
        };
        folders += 1;
        let mut found = [Vec::new(), Vec::new()];
        walk(&path, wanted, &mut Vec::new(), &mut found)?;
        let [files, others] = found;
        classes.left_out.extend(others);
        if files.is_empty() {
            classes.left_out.push(path);
            continue;
        }
        classes.files.extend(files.into_iter().map(|path| (path, class)));
        if given.is_none() {
            classes.names.push(name);
        }
    }
    if folders == 0 {
        return Err(Error::file(root, format!("expected a sub-folder of {what} for each class, got none")));
    }
    if classes.files.is_empty() {
        let extensions = wanted.extensions.join(", ");
        return Err(Error::file(root, format!("expected {what} ({extensions}) in its sub-folders, got none")));
    }
    // Classes in another order than that of the alphabet stand together too.
    classes.files.sort_by_key(|(_, class)| *class);
    Ok(classes)
}
