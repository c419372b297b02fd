//! The fields of a column as numbers.

use super::Csv;
use super::rows::Rows;
use crate::data::table::{number, shown};
use crate::error::{Error, Result};
use crate::preprocessing::StringLookup;
use crate::tensor::Float;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    Feature,
    Target,
}

/// What stands for a missing value in pandas.
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
];

impl Csv {
    /// Whether this field of a column is a missing value.
    fn is_missing(&self, column: &str, field: &str) -> bool {
        let field = field.trim();
        if let Some((_, strings)) = self.missing_strings_of.iter().rfind(|(name, _)| name == column) {
            return strings.iter().any(|string| string.trim() == field);
        }
        self.default_missing_strings && MISSING.contains(&field)
            || self.missing_strings.iter().any(|string| string.trim() == field)
    }

    /// What stands for a missing value of a feature.
    fn fill(&self, column: &str) -> Option<Float> {
        let own = self.missing_of.iter().rfind(|(name, _)| name == column).map(|(_, value)| *value);
        own.or(self.missing)
    }

    /// Leaves out the rows with a missing value that nothing stands for.
    pub(super) fn drop_rows(&self, rows: &mut Rows, features: &[usize], targets: &[usize]) -> Result<()> {
        let unfilled = features.iter().filter(|place| self.fill(&rows.names[**place]).is_none());
        let needed: Vec<usize> = unfilled.chain(targets).copied().collect();
        let names = &rows.names;
        rows.rows.retain(|(_, row)| !needed.iter().any(|place| self.is_missing(&names[*place], &row[*place])));
        if rows.rows.is_empty() {
            return Err(self.fail("expected rows without missing values, got none"));
        }
        Ok(())
    }

    /// The numbers of a column, and how its strings became numbers.
    pub(super) fn column(&self, rows: &Rows, place: usize, role: Role) -> Result<(Vec<Float>, Option<StringLookup>)> {
        let name = &rows.names[place];
        let mut fields: Vec<Option<&str>> = Vec::with_capacity(rows.rows.len());
        for (line, row) in &rows.rows {
            let field = &row[place];
            let missing = self.is_missing(name, field);
            if missing && (role == Role::Target || self.fill(name).is_none()) {
                return Err(self.unanswered(*line, name, field, role));
            }
            fields.push((!missing).then_some(if self.trim { field.trim() } else { field }));
        }
        let known = self.lookups.iter().find(|(column, _)| column == name).map(|(_, lookup)| lookup);
        if self.categorical.contains(name) || known.is_some() {
            let lookup = match known {
                Some(known) => self.check_known(rows, name, &fields, known)?,
                None => StringLookup::sorted(fields.iter().flatten()),
            };
            return self.categories(name, &fields, lookup);
        }
        let words: Option<Vec<_>> = fields.iter().flatten().map(|field| truth(field)).collect();
        let logical = words.is_some_and(|words| !words.is_empty());
        let fill = self.fill(name).unwrap_or_default();
        let mut numbers = Vec::with_capacity(fields.len());
        for (field, (line, _)) in fields.iter().zip(&rows.rows) {
            numbers.push(match field {
                None => fill,
                Some(field) if logical => truth(field).unwrap_or_default(),
                Some(field) => self.number(*line, name, field)?,
            });
        }
        Ok((numbers, None))
    }

    /// A missing value for which no setting says what to do.
    fn unanswered(&self, line: u64, column: &str, field: &str, role: Role) -> Error {
        let (what, fill) = match role {
            Role::Feature => ("column", "fill such values with `missing` or `missing_of`, or "),
            Role::Target => ("target", ""),
        };
        let value = match field.trim().is_empty() {
            true => String::new(),
            false => format!("; if `{0}` is a value, say with `missing_strings_of` what is not", field.trim()),
        };
        self.fail(format!(
            "line {line}, {what} `{column}`: the value is missing, got `{}`; {fill}leave such rows out with \
             `drop_missing(true)`{value}",
            shown(field)
        ))
    }

    /// The strings of the table that this one is to be like, which must have all of these.
    fn check_known(
        &self,
        rows: &Rows,
        column: &str,
        fields: &[Option<&str>],
        known: &StringLookup,
    ) -> Result<StringLookup> {
        for (field, (line, _)) in fields.iter().zip(&rows.rows) {
            if let Some(field) = field
                && known.lookup(field).is_err()
            {
                return Err(self.fail(format!(
                    "line {line}, column `{column}`: expected one of the {} strings of the table that this one is to be like, got `{}`",
                    known.vocabulary().len(),
                    shown(field)
                )));
            }
        }
        Ok(known.clone())
    }

    fn categories(
        &self,
        column: &str,
        fields: &[Option<&str>],
        lookup: StringLookup,
    ) -> Result<(Vec<Float>, Option<StringLookup>)> {
        let (classes, fill) = (lookup.vocabulary().len(), self.fill(column).unwrap_or_default());
        if fields.contains(&None) && fill >= 0.0 && fill < classes as Float {
            return Err(self.fail(format!(
                "column `{column}`: {fill} stands for missing values, but its {classes} classes are 0..{classes} ({classes} \
                 excluded); give it another number, such as `missing_of(\"{column}\", -1.0)`"
            )));
        }
        let mut numbers = Vec::with_capacity(fields.len());
        for field in fields {
            numbers.push(match field {
                Some(field) => lookup.lookup(field)? as Float,
                None => fill,
            });
        }
        Ok((numbers, Some(lookup)))
    }

    /// A number in a field, in the marks of this table.
    fn number(&self, line: u64, column: &str, field: &str) -> Result<Float> {
        let mut plain = field.trim().to_string();
        plain.retain(|c| self.thousands.is_none_or(|mark| c != char::from(mark)));
        if self.decimal != b'.' {
            let other_point = plain.contains('.');
            plain = plain.replace(char::from(self.decimal), ".");
            if other_point {
                plain.clear();
            }
        }
        let Ok(read) = number(&self.path, line, column, &plain) else {
            let hint = self.hint(column, field);
            return Err(self.fail(format!(
                "line {line}, column `{column}`: expected a finite number, got `{}`{hint}",
                shown(field)
            )));
        };
        // What pandas writes for a whole number in a column with missing values is 16777217.0.
        let digits = plain.trim_start_matches(['+', '-']);
        let digits = digits
            .split_once('.')
            .filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'))
            .map_or(digits, |(whole, _)| whole);
        let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole && !self.round_large_numbers && digits.parse() != Ok(read.abs() as u128) {
            return Err(self.fail(format!(
                "line {line}, column `{column}`: {plain} would be rounded to {read}; leave the column out of `features`, call \
                 `categorical(\"{column}\")` if it is a name, or `round_large_numbers(true)`"
            )));
        }
        Ok(read)
    }

    /// How to read a field that is not a number.
    fn hint(&self, column: &str, field: &str) -> String {
        let field = field.trim();
        let reads = |text: String| text.parse::<f64>().is_ok();
        if self.decimal == b'.' && field.matches(',').count() == 1 && reads(field.replace(',', ".")) {
            return "; if `,` is the decimal mark call `decimal(b',')`, else `thousands(b',')`".into();
        }
        if self.decimal == b'.' && self.thousands.is_none() && field.contains(',') && reads(field.replace(',', "")) {
            return "; if `,` parts the thousands call `thousands(b',')`".into();
        }
        if !field.chars().any(char::is_alphanumeric) {
            return format!("; if it stands for a missing value call `missing_string(\"{}\")`", shown(field));
        }
        match field.parse::<f64>() {
            Ok(_) => String::new(),
            Err(_) => format!("; if the column has words call `categorical(\"{column}\")`"),
        }
    }
}

/// The number of a truth value.
fn truth(field: &str) -> Option<Float> {
    match field.trim() {
        "True" | "TRUE" | "true" => Some(1.0),
        "False" | "FALSE" | "false" => Some(0.0),
        _ => None,
    }
}
