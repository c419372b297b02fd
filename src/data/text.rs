//! Texts in files. [`TextVectorization`](crate::preprocessing::TextVectorization) makes numbers of them.

use std::path::{Path, PathBuf};

use super::bytes;
use super::folder::{self, Classes, Wanted};
use crate::error::Result;

/// How the bytes of a file stand for characters. A byte order mark is left out of the text, and one of UTF-16 is obeyed
/// whatever the encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8; other bytes are an error that names the file and the line.
    #[default]
    Utf8,
    /// UTF-8, with `U+FFFD` in the place of what is not.
    Utf8Lossy,
    /// Windows-1252, which holds all characters of Latin-1 (ISO 8859-1).
    #[doc(alias = "latin1")]
    Windows1252,
}

/// Reads the lines of a file of UTF-8, gzipped (feature `gzip`) or not, without their ends.
///
/// ```
/// let lines = gradus::data::text::lines("README.md")?;
/// assert!(lines[0].starts_with("# "));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// a file that cannot be read; bytes that are not UTF-8, by line
pub fn lines(path: impl AsRef<Path>) -> Result<Vec<String>> {
    lines_with(path, Encoding::Utf8)
}

/// Reads [`lines`] in this encoding.
///
/// # Errors
/// a file that cannot be read; bytes that are not of this encoding, by line
pub fn lines_with(path: impl AsRef<Path>, encoding: Encoding) -> Result<Vec<String>> {
    Ok(read(path.as_ref(), encoding)?.lines().map(String::from).collect())
}

fn read(path: &Path, encoding: Encoding) -> Result<String> {
    bytes::text(path, bytes::file(path)?, encoding)
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
    /// What is in the folder and was not read: files of other kinds or outside of the classes, and folders without texts.
    /// Hidden files are in neither.
    pub left_out: Vec<PathBuf>,
}

/// Reads all `.txt` files in the sub-folders of a folder, which are their classes, numbered in the order of the alphabet.
/// [`TextFiles`] has options.
///
/// # Errors
/// a folder that is absent, or has no sub-folders or no such files; a file that cannot be read or is not UTF-8
/// # Reference
/// Keras `text_dataset_from_directory`
pub fn folder(folder: impl AsRef<Path>) -> Result<TextFolder> {
    TextFiles::new(folder.as_ref()).read()
}

/// How to read the texts of a folder.
///
/// Sub-folders of a class belong to it. Hidden files and folders are passed over, and [`TextFolder::left_out`] lists the rest of
/// what is not read.
///
/// # Defaults
/// UTF-8; each sub-folder with texts is a class, numbered in the order of the alphabet
/// # Example
/// ```no_run
/// use gradus::data::text::{Encoding, TextFiles};
/// let train = TextFiles::new("reviews/train").encoding(Encoding::Utf8Lossy).read()?;
/// let test = TextFiles::new("reviews/test").classes(train.class_names.clone()).read()?;
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TextFiles {
    folder: PathBuf,
    encoding: Encoding,
    classes: Option<Vec<String>>,
}

impl TextFiles {
    /// Creates a reader of this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), encoding: Encoding::Utf8, classes: None }
    }

    /// Sets the encoding of the files.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets which sub-folders are classes, in the order of their numbers, whether they have texts or not: those of the training
    /// set give a test set the same numbers.
    pub fn classes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.classes = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Reads the `.txt` files.
    ///
    /// # Errors
    /// a folder that is absent, or has no sub-folders or no such files; a file that cannot be read or is not of the encoding:
    /// the error names it
    pub fn read(&self) -> Result<TextFolder> {
        let wanted = Wanted { what: "texts", extensions: &["txt"], refused: &[] };
        let Classes { names, files, left_out } = folder::classes(&self.folder, &wanted, self.classes.as_deref())?;
        let texts = files.iter().map(|(path, _)| read(path, self.encoding)).collect::<Result<_>>()?;
        let labels = files.iter().map(|(_, class)| *class).collect();
        Ok(TextFolder { texts, labels, class_names: names, left_out })
    }
}
