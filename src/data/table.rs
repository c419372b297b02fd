//! Tables of numbers.

use std::path::Path;

use ndarray::{Array2, ArrayView1, Axis};

use super::{Batch, Dataset, Inputs};
use crate::error::{Error, Result};
use crate::preprocessing::StringLookup;
use crate::tensor::{Float, Tensor};

/// A table in memory, a row for each example: what `Csv` (feature `csv`) and [`scikit_learn`](super::scikit_learn) read.
///
/// # Shapes
/// batches of features `[batch, features]`, targets `[batch]`, or `[batch, targets]` where there are several
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) features: Array2<Float>,
    pub(super) targets: Tensor,
    pub(super) feature_names: Vec<String>,
    pub(super) lookups: Vec<(String, StringLookup)>,
    pub(super) class_names: Vec<String>,
}

impl Table {
    /// Returns the features, `[examples, features]`.
    pub fn features(&self) -> &Array2<Float> {
        &self.features
    }

    /// Returns the targets, `[examples]`, or `[examples, targets]` where there are several.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }

    /// Returns the names of the features.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// Returns the names of the classes that the target numbers; empty if it is not a class or has no names.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Returns how the strings of a column became numbers; `None` for a column of numbers.
    pub fn lookup(&self, column: &str) -> Option<&StringLookup> {
        self.lookups.iter().find(|(name, _)| name == column).map(|(_, lookup)| lookup)
    }
}

impl Dataset for Table {
    fn len(&self) -> usize {
        self.features.nrows()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        Ok(Batch::new(self.features.gather(indices)?, self.targets.gather(indices)?))
    }
}

/// A number in a field of a file; `column` is its name or number.
pub(super) fn number(path: &Path, line: u64, column: &str, field: &str) -> Result<Float> {
    let number = field.trim().parse().ok().filter(|number: &Float| number.is_finite());
    number.ok_or_else(|| {
        Error::file(path, format!("line {line}, column `{column}`: expected a finite number, got `{}`", shown(field)))
    })
}

/// A field for a message, shortened.
pub(super) fn shown(field: &str) -> String {
    if field.chars().count() <= 40 { field.into() } else { field.chars().take(40).chain(['…']).collect() }
}

/// The numbers in the lines from `first` on, `columns` in each.
pub(super) fn numbers(path: &Path, text: &str, separator: char, first: usize, columns: usize) -> Result<Array2<Float>> {
    let mut all = Vec::new();
    let mut rows = 0;
    for (i, line) in text.lines().enumerate().skip(first) {
        let fields: Vec<&str> = line.split(separator).collect();
        let line = i as u64 + 1;
        if fields.len() != columns {
            let got = fields.len();
            return Err(Error::file(path, format!("line {line}: expected {columns} numbers, got {got} fields")));
        }
        for (column, field) in fields.iter().enumerate() {
            all.push(number(path, line, &(column + 1).to_string(), field)?);
        }
        rows += 1;
    }
    Array2::from_shape_vec((rows, columns), all).map_err(|_| Error::file(path, "is larger than memory"))
}

/// Whole numbers below `classes`.
pub(super) fn check_classes(path: &Path, targets: ArrayView1<'_, Float>, classes: usize) -> Result<()> {
    match targets.iter().find(|x| !(**x >= 0.0 && x.fract() == 0.0 && **x < classes as Float)) {
        Some(x) => Err(Error::file(path, format!("expected class numbers 0..{classes} in the last column, got {x}"))),
        None => Ok(()),
    }
}

/// The last column, and the others.
pub(super) fn split_last(mut numbers: Array2<Float>) -> (Array2<Float>, Tensor) {
    let last = numbers.ncols() - 1;
    let targets = numbers.column(last).to_owned().into_dyn().into_shared();
    numbers.remove_index(Axis(1), last);
    (numbers, targets)
}
