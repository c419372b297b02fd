//! Texts in files. [`TextVectorization`](crate::preprocessing::TextVectorization) makes numbers of them.

use std::path::Path;

use super::bytes;
use super::folder::{self, Classes};
use crate::error::{Error, Result};

/// The lines of a file, without their ends.
///
/// ```
/// let lines = gradus::data::text::lines("README.md")?;
/// assert!(lines[0].starts_with("# "));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// a file that cannot be read; bytes that are no UTF-8, by line
pub fn lines(path: impl AsRef<Path>) -> Result<Vec<String>> {
    Ok(read(path.as_ref())?.lines().map(String::from).collect())
}

fn read(path: &Path) -> Result<String> {
    let read = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    bytes::text(path, read)
}

/// Texts with classes.
#[derive(Clone, Debug, PartialEq)]
pub struct TextFolder {
    /// The texts.
    pub texts: Vec<String>,
    /// The number of the class of each.
    pub labels: ndarray::Array1<usize>,
    /// The names of the classes, in the order of their numbers.
    pub class_names: Vec<String>,
}

/// Reads all `.txt` files in the sub-folders of a folder, which are their classes, numbered in the order of the alphabet.
///
/// # Errors
/// a folder that is absent, or has no sub-folders or no such files; a file that cannot be read or is no UTF-8
/// # Reference
/// Keras `text_dataset_from_directory`
pub fn folder(folder: impl AsRef<Path>) -> Result<TextFolder> {
    let Classes { names, files } = folder::classes(folder.as_ref(), "texts", &["txt"])?;
    let texts = files.iter().map(|(path, _)| read(path)).collect::<Result<_>>()?;
    Ok(TextFolder { texts, labels: files.iter().map(|(_, class)| *class).collect(), class_names: names })
}
