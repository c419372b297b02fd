//! The small sets in scikit-learn: the folder `sklearn/datasets/data` of its package on PyPI has the files (a wheel is a zip
//! file). Files that end in `.gz` need the feature `gzip`, or to be unpacked.
//!
//! ```no_run
//! use gradus::prelude::*;
//! use gradus::data::scikit_learn;
//! let (train, test) = scikit_learn::iris("sklearn/datasets/data")?.stratified_split(0.8, 1)?;
//! # Ok::<(), gradus::Error>(())
//! ```

use std::path::Path;

use super::table::{check_classes, numbers, split_last};
use super::text::Encoding;
use super::{Table, bytes};
use crate::error::{Error, Result};

/// Loads 150 irises of 3 species by 4 lengths, from `iris.csv`.
///
/// # Errors
/// a file that is absent, cut off or corrupt; so have the others
/// # Reference
/// Fisher 1936
pub fn iris(folder: impl AsRef<Path>) -> Result<Table> {
    let names = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"];
    classes(folder.as_ref(), "iris.csv", Some(&names))
}

/// Loads 178 wines of 3 cultivars by 13 chemical figures, from `wine_data.csv`.
///
/// # Errors
/// those of [`iris`]
pub fn wine(folder: impl AsRef<Path>) -> Result<Table> {
    classes(folder.as_ref(), "wine_data.csv", None)
}

/// Loads 569 tumours, malignant (0) or benign (1), by 30 figures, from `breast_cancer.csv`.
///
/// # Errors
/// those of [`iris`]
/// # Reference
/// Street, Wolberg & Mangasarian 1993
pub fn breast_cancer(folder: impl AsRef<Path>) -> Result<Table> {
    classes(folder.as_ref(), "breast_cancer.csv", None)
}

/// Loads 442 patients by 10 raw figures, and how their diabetes progressed, a number, from `diabetes_data_raw.csv` and
/// `diabetes_target.csv`, gzipped or not.
///
/// # Errors
/// those of [`iris`]
/// # Reference
/// Efron, Hastie, Johnstone & Tibshirani 2004
pub fn diabetes(folder: impl AsRef<Path>) -> Result<Table> {
    let folder = folder.as_ref();
    let (features_path, read) = bytes::in_folder(folder, "diabetes_data_raw.csv", KIND)?;
    let features = numbers(&features_path, &bytes::text(&features_path, read, Encoding::Utf8)?, ' ', 0, 10)?;
    let (path, read) = bytes::in_folder(folder, "diabetes_target.csv", KIND)?;
    let targets = numbers(&path, &bytes::text(&path, read, Encoding::Utf8)?, ' ', 0, 1)?.remove_axis(ndarray::Axis(1));
    check_rows(&features_path, features.nrows(), 442)?;
    check_rows(&path, targets.len(), 442)?;
    let names = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"];
    Ok(table(features, targets.into_dyn().into_shared(), &names, Vec::new()))
}

/// Loads 1,797 digits as images of 8 x 8 pixels from 0 to 16, a row of 64 numbers each, from `digits.csv`, gzipped or
/// not.
///
/// # Errors
/// those of [`iris`]
pub fn digits(folder: impl AsRef<Path>) -> Result<Table> {
    let (path, read) = bytes::in_folder(folder.as_ref(), "digits.csv", KIND)?;
    let all = numbers(&path, &bytes::text(&path, read, Encoding::Utf8)?, ',', 0, 65)?;
    check_rows(&path, all.nrows(), 1797)?;
    check_classes(&path, all.column(64), 10)?;
    let (features, targets) = split_last(all);
    Ok(table(features, targets, &[], (0..10).map(|digit: u8| digit.to_string()).collect()))
}

const KIND: &str = "scikit-learn CSV";

/// A file whose first line has the number of rows, of features, and the names of the classes.
fn classes(folder: &Path, name: &str, features: Option<&[&str]>) -> Result<Table> {
    let (path, read) = bytes::in_folder(folder, name, KIND)?;
    let text = bytes::text(&path, read, Encoding::Utf8)?;
    let header: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let parsed = match header.as_slice() {
        [rows, columns, names @ ..] if !names.is_empty() => {
            rows.parse().ok().zip(columns.parse().ok()).zip(Some(names))
        }
        _ => None,
    };
    let Some(((rows, columns), names)): Option<((usize, usize), _)> = parsed else {
        let reason = "expected a first line with the number of rows, of features, and the names of the classes";
        return Err(Error::file(&path, reason));
    };
    let all = numbers(&path, &text, ',', 1, columns.saturating_add(1))?;
    check_rows(&path, all.nrows(), rows)?;
    check_classes(&path, all.column(columns), names.len())?;
    let (numbers, targets) = split_last(all);
    Ok(table(numbers, targets, features.unwrap_or_default(), names.iter().map(|name| name.to_string()).collect()))
}

fn check_rows(path: &Path, got: usize, expected: usize) -> Result<()> {
    match got == expected {
        true => Ok(()),
        false => Err(Error::file(path, format!("expected {expected} rows, got {got}; is it cut off?"))),
    }
}

/// A table; features without names have numbers.
fn table(
    features: ndarray::Array2<crate::tensor::Float>,
    targets: crate::tensor::Tensor,
    names: &[&str],
    class_names: Vec<String>,
) -> Table {
    let name = |i: usize| names.get(i).map_or_else(|| i.to_string(), |name| name.to_string());
    let feature_names = (0..features.ncols()).map(name).collect();
    Table { features, targets, feature_names, lookups: Vec::new(), class_names }
}
