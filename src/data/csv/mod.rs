//! Tables in text files (feature `csv`).

mod columns;
mod rows;

use std::path::PathBuf;

use ndarray::{Array2, Axis};

use self::columns::Role;
use self::rows::Rows;
use super::Table;
use super::bytes;
use super::table::shown;
use super::text::Encoding;
use crate::config::settings;
use crate::error::{Error, Result};
use crate::preprocessing::StringLookup;
use crate::tensor::Float;

settings! {
    /// How to read a table of comma-separated values into memory, gzipped (feature `gzip`) or not.
    ///
    /// Columns are read as pandas reads them: a field that is empty or one of pandas' strings for it (`NA`, `NaN`, `null`, `None`,
    /// `N/A` and so on) is a missing value; a column of `true` and `false` is one of 1 and 0; a name that occurs again becomes
    /// `name.1`, and an absent one `Unnamed: 0`, by its place. A missing value is an error until you say what becomes of it
    /// ([`missing`](Self::missing), [`missing_of`](Self::missing_of), [`drop_missing`](Self::drop_missing)). A target is never filled.
    ///
    /// # Defaults
    /// comma, UTF-8, point for decimals, no thousands separator, no comments, blanks are part of strings; first line with the names
    /// of the columns; all columns that are not targets are features; every field a finite number, and whole ones exact
    /// # Errors
    /// a file that cannot be read; a column that it does not have; a broken row or field: the error names line and column
    /// # Example
    /// ```no_run
    /// use gradus::prelude::*;
    /// use gradus::data::Csv;
    /// let iris = Csv::new("iris.csv").categorical("species").target("species").read()?;
    /// println!("{:?}", iris.class_names());
    ///
    /// // Incomes of 1994: `?` for what is not known, a blank after each comma, no names.
    /// let adults = Csv::new("adult.data")
    ///     .header(false)
    ///     .trim(true)
    ///     .missing_string("?")
    ///     .drop_missing(true)
    ///     .categorical("1")
    ///     .categorical("14")
    ///     .features(["0", "1", "4"])
    ///     .target("14")
    ///     .read()?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// pandas `read_csv`
    #[derive(Clone, Debug)]
    pub struct Csv(
        /// Creates a reader of this file.
        path: [into PathBuf],
    ) {
        /// What separates fields, such as `b';'` or `b'\t'`.
        #[doc(alias = "delimiter")]
        separator: [u8] = b',',
        /// The mark before decimals, such as `b','`. Where that separates fields, too, it is one between quotes only.
        decimal: [u8] = b'.',
        /// A mark between thousands, which is left out of numbers, such as `b','` for `"1,234,567"`. Where that separates fields,
        /// too, it is one between quotes only.
        thousands: [option u8] = None,
        /// The character that begins a comment, such as `b'#'`: what follows it in a line is left out, except between quotes.
        comment: [option u8] = None,
        /// Whether blanks around strings are left out; around numbers and names of columns they always are.
        #[doc(alias = "skipinitialspace")]
        trim: [bool] = false,
        /// Whether the first line names the columns; else their names are "0", "1" and so on.
        header: [bool] = true,
        /// The encoding of the file. A file with a mark of UTF-16 is read as that.
        encoding: [Encoding] = Encoding::Utf8,
        /// The number that stands for a missing value in all features; targets are not filled.
        ///
        /// In a categorical column it must not be the number of a class: -1, as in pandas, or the number of classes.
        #[doc(alias = "fillna")]
        missing: [option Float] = None,
        /// Whether rows are left out that miss a target, or a feature without a number that stands for it.
        #[doc(alias = "dropna")]
        drop_missing: [bool] = false,
        /// Whether pandas' strings stand for a missing value, the default, or only those that you add: the empty one,
        /// `#N/A`, `#N/A N/A`, `#NA`, `-1.#IND`, `-1.#QNAN`, `-NaN`, `-nan`, `1.#IND`, `1.#QNAN`, `<NA>`, `N/A`, `NA`, `NULL`, `NaN`,
        /// `None`, `n/a`, `nan`, `null`.
        #[doc(alias = "keep_default_na")]
        default_missing_strings: [bool] = true,
        /// Whether whole numbers that [`Float`] does not hold exactly, such as 16777217 (2²⁴ + 1) in `f32`, are rounded. By
        /// default they are an error, since a number of an account or a second of a clock would become another one.
        round_large_numbers: [bool] = false,
    }
    private {
        features: Option<Vec<String>> = None,
        targets: Vec<String> = Vec::new(),
        categorical: Vec<String> = Vec::new(),
        missing_of: Vec<(String, Float)> = Vec::new(),
        missing_strings: Vec<String> = Vec::new(),
        missing_strings_of: Vec<(String, Vec<String>)> = Vec::new(),
        lookups: Vec<(String, StringLookup)> = Vec::new(),
    }
}

impl Csv {
    /// Sets which columns are features, in this order.
    #[doc(alias = "usecols")]
    #[must_use]
    pub fn features<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.features = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a target; with several, a row of targets is in the order of adding.
    #[must_use]
    pub fn target(mut self, column: impl Into<String>) -> Self {
        self.targets.push(column.into());
        self
    }

    /// Says that a column has strings: they become numbers in the order of the alphabet, see [`Table::lookup`]. A missing value is
    /// not one of them.
    #[must_use]
    pub fn categorical(mut self, column: impl Into<String>) -> Self {
        self.categorical.push(column.into());
        self
    }

    /// Numbers strings as in a table that was read before, and says that its categorical columns are such here too, where they are.
    /// [`categorical`](Self::categorical) alone numbers the strings that it finds: a file for testing in which one is absent would
    /// number those after it anew. A string that the other table did not have is an error.
    ///
    /// ```no_run
    /// use gradus::data::Csv;
    /// let train = Csv::new("train.csv").categorical("species").target("species").read()?;
    /// let test = Csv::new("test.csv").like(&train).target("species").read()?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn like(mut self, table: &Table) -> Self {
        self.lookups = table.lookups.clone();
        self
    }

    /// Sets the number that stands for a missing value in one feature.
    #[must_use]
    pub fn missing_of(mut self, column: impl Into<String>, value: Float) -> Self {
        self.missing_of.push((column.into(), value));
        self
    }

    /// Adds a string that stands for a missing value, such as `?` or `-`.
    #[doc(alias = "na_values")]
    #[must_use]
    pub fn missing_string(mut self, string: impl Into<String>) -> Self {
        self.missing_strings.push(string.into());
        self
    }

    /// Sets all the strings that stand for a missing value in one column, such as `[""]` where `None` is a class.
    #[must_use]
    pub fn missing_strings_of<S: Into<String>>(
        mut self,
        column: impl Into<String>,
        strings: impl IntoIterator<Item = S>,
    ) -> Self {
        self.missing_strings_of.push((column.into(), strings.into_iter().map(Into::into).collect()));
        self
    }

    fn fail(&self, reason: impl std::fmt::Display) -> Error {
        Error::file(&self.path, reason.to_string())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// a file that cannot be read; a column that it does not have; no rows; a broken row or field; a missing value without an
    /// answer
    pub fn read(&self) -> Result<Table> {
        self.check()?;
        let text = bytes::text(&self.path, bytes::file(&self.path)?, self.encoding)?;
        let mut rows = self.rows(&text)?;
        let targets = self.places(&rows.names, &self.targets)?;
        let features = match &self.features {
            Some(features) => self.places(&rows.names, features)?,
            None => (0..rows.names.len()).filter(|i| !targets.contains(i)).collect(),
        };
        for columns in [&self.categorical, &first(&self.missing_of), &first(&self.missing_strings_of)] {
            self.places(&rows.names, columns)?;
        }
        if let Some((name, _)) = self.missing_of.iter().find(|(name, _)| self.targets.contains(name)) {
            return Err(self.fail(format!("`missing_of` would invent targets in `{name}`; use `drop_missing(true)`")));
        }
        if self.drop_missing {
            self.drop_rows(&mut rows, &features, &targets)?;
        }
        let mut lookups = Vec::new();
        let features_read = self.table(&rows, &features, Role::Feature, &mut lookups)?;
        let targets_read = self.table(&rows, &targets, Role::Target, &mut lookups)?;
        let (target, classes) = match self.targets.as_slice() {
            [name] => {
                let lookup = lookups.iter().find(|(column, _)| column == name);
                let classes = lookup.map(|(_, lookup)| lookup.vocabulary().to_vec());
                (targets_read.remove_axis(Axis(1)).into_dyn(), classes)
            }
            _ => (targets_read.into_dyn(), None),
        };
        Ok(Table {
            features: features_read,
            targets: target.into_shared(),
            feature_names: features.iter().map(|i| rows.names[*i].clone()).collect(),
            lookups,
            class_names: classes.unwrap_or_default(),
        })
    }

    /// The marks must differ, or numbers could be read in two ways. The separator may be a mark, too: a field that has it is quoted.
    fn check(&self) -> Result<()> {
        let separator = Some(self.separator);
        let is_bad = |mark: u8| !mark.is_ascii() || b"\"\r\n".contains(&mark);
        let marks = [separator, Some(self.decimal), self.thousands, self.comment];
        if let Some(mark) = marks.into_iter().flatten().find(|mark| is_bad(*mark)) {
            return Err(bad_mark("in ASCII, and no quotes or ends of lines", mark));
        }
        let decimal = Some(self.decimal);
        for (own, others) in [(self.thousands, &[decimal][..]), (self.comment, &[separator, decimal, self.thousands])] {
            if let Some(mark) = own
                && others.contains(&own)
            {
                return Err(bad_mark("of which those for decimals, thousands and comments differ", mark));
            }
        }
        Ok(())
    }

    /// The numbers of these columns.
    fn table(
        &self,
        rows: &Rows,
        columns: &[usize],
        role: Role,
        lookups: &mut Vec<(String, StringLookup)>,
    ) -> Result<Array2<Float>> {
        let mut all = Array2::zeros((rows.rows.len(), columns.len()));
        for (out, place) in columns.iter().enumerate() {
            let (numbers, lookup) = self.column(rows, *place, role)?;
            all.column_mut(out).assign(&ndarray::ArrayView1::from(&numbers));
            lookups.extend(lookup.map(|lookup| (rows.names[*place].clone(), lookup)));
        }
        Ok(all)
    }

    /// What to call where a line has one field, if something else seems to separate fields.
    fn separator_hint(&self, line: &str) -> String {
        match [b'\t', b';', b'|', b','].into_iter().find(|mark| line.contains(char::from(*mark))) {
            Some(mark) => format!("; if `{0}` separates the fields call `separator(b'{0}')`", mark.escape_ascii()),
            None => String::new(),
        }
    }

    /// Where the columns of these names are.
    fn places(&self, names: &[String], wanted: &[String]) -> Result<Vec<usize>> {
        let mut places = Vec::with_capacity(wanted.len());
        for name in wanted {
            let Some(place) = names.iter().position(|known| known == name) else {
                let known = names.iter().map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ");
                let hint = match names {
                    [only] => self.separator_hint(only),
                    _ => String::new(),
                };
                return Err(self.fail(format!("expected a column `{name}`, got the columns {known}{hint}")));
            };
            places.push(place);
        }
        Ok(places)
    }
}

fn bad_mark(expected: &str, mark: u8) -> Error {
    Error::value(format!("Csv: expected a separator and marks {expected}, got `{}`", mark.escape_ascii()))
}

/// The names of columns that have something of their own.
fn first<T>(settings: &[(String, T)]) -> Vec<String> {
    settings.iter().map(|(name, _)| name.clone()).collect()
}
