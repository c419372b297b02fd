//! Tables in text files (feature `csv`).

use std::path::PathBuf;

use csv::ByteRecord;
use ndarray::{Array2, Axis};

use super::Table;
use super::table::{number, shown};
use crate::error::{Error, Result};
use crate::preprocessing::StringLookup;
use crate::tensor::Float;

/// How to read a table of comma-separated values into memory.
///
/// # Defaults
/// comma, first line with the names of the columns, all columns that are no targets are features; every field a finite
/// number
/// # Errors
/// a file that cannot be read; a column that it does not have; a broken row or field: the error names line and column
/// # Example
/// ```no_run
/// use gradus::prelude::*;
/// use gradus::data::Csv;
/// let iris = Csv::new("iris.csv").categorical("species").target("species").read()?;
/// println!("{:?}", iris.class_names());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Csv {
    path: PathBuf,
    separator: u8,
    header: bool,
    features: Option<Vec<String>>,
    targets: Vec<String>,
    categorical: Vec<String>,
    missing: Option<Float>,
}

impl Csv {
    /// In this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            separator: b',',
            header: true,
            features: None,
            targets: Vec::new(),
            categorical: Vec::new(),
            missing: None,
        }
    }

    /// Sets what separates fields, such as `b';'` or `b'\t'`.
    pub fn separator(mut self, separator: u8) -> Self {
        self.separator = separator;
        self
    }

    /// Sets whether the first line names the columns; else their names are "0", "1" and so on.
    pub fn header(mut self, yes: bool) -> Self {
        self.header = yes;
        self
    }

    /// Sets which columns are features, in this order.
    pub fn features<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.features = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a target; with several, a row of targets is in the order of adding.
    pub fn target(mut self, column: impl Into<String>) -> Self {
        self.targets.push(column.into());
        self
    }

    /// Says that a column has strings: they become numbers in the order of the alphabet, see [`Table::lookup`].
    pub fn categorical(mut self, column: impl Into<String>) -> Self {
        self.categorical.push(column.into());
        self
    }

    /// Sets the number that stands for an empty field; without it an empty field is an error.
    pub fn missing(mut self, value: Float) -> Self {
        self.missing = Some(value);
        self
    }

    fn fail(&self, reason: impl std::fmt::Display) -> Error {
        Error::file(&self.path, reason)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// a file that cannot be read; a column that it does not have; no rows; a broken row or field
    pub fn read(&self) -> Result<Table> {
        let mut reader = csv::ReaderBuilder::new();
        reader.delimiter(self.separator).has_headers(false).flexible(true);
        let bytes = std::fs::read(&self.path).map_err(|error| self.fail(error))?;
        let mut reader = reader.from_reader(bytes.as_slice());
        let mut rows: Vec<(u64, ByteRecord)> = Vec::new();
        for record in reader.byte_records() {
            let record = record.map_err(|error| self.fail(error))?;
            // The position is that of the empty lines before the record, if there are any.
            let line = record.position().map_or(0, |position| {
                let rest = bytes.get(position.byte() as usize..).unwrap_or_default();
                let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                position.line() + empty.filter(|byte| **byte == b'\n').count() as u64
            });
            rows.push((line, record));
        }
        let Some((_, first)) = rows.first() else { return Err(self.fail("expected a table, got an empty file")) };
        let width = first.len();
        if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != width) {
            let got = row.len();
            return Err(self.fail(format!("line {line}: expected {width} fields as in the first row, got {got}")));
        }
        let names: Vec<String> = match self.header {
            true => first.iter().map(|name| String::from_utf8_lossy(name).trim().into()).collect(),
            false => (0..width).map(|i| i.to_string()).collect(),
        };
        rows.drain(..usize::from(self.header));
        if rows.is_empty() {
            return Err(self.fail("expected rows after the names of the columns, got none"));
        }
        let targets = self.places(&names, &self.targets)?;
        let features = match &self.features {
            Some(features) => self.places(&names, features)?,
            None => (0..width).filter(|i| !targets.contains(i)).collect(),
        };
        let categorical = self.places(&names, &self.categorical)?;
        let strings = |column: usize| -> Result<Vec<&str>> {
            rows.iter().map(|(line, row)| self.string(*line, &names[column], &row[column])).collect()
        };
        let mut lookups: Vec<(String, StringLookup)> = Vec::new();
        let mut columns = |wanted: &[usize]| -> Result<Array2<Float>> {
            let mut all = Array2::zeros((rows.len(), wanted.len()));
            for (out, column) in wanted.iter().enumerate() {
                let (strings, name) = (strings(*column)?, &names[*column]);
                let lookup = categorical.contains(column).then(|| StringLookup::sorted(&strings));
                for ((out, string), (line, _)) in all.index_axis_mut(Axis(1), out).iter_mut().zip(strings).zip(&rows) {
                    *out = match (&lookup, self.missing) {
                        (Some(lookup), _) => lookup.lookup(string)? as Float,
                        (None, Some(value)) if string.trim().is_empty() => value,
                        _ => number(&self.path, *line, name, string)?,
                    };
                }
                lookups.extend(lookup.map(|lookup| (name.clone(), lookup)));
            }
            Ok(all)
        };
        let features_read = columns(&features)?;
        let targets_read = columns(&targets)?;
        let target = match self.targets.as_slice() {
            [_] => targets_read.remove_axis(Axis(1)).into_dyn(),
            _ => targets_read.into_dyn(),
        };
        let class_names = match self.targets.as_slice() {
            [name] => lookups.iter().find(|(column, _)| column == name).map(|(_, lookup)| lookup.vocabulary().to_vec()),
            _ => None,
        };
        Ok(Table {
            features: features_read,
            targets: target.into_shared(),
            feature_names: features.iter().map(|i| names[*i].clone()).collect(),
            lookups,
            class_names: class_names.unwrap_or_default(),
        })
    }

    fn string<'a>(&self, line: u64, column: &str, field: &'a [u8]) -> Result<&'a str> {
        std::str::from_utf8(field).map_err(|_| {
            let got = shown(&String::from_utf8_lossy(field));
            self.fail(format!("line {line}, column `{column}`: expected UTF-8 text, got `{got}`"))
        })
    }

    /// Where the columns of these names are.
    fn places(&self, names: &[String], wanted: &[String]) -> Result<Vec<usize>> {
        let place = |name: &String| {
            names.iter().position(|known| known == name).ok_or_else(|| {
                let known = names.iter().map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ");
                self.fail(format!("expected a column `{name}`, got the columns {known}"))
            })
        };
        wanted.iter().map(place).collect()
    }
}
