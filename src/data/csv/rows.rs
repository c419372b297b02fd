//! The rows of a text, and the names of their columns.

use csv::StringRecord;

use super::Csv;
use crate::error::Result;

/// Rows of one length.
pub(super) struct Rows {
    pub names: Vec<String>,
    /// Each with the number of its line.
    pub rows: Vec<(u64, StringRecord)>,
}

impl Csv {
    pub(super) fn rows(&self, text: &str) -> Result<Rows> {
        let stripped;
        let text = match self.comment {
            Some(mark) => {
                stripped = without_comments(text, self.separator, mark);
                &stripped
            }
            None => text,
        };
        let mut reader = csv::ReaderBuilder::new();
        reader.delimiter(self.separator).has_headers(false).flexible(true);
        let mut rows = Vec::new();
        for record in reader.from_reader(text.as_bytes()).into_records() {
            let record = record.map_err(|error| self.fail(error))?;
            if record.len() == 1 && !record[0].is_empty() && record[0].trim().is_empty() {
                continue;
            }
            // The position is that of the empty lines before the record, if there are any.
            let line = record.position().map_or(0, |position| {
                let rest = text.as_bytes().get(position.byte() as usize..).unwrap_or_default();
                let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                position.line() + empty.filter(|byte| **byte == b'\n').count() as u64
            });
            rows.push((line, record));
        }
        let Some((_, first)) = rows.first() else { return Err(self.fail("expected a table, got an empty file")) };
        let width = first.len();
        if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != width) {
            let got = row.len();
            let named = self.header && rows[1..].iter().all(|(_, row)| row.len() == width + 1);
            let hint = match width {
                1 if first[0].starts_with('#') && self.comment.is_none() => {
                    "; if lines that begin with `#` are comments call `comment(b'#')`".into()
                }
                1 if first[0].contains([';', '\t', '|']) => self.separator_hint(&first[0]),
                _ if named => "; if the first column has the names of rows, name it in the first line".into(),
                _ => String::new(),
            };
            return Err(self.fail(format!("line {line}: expected {width} fields as in the first row, got {got}{hint}")));
        }
        let names = match self.header {
            true => names(first),
            false => (0..width).map(|i| i.to_string()).collect(),
        };
        rows.drain(..usize::from(self.header));
        if rows.is_empty() {
            return Err(self.fail("expected rows after the names of the columns, got none"));
        }
        Ok(Rows { names, rows })
    }
}

/// The names of columns: none is empty, and none occurs twice, by pandas' rule.
fn names(header: &StringRecord) -> Vec<String> {
    let given: Vec<String> = header
        .iter()
        .enumerate()
        .map(|(i, name)| if name.trim().is_empty() { format!("Unnamed: {i}") } else { name.trim().into() })
        .collect();
    let mut names: Vec<String> = Vec::with_capacity(given.len());
    for (i, name) in given.iter().enumerate() {
        let mut unique = name.clone();
        let mut number = 0;
        while names.contains(&unique) || number > 0 && given[i + 1..].contains(&unique) {
            number += 1;
            unique = format!("{name}.{number}");
        }
        names.push(unique);
    }
    names
}

/// The text without what follows a comment mark in its line. Lines stay, so that their numbers do.
fn without_comments(text: &str, separator: u8, mark: u8) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut quoted, mut comment, mut starts) = (false, false, true);
    for c in text.chars() {
        let is = |byte: u8| c == char::from(byte);
        if is(b'\n') && !quoted {
            comment = false;
        }
        if comment {
            continue;
        }
        if quoted {
            // A doubled quote ends the quotes and begins them anew.
            quoted = !is(b'"');
            starts = !quoted;
        } else if is(mark) {
            comment = true;
            starts = true;
            continue;
        } else {
            quoted = is(b'"') && starts;
            starts = is(separator) || is(b'\n');
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_pandas() {
        let all = |header: &[&str]| names(&StringRecord::from(header.to_vec()));
        assert_eq!(all(&["", "a", " a ", "a", ""]), ["Unnamed: 0", "a", "a.1", "a.2", "Unnamed: 4"]);
        // A name that is there already is passed over, before and after the repeated one.
        assert_eq!(all(&["a", "a.1", "a"]), ["a", "a.1", "a.2"]);
        assert_eq!(all(&["a", "a", "a.1"]), ["a", "a.2", "a.1"]);
    }

    #[test]
    fn comments_end_with_their_line_and_quotes_are_none() {
        let text = "# of 1994\na,b # names\n1,\"#2\"\n\"3 \"\"#\"\"\",4#5\n";
        assert_eq!(without_comments(text, b',', b'#'), "\na,b \n1,\"#2\"\n\"3 \"\"#\"\"\",4\n");
    }
}
