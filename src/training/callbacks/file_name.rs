//! File names with figures in them.

use std::path::{Path, PathBuf};

use super::Run;
use crate::error::{Error, Result};

/// The name of a file in which `{epoch:02d}` or `{val_loss:.2f}` stand for numbers of the run, formatted as in Python.
#[derive(Debug, PartialEq)]
pub(super) struct FileName(Vec<Piece>);

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Number { name: String, format: Format },
}

/// How a number is written: a part of Python's formats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Format {
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

/// The longest number in a name.
const LONGEST: usize = 40;

impl FileName {
    /// Reads a path with names in braces; `{{` and `}}` stand for braces.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        let (mut parts, mut text, mut rest) = (Vec::new(), String::new(), path);
        while let Some(at) = rest.find(['{', '}']) {
            text += &rest[..at];
            let brace = &rest[at..at + 1];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                text += brace;
                rest = after;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{").ok_or("a brace is not closed, or not opened")?;
            let (name, format) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
            let is_count = name == EPOCH;
            let format = Format::parse(format, is_count).ok_or_else(|| {
                let usual = if is_count { "`{epoch}`, `{epoch:02d}`" } else { "`{val_loss:.2f}`, `{val_loss:.3e}`" };
                format!("the format of `{{{}}}` is not known, expected one like {usual}", &rest[..end])
            })?;
            parts.push(Piece::Text(std::mem::take(&mut text)));
            parts.push(Piece::Number { name: name.into(), format });
            rest = &rest[end + 1..];
        }
        parts.push(Piece::Text(text + rest));
        Ok(Self(parts))
    }

    /// Whether each epoch has a name of its own.
    pub(super) fn has_epoch(&self) -> bool {
        self.names().any(|name| name == EPOCH)
    }

    /// The names in braces.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Piece::Number { name, .. } => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The folder that the file will be in, as far as it is the same in each epoch.
    pub(super) fn check_folder(&self) -> Result<()> {
        let fixed = match self.0.first() {
            Some(Piece::Text(text)) if self.0.len() > 1 => format!("{text}0"),
            Some(Piece::Text(text)) => text.clone(),
            _ => return Ok(()),
        };
        crate::files::check_folder(Path::new(&fixed))
    }

    /// The name with the numbers of this epoch.
    pub(super) fn of(&self, run: &Run<'_>) -> Result<PathBuf> {
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Piece::Text(text) => path += text,
                Piece::Number { name, format } if name == EPOCH => path += &format.count(run.epoch),
                Piece::Number { name, format } => {
                    let figure = run.logs.get(name).ok_or_else(|| {
                        Error::value(format!("no figure named `{name}`, which a file's name asks for"))
                    })?;
                    path += &format.number(figure);
                }
            }
        }
        Ok(path.into())
    }
}

const EPOCH: &str = "epoch";

impl Format {
    /// `None` if it is none that is understood.
    fn parse(text: &str, is_count: bool) -> Option<Self> {
        let (text, kind) = match text.char_indices().last() {
            Some((at, kind)) if !kind.is_ascii_digit() => (&text[..at], Some(kind)),
            _ => (text, None),
        };
        let (width, precision) = match text.split_once('.') {
            Some((width, precision)) => (width, Some(precision.parse().ok().filter(|digits| *digits <= LONGEST)?)),
            None => (text, None),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let known = if is_count { "d" } else { "fe%" };
        if !is_number(width) || kind.is_some_and(|kind| !known.contains(kind)) {
            return None;
        }
        // Python's `.3` alone counts digits another way.
        if precision.is_some() && (is_count || kind.is_none()) {
            return None;
        }
        let zeros = width.starts_with('0');
        let width = if width.is_empty() { 0 } else { width.parse().ok().filter(|width| *width <= LONGEST)? };
        Some(Self { zeros, width, precision, kind })
    }

    fn count(self, number: usize) -> String {
        self.pad(number.to_string())
    }

    fn number(self, number: f64) -> String {
        let digits = self.precision.unwrap_or(6);
        let text = match self.kind {
            _ if number.is_nan() => "nan".into(),
            Some('f') => format!("{number:.digits$}"),
            Some('%') => format!("{:.digits$}%", number * 100.0),
            Some(_) => exponential(number, digits),
            None => number.to_string(),
        };
        self.pad(text)
    }

    /// Numbers stand on the right; zeros stand between sign and digits.
    fn pad(self, text: String) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let (sign, digits) = if text.starts_with('-') { text.split_at(1) } else { ("", text.as_str()) };
        if self.zeros { format!("{sign}{}{digits}", "0".repeat(missing)) } else { " ".repeat(missing) + &text }
    }
}

/// `1.50e-07`: Rust writes `1.50e-7`.
fn exponential(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers written by Python 3.
    #[test]
    fn numbers_are_written_as_in_python() {
        let count = |format: &str, number| Format::parse(format, true).unwrap().count(number);
        assert_eq!([count("", 7), count("02d", 7), count("3", 7), count("02d", 123)], ["7", "07", "  7", "123"]);
        let number = |format: &str, number| Format::parse(format, false).unwrap().number(number);
        assert_eq!([number(".2f", 0.12345), number(".0f", 2.5), number("", 0.25)], ["0.12", "2", "0.25"]);
        assert_eq!([number("07.2f", -1.5), number("f", 0.1), number(".1%", 0.987)], ["-001.50", "0.100000", "98.7%"]);
        assert_eq!([number(".2e", 1.5e-7), number(".1e", 123456.0)], ["1.50e-07", "1.2e+05"]);
        assert_eq!([number(".2f", f64::NAN), number(".2f", f64::INFINITY)], ["nan", "inf"]);
    }

    #[test]
    fn braces_that_are_not_understood_are_refused() {
        for bad in ["{epoch", "epoch}", "{epoch:2f}", "{epoch:.2}", "{loss:.2}", "{loss:d}", "{loss:>3}", "{loss:999f}"]
        {
            assert!(FileName::parse(bad).is_err(), "{bad}");
        }
        let name = FileName::parse("{{a}}-{epoch:03d}-{loss:.1f}.x").unwrap();
        assert_eq!((name.names().collect::<Vec<_>>(), name.has_epoch()), (vec!["epoch", "loss"], true));
        assert_eq!(name.0[0], Piece::Text("{a}-".into()));
    }
}
