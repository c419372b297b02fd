//! What something remembers, in memory and in a file.

use std::collections::HashMap;
use std::path::Path;

use super::stored::Stored;
use super::{NumberType, Weights};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// What something remembers, by name: an optimizer, a callback, a whole run. Texts, lists of numbers and tensors keep
/// their order and their bits, in memory as in a file.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::saving::Snapshot;
/// let mut run = Snapshot::of([("epoch", 3.0), ("best", f64::NAN)]);
/// run.nest("sampler", Snapshot::of([("position", 128.0)]));
///
/// let path = std::env::temp_dir().join("gradus-snapshot-example");
/// run.save(&path)?;
/// let read = Snapshot::load(&path)?;
/// assert_eq!((read.count("epoch")?, read.part("sampler").number("position")?), (3, 128.0));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Snapshot {
    /// Texts with their names.
    pub texts: Vec<(String, String)>,
    /// Lists of numbers with their names.
    pub numbers: Vec<(String, Vec<f64>)>,
    /// Tensors with their names.
    pub tensors: Vec<(String, Tensor)>,
}

/// The name, in a file's metadata, of what its snapshot holds.
pub(super) const SNAPSHOT: &str = "gradus.snapshot";
/// The version that is written and read.
const VERSION: u32 = 1;

/// The version, the texts, and the names of numbers and tensors.
type Contents = (u32, Vec<(String, String)>, Vec<String>, Vec<String>);

fn find<'a, T>(list: &'a [(String, T)], name: &str) -> Option<&'a T> {
    list.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

impl Snapshot {
    /// Creates a snapshot of these numbers.
    pub fn of<const N: usize>(numbers: [(&str, f64); N]) -> Self {
        let numbers = numbers.map(|(name, number)| (name.to_owned(), vec![number]));
        Self { numbers: numbers.into(), ..Self::default() }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.numbers.is_empty() && self.tensors.is_empty()
    }

    /// Returns the text of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        find(&self.texts, name).map(String::as_str)
    }

    /// Returns the list of numbers of this name.
    pub fn list(&self, name: &str) -> Option<&[f64]> {
        find(&self.numbers, name).map(Vec::as_slice)
    }

    /// Returns the tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        find(&self.tensors, name)
    }

    /// Takes in tensors that may be absent, numbered under one name.
    pub(crate) fn keep_all(&mut self, name: &str, tensors: &[Option<Tensor>]) {
        let present = |tensor: &Option<Tensor>| f64::from(u8::from(tensor.is_some()));
        self.numbers.push((name.into(), tensors.iter().map(present).collect()));
        let numbered = tensors.iter().enumerate().filter_map(|(i, tensor)| Some((i, tensor.as_ref()?)));
        self.tensors.extend(numbered.map(|(i, tensor)| (format!("{name}/{i}"), tensor.clone())));
    }

    /// What [`Snapshot::keep_all`] took in.
    pub(crate) fn all(&self, name: &str) -> Vec<Option<Tensor>> {
        let present = self.list(name).unwrap_or_default();
        let tensor = |(i, _): (usize, &f64)| self.tensor(&format!("{name}/{i}")).cloned();
        present.iter().enumerate().map(tensor).collect()
    }

    /// Returns the number of this name, which must be there.
    ///
    /// # Errors
    /// no such number, or several
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.list(name) {
            Some([number]) => Ok(*number),
            Some(list) => Err(Error::value(format!("expected one number `{name}`, got {}", list.len()))),
            None => Err(Error::value(format!("expected a number `{name}`, got none"))),
        }
    }

    /// Returns the number of this name, which must be there, finite and not negative.
    ///
    /// # Errors
    /// another number, or none
    pub fn positive(&self, name: &str) -> Result<f64> {
        let number = self.number(name).ok();
        number.filter(|number| number.is_finite() && *number >= 0.0).ok_or_else(|| {
            let got = number.map_or("none".into(), |number| number.to_string());
            Error::value(format!("expected a number `{name}` of at least 0, got {got}"))
        })
    }

    /// Returns the whole number of this name, which must be there.
    ///
    /// # Errors
    /// another number, or none
    pub fn count(&self, name: &str) -> Result<u32> {
        let number = self.positive(name)?;
        if number.fract() == 0.0 && number <= f64::from(u32::MAX) {
            return Ok(number as u32);
        }
        Err(Error::value(format!("expected a whole number `{name}` below 2^32, got {number}")))
    }

    /// Takes in another one, with `name` and a slash before its names.
    pub fn nest(&mut self, name: &str, inner: Self) {
        fn named<T>(name: &str, list: Vec<(String, T)>) -> impl Iterator<Item = (String, T)> {
            list.into_iter().map(move |(inner, value)| (format!("{name}/{inner}"), value))
        }
        self.texts.extend(named(name, inner.texts));
        self.numbers.extend(named(name, inner.numbers));
        self.tensors.extend(named(name, inner.tensors));
    }

    /// Returns what was nested under this name.
    pub fn part(&self, name: &str) -> Self {
        fn named<T: Clone>(name: &str, list: &[(String, T)]) -> Vec<(String, T)> {
            let inner = |full: &str| Some(full.strip_prefix(name)?.strip_prefix('/')?.to_owned());
            list.iter().filter_map(|(full, value)| Some((inner(full)?, value.clone()))).collect()
        }
        Self {
            texts: named(name, &self.texts),
            numbers: named(name, &self.numbers),
            tensors: named(name, &self.tensors),
        }
    }

    /// Writes it to a file, safetensors with metadata. An old file stays until the new one is whole.
    ///
    /// # Errors
    /// a file that cannot be written
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut weights = Weights::new();
        weights.set_snapshot(self);
        weights.save(path)
    }

    /// Reads the snapshot in a file.
    ///
    /// # Errors
    /// a file that cannot be read, is cut off, or has none
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Weights::open(path)?.snapshot()?.ok_or_else(|| Error::file(path, "has no snapshot: it holds weights alone"))
    }

    /// What it holds, and its numbers and tensors under names that no parameter has.
    pub(super) fn store(&self) -> (String, Vec<(String, Stored)>) {
        fn names<T>(list: &[(String, T)]) -> Vec<String> {
            list.iter().map(|(name, _)| name.clone()).collect()
        }
        let contents: Contents = (VERSION, self.texts.clone(), names(&self.numbers), names(&self.tensors));
        let mut stored = Vec::with_capacity(self.numbers.len() + self.tensors.len());
        for (i, (name, list)) in self.numbers.iter().enumerate() {
            stored.push((format!("number/{i}/{name}"), Stored::numbers(list)));
        }
        for (i, (name, tensor)) in self.tensors.iter().enumerate() {
            stored.push((format!("tensor/{i}/{name}"), tensor.clone().into()));
        }
        (serde_json::json!(contents).to_string(), stored)
    }

    /// Whether a tensor in a file with a snapshot belongs to that.
    pub(super) fn has(name: &str) -> bool {
        name.starts_with("number/") || name.starts_with("tensor/")
    }

    /// What [`Snapshot::store`] gave.
    pub(super) fn read(contents: &str, stored: &[(String, Stored)]) -> Result<Self, String> {
        let read: Result<Contents, _> = serde_json::from_str(contents);
        let (version, texts, numbers, tensors) = read.map_err(|error| error.to_string())?;
        if version != VERSION {
            return Err(format!("expected version {VERSION} of its format, got {version}"));
        }
        let stored: HashMap<&str, &Stored> = stored.iter().map(|(name, stored)| (name.as_str(), stored)).collect();
        let find = |kind: &str, i: usize, name: &str, number: NumberType| match stored
            .get(format!("{kind}/{i}/{name}").as_str())
        {
            Some(stored) if stored.number == number => Ok(*stored),
            Some(stored) => Err(format!("expected `{name}` of type {number}, got {}", stored.number)),
            None => Err(format!("there is no {kind} `{name}`")),
        };
        let mut read = Self { texts, ..Self::default() };
        for (i, name) in numbers.into_iter().enumerate() {
            let bytes = find("number", i, &name, NumberType::F64)?.bytes()?;
            let list = bytes.as_ref().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            read.numbers.push((name, list));
        }
        for (i, name) in tensors.into_iter().enumerate() {
            let tensor = find("tensor", i, &name, NumberType::FLOAT)?.decode()?;
            read.tensors.push((name, tensor));
        }
        Ok(read)
    }
}
