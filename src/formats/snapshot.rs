//! What something remembers, in memory and in a file.

use std::path::Path;

use ::safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{Error, Result};
use crate::files::write_file;
use crate::tensor::{Float, Tensor, data};

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
pub struct Snapshot {
    /// Texts with their names.
    pub texts: Vec<(String, String)>,
    /// Lists of numbers with their names.
    pub numbers: Vec<(String, Vec<f64>)>,
    /// Tensors with their names.
    pub tensors: Vec<(String, Tensor)>,
}

/// The version of the file's contents, under this name in its metadata.
const FORMAT: (&str, &str) = ("gradus snapshot", "1");
const CONTENTS: &str = "contents";
#[cfg(not(float64))]
const DTYPE: Dtype = Dtype::F32;
#[cfg(float64)]
const DTYPE: Dtype = Dtype::F64;

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
        let path = path.as_ref();
        let fail = |error: &dyn std::fmt::Display| Error::file(path, format!("cannot be written: {error}"));
        fn names<T>(list: &[(String, T)]) -> Vec<&str> {
            list.iter().map(|(name, _)| name.as_str()).collect()
        }
        let contents = serde_json::json!([self.texts, names(&self.numbers), names(&self.tensors)]);
        let metadata = [(FORMAT.0, FORMAT.1.to_owned()), (CONTENTS, contents.to_string())];
        let metadata = metadata.map(|(name, text)| (name.to_owned(), text)).into_iter().collect();
        let mut stored = Vec::with_capacity(self.numbers.len() + self.tensors.len());
        for (i, (name, list)) in self.numbers.iter().enumerate() {
            let bytes: Vec<u8> = list.iter().flat_map(|x| x.to_le_bytes()).collect();
            stored.push((format!("number/{i}/{name}"), Dtype::F64, vec![list.len()], bytes));
        }
        for (i, (name, tensor)) in self.tensors.iter().enumerate() {
            let bytes = data(tensor).iter().flat_map(|x| x.to_le_bytes()).collect();
            stored.push((format!("tensor/{i}/{name}"), DTYPE, tensor.shape().to_vec(), bytes));
        }
        let views = stored
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(|error| fail(&error))?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        let bytes = ::safetensors::serialize(views, Some(metadata)).map_err(|error| fail(&error))?;
        write_file(path, &bytes)
    }

    /// Reads what [`Snapshot::save`] has written.
    ///
    /// # Errors
    /// a file that cannot be read, is cut off, or is none of these
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, "cannot be read", error))?;
        Self::decode(&bytes).map_err(|reason| Error::file(path, format!("is not a valid snapshot: {reason}")))
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let file = SafeTensors::deserialize(bytes).map_err(|error| text(&error))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| text(&error))?;
        let metadata = header.metadata().as_ref().ok_or("it has no metadata")?;
        match metadata.get(FORMAT.0) {
            Some(version) if version == FORMAT.1 => {}
            Some(version) => return Err(format!("expected version {} of its format, got {version}", FORMAT.1)),
            None => return Err("its metadata does not name a format".into()),
        }
        let contents = metadata.get(CONTENTS).ok_or("its metadata does not name its contents")?;
        type Contents = (Vec<(String, String)>, Vec<String>, Vec<String>);
        let (texts, numbers, tensors): Contents = serde_json::from_str(contents).map_err(|error| text(&error))?;
        let find = |kind: &str, i: usize, name: &str, dtype: Dtype| match file.tensor(&format!("{kind}/{i}/{name}")) {
            Ok(view) if view.dtype() == dtype => Ok(view),
            Ok(view) => Err(format!("expected `{name}` of type {dtype:?}, got {:?}", view.dtype())),
            Err(_) => Err(format!("there is no {kind} `{name}`")),
        };
        let number = |(i, name): (usize, String)| {
            let view = find("number", i, &name, Dtype::F64)?;
            Ok((name, view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()))
        };
        let whole = |(i, name): (usize, String)| {
            let view = find("tensor", i, &name, DTYPE)?;
            let numbers = view.data().as_chunks().0.iter().map(|bytes| Float::from_le_bytes(*bytes)).collect();
            // A shape of no numbers may still be beyond what an array can have.
            let whole = Tensor::from_shape_vec(view.shape(), numbers).map_err(|error| format!("`{name}`: {error}"))?;
            Ok((name, whole))
        };
        Ok(Self {
            texts,
            numbers: numbers.into_iter().enumerate().map(number).collect::<Result<_, String>>()?,
            tensors: tensors.into_iter().enumerate().map(whole).collect::<Result<_, String>>()?,
        })
    }
}
