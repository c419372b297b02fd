//! The table of a search as CSV.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Record, Space, Trial};
use crate::error::{Error, Result};
use crate::files::csv_line;
use crate::training::Logs;
use crate::training::callbacks::Watched;
use crate::training::history::figure_names;

/// The columns that are neither settings nor figures.
pub(super) const OWN: [&str; 3] = ["trial", "epochs", "failure"];

/// Writes a line of names, and one for each trial.
pub(super) fn write(f: &mut fmt::Formatter<'_>, space: &Space, records: &[Record]) -> fmt::Result {
    let figures = figure_names(records.iter().map(Record::logs));
    let names = OWN[..2].iter().copied().chain(space.names()).chain(figures.iter().copied()).chain([OWN[2]]);
    f.write_str(&csv_line(names))?;
    for record in records {
        let trial = record.trial();
        let numbers = [trial.number().to_string(), trial.budget().to_string()];
        let settings = trial.values().iter().map(|(_, value)| value.to_string());
        let figures = figures.iter().map(|name| record.logs().get(name).map_or(String::new(), |x| x.to_string()));
        let failure =
            record.failure().map_or(String::new(), |text| if text.is_empty() { "failed" } else { text }.into());
        f.write_str(&csv_line(numbers.into_iter().chain(settings).chain(figures).chain([failure])))?;
    }
    Ok(())
}

/// A line of a file.
pub(super) struct Row {
    path: PathBuf,
    number: usize,
    cells: Vec<String>,
    figures: Vec<String>,
}

/// The lines of a file of this space; none if there is no file.
pub(super) fn read(path: &Path, space: &Space) -> Result<Vec<Row>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| Error::io(path, "cannot be read as a table of a search", error))?,
    };
    let mut rows = cells(&text).into_iter();
    let names = rows.next().unwrap_or_default();
    let known: Vec<&str> = OWN[..2].iter().copied().chain(space.names()).collect();
    let fits = names.len() > known.len() && names.iter().zip(&known).all(|(a, b)| a == b);
    if !fits || names.last().is_none_or(|last| last != OWN[2]) {
        return Err(Error::file(
            path,
            format!(
                "expected the table of this search, with columns {}, figures, {}, got columns {}; choose another file",
                known.join(", "),
                OWN[2],
                names.join(", ")
            ),
        ));
    }
    let figures = &names[known.len()..names.len() - 1];
    let row = |(i, cells)| Row { path: path.into(), number: i + 2, cells, figures: figures.to_vec() };
    let rows: Vec<Row> = rows.enumerate().map(row).collect();
    match rows.iter().find(|row| row.cells.len() != names.len()) {
        Some(row) => Err(row.error(&format!("expected {} cells, got {}", names.len(), row.cells.len()))),
        None => Ok(rows),
    }
}

impl Row {
    /// What is stored of this trial.
    pub(super) fn record(&self, trial: Trial, watched: &Watched) -> Result<Record> {
        let numbers = [trial.number().to_string(), trial.budget().to_string()];
        let expected: Vec<String> =
            numbers.into_iter().chain(trial.values().iter().map(|(_, value)| value.to_string())).collect();
        let (known, rest) = self.cells.split_at(expected.len());
        if known != expected {
            return Err(self.error(&format!("expected {}, got {}", expected.join(", "), known.join(", "))));
        }
        let mut logs = Logs::default();
        for (name, cell) in self.figures.iter().zip(rest).filter(|(_, cell)| !cell.is_empty()) {
            let figure =
                cell.parse().map_err(|_| self.error(&format!("expected a number for `{name}`, got `{cell}`")))?;
            logs.set(name, figure);
        }
        let failure = rest.last().filter(|text| !text.is_empty()).cloned();
        if failure.is_none() {
            watched.read(&logs).map_err(|error| self.error(&error.to_string()))?;
        }
        Ok(Record::stored(trial, logs, failure))
    }

    /// That this row is not this search's.
    pub(super) fn error(&self, reason: &str) -> Error {
        let line = self.number;
        Error::file(
            &self.path,
            format!("row {line}: {reason}; choose another file, or the settings that it was made with"),
        )
    }
}

/// Splits the text of a table.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            other => cell.push(other),
        }
    }
    if !row.is_empty() || !cell.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}
