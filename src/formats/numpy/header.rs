//! The header of an `.npy` file: a Python dictionary of three keys.

use super::MAGIC;
use crate::formats::NumberType;

/// A header of numbers is about 100 bytes long.
const LONGEST: usize = 1 << 16;

/// Types of ours and theirs.
const TYPES: [(NumberType, &str); 12] = [
    (NumberType::F64, "f8"),
    (NumberType::F32, "f4"),
    (NumberType::F16, "f2"),
    (NumberType::I64, "i8"),
    (NumberType::I32, "i4"),
    (NumberType::I16, "i2"),
    (NumberType::I8, "i1"),
    (NumberType::U64, "u8"),
    (NumberType::U32, "u4"),
    (NumberType::U16, "u2"),
    (NumberType::U8, "u1"),
    (NumberType::Bool, "b1"),
];

pub(super) struct Header {
    /// Its length: where the numbers begin.
    pub(super) len: usize,
    pub(super) number: NumberType,
    pub(super) big_endian: bool,
    pub(super) column_major: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Reads by a function that returns the first bytes of a file, as many as it is asked for.
    pub(super) fn read(beginning: impl Fn(usize) -> Result<Vec<u8>, String>) -> Result<Self, String> {
        let first = beginning(12)?;
        let before = match first.strip_prefix(MAGIC) {
            Some([1, _, low, high, ..]) => (10, usize::from(u16::from_le_bytes([*low, *high]))),
            Some([2 | 3, _, a, b, c, d]) => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
            Some([version, _, _, _, ..]) => return Err(format!("expected version 1, 2 or 3, got {version}")),
            _ => return Err("expected it to begin with \\x93NUMPY, a version and a length".into()),
        };
        let (before, len) = before;
        if len > LONGEST {
            return Err(format!("expected a header of at most {LONGEST} bytes, got one of {len}"));
        }
        let bytes = beginning(before + len)?;
        let text = bytes.get(before..before + len).ok_or("is cut off in its header")?;
        let text = std::str::from_utf8(text).map_err(|_| "expected a header in UTF-8, got other bytes")?;
        Dictionary(text).header(before + len).ok_or_else(|| {
            let shown: String = text.trim_end().chars().take(100).collect();
            format!(
                "expected a header such as {{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }}, got {shown}"
            )
        })
    }

    /// NumPy's name of a type, if it has one.
    pub(super) fn descr(number: &NumberType) -> Option<&'static str> {
        TYPES.iter().find(|(ours, _)| ours == number).map(|(_, theirs)| *theirs)
    }

    /// The bytes of a header for numbers in row-major order, the least byte first.
    pub(super) fn write(number: &NumberType, shape: &[usize]) -> Result<Vec<u8>, String> {
        let descr = Self::descr(number).ok_or_else(|| number.unreadable())?;
        let order = if number.size() == Some(1) { '|' } else { '<' };
        let shape: String = shape.iter().map(|len| format!("{len}, ")).collect();
        let shape = if shape.matches(',').count() == 1 { shape.trim_end() } else { shape.trim_end_matches(", ") };
        let mut text = format!("{{'descr': '{order}{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
        // With 10 bytes before and a line feed after it, the numbers begin at a multiple of 64.
        text += &" ".repeat((text.len() + 11).next_multiple_of(64) - text.len() - 11);
        text.push('\n');
        let len = u16::try_from(text.len()).map_err(|_| "has too many axes")?;
        Ok([MAGIC, &[1, 0], &len.to_le_bytes(), text.as_bytes()].concat())
    }
}

/// What is left of the text of a header.
struct Dictionary<'a>(&'a str);

impl<'a> Dictionary<'a> {
    /// Takes a token away, if it comes next.
    fn take(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?.trim_start();
        Some(())
    }

    fn text(&mut self) -> Option<&'a str> {
        let quote = self.0.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (text, rest) = self.0[1..].split_once(quote)?;
        self.0 = rest;
        Some(text)
    }

    /// The names and types of a record, as they stand there.
    fn list(&mut self) -> Option<&'a str> {
        let mut open = 0;
        let end = self.0.find(|c| {
            open += i32::from(c == '[') - i32::from(c == ']');
            open == 0
        })?;
        let (list, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        list.starts_with('[').then_some(list)
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        self.take("(")?;
        let (shape, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let shape = shape.trim().strip_suffix(',').unwrap_or(shape);
        // Python 2 wrote long integers with an L.
        let lens = shape.split(',').map(|len| len.trim().trim_end_matches('L').parse().ok());
        if shape.trim().is_empty() { Some(Vec::new()) } else { lens.collect() }
    }

    fn header(mut self, len: usize) -> Option<Header> {
        let (mut kind, mut column_major, mut shape) = (None, None, None);
        self.take("{")?;
        while self.take("}").is_none() {
            let key = self.text()?;
            self.take(":")?;
            match key {
                "descr" => kind = Some(if self.0.starts_with('[') { self.list()? } else { self.text()? }),
                "fortran_order" => {
                    column_major = Some(self.take("True").is_some());
                    column_major = column_major.filter(|yes| *yes || self.take("False").is_some());
                }
                "shape" => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.take(",").is_none() && !self.0.trim_start().starts_with('}') {
                return None;
            }
        }
        let (kind, name) = (kind?, kind?.trim_start_matches(['<', '>', '=', '|']));
        let number = TYPES.iter().find(|(_, theirs)| *theirs == name).map(|(ours, _)| ours.clone());
        let number = number.unwrap_or_else(|| NumberType::Other(kind.to_string().into()));
        let empty = self.0.trim().is_empty();
        empty.then_some(Header {
            len,
            number,
            big_endian: kind.starts_with('>'),
            column_major: column_major?,
            shape: shape?,
        })
    }
}
