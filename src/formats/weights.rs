//! The tensors of a file, or of memory, by name.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::bytes::Bytes;
use super::foreign;
use super::kinds::Contents;
use super::shards::Index;
use super::snapshot::SNAPSHOT;
use super::stored::Stored;
use super::{NumberType, Snapshot};
use crate::error::{Error, Result};
use crate::tensor::{IntoTensor, Tensor};

/// Tensors by name, in the order of the file that they come from or of [`Weights::insert`].
///
/// A file's tensors are decoded when they are asked for; it is checked when it is opened. It shows as a table of names,
/// types, shapes and numbers of elements.
///
/// # Example
/// ```
/// use gradus::{ndarray::array, saving::Weights};
/// let mut weights = Weights::new();
/// weights.insert("dense.kernel", array![[1.0, 2.0], [3.0, 4.0]]);
/// weights.insert("dense.bias", array![0.5, 0.5]);
/// assert_eq!(weights.names().collect::<Vec<_>>(), ["dense.kernel", "dense.bias"]);
/// assert_eq!(weights.shape("dense.kernel"), Some(&[2, 2][..]));
/// assert_eq!(weights.get("dense.bias")?, array![0.5, 0.5].into_dyn());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Weights {
    tensors: Vec<(String, Stored)>,
    places: HashMap<String, usize>,
    path: Option<PathBuf>,
    metadata: BTreeMap<String, String>,
    /// The tensors of the snapshot stored with them.
    beside: Vec<(String, Stored)>,
}

impl Weights {
    /// Creates an empty list of weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a file, whose format its contents tell, or the files of an index, such as `model.safetensors.index.json`. All of it
    /// is read; `open_mapped` (feature `mmap`) does not.
    ///
    /// # Errors
    /// a file that cannot be read, or is in none of the formats of [`crate::saving`], or whose contents contradict each other; an
    /// index that names files elsewhere, or tensors that are not in them
    #[doc(alias = "load_file")]
    #[doc(alias = "torch.load")]
    #[doc(alias = "numpy.load")]
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), &Bytes::open)
    }

    /// Opens a file or the files of an index, whose bytes `open` gives.
    pub(super) fn open_with(path: &Path, open: &dyn Fn(&Path) -> Result<Bytes>) -> Result<Self> {
        let bytes = open(path)?;
        let fail = |reason| Error::file(path, reason);
        let read = |path: &Path, bytes: &Bytes| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Self::read(bytes, Some(folder))
                .map_err(|reason| Error::file(path, foreign::by_name(path).unwrap_or(reason)))
        };
        let weights = match Index::read(bytes.as_ref()) {
            Some(index) => index.map_err(fail)?.open(path, |path| read(path, &open(path)?))?,
            None => read(path, &bytes)?,
        };
        Ok(Self { path: Some(path.into()), ..weights })
    }

    /// Adds the tensors and texts of another file, which has none of these names.
    pub(super) fn join(&mut self, other: Self) {
        for (name, stored) in other.tensors {
            self.put(name, stored);
        }
        self.metadata.extend(other.metadata);
    }

    /// Reads the weights of a file that is in memory.
    ///
    /// # Errors
    /// as those of [`Weights::open`]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let bytes = bytes.into();
        let read = match Index::read(&bytes) {
            Some(_) => Err("is an index of several files; open it by its path".into()),
            None => Self::read(&bytes.into(), None),
        };
        read.map_err(|reason| Error::Parameters(format!("this file of weights {reason}")))
    }

    fn read(bytes: &Bytes, folder: Option<&Path>) -> Result<Self, String> {
        let Contents { tensors, metadata } = super::kinds::read(bytes, folder)?;
        let mut weights = Self { metadata, ..Self::new() };
        let has_snapshot = weights.metadata.contains_key(SNAPSHOT);
        for (name, stored) in tensors {
            if has_snapshot && Snapshot::has(&name) {
                weights.beside.push((name, stored));
                continue;
            }
            let two = || {
                let reason = "there are two tensors of this name; give them different names where the file was made";
                Stored::unreadable(stored.number.clone(), reason.into())
            };
            let stored = if weights.shape(&name).is_some() { two() } else { stored };
            weights.put(name, stored);
        }
        Ok(weights)
    }

    /// Adds a tensor, or replaces the one of this name.
    pub fn insert(&mut self, name: impl Into<String>, tensor: impl IntoTensor) {
        self.put(name.into(), tensor.into_tensor().into());
    }

    fn put(&mut self, name: String, stored: Stored) {
        match self.places.get(&name) {
            Some(place) => self.tensors[*place].1 = stored,
            None => {
                self.places.insert(name.clone(), self.tensors.len());
                self.tensors.push((name, stored));
            }
        }
    }

    /// Rounds all floating point tensors to a type, to the nearest number of it, as PyTorch's `module.half()` does: in
    /// [`BF16`](NumberType::BF16) or [`F16`](NumberType::F16) a file is half as large. Integers stay as they are.
    ///
    /// ```
    /// use gradus::ndarray::array;
    /// use gradus::saving::{NumberType, Weights};
    /// let mut weights = Weights::new();
    /// weights.insert("gain", array![1.0, 1.01]);
    /// weights.convert(&NumberType::BF16)?;
    /// assert_eq!(weights.number_type("gain"), Some(&NumberType::BF16));
    /// assert_eq!(weights.get("gain")?, array![1.0, 1.0078125].into_dyn());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// a type of integers, or [`F8E8M0`](NumberType::F8E8M0), which has no sign; a number beyond the range of the type, where
    /// PyTorch makes it infinite or NaN; a tensor that cannot be read. The weights are then as before.
    #[doc(alias = "half")]
    #[doc(alias = "bfloat16")]
    #[doc(alias = "float16")]
    pub fn convert(&mut self, number: &NumberType) -> Result<()> {
        number.encode(&[]).map_err(Error::Parameters)?;
        let tensors = self.tensors.iter().map(|(name, stored)| {
            let converted = match stored.number.is_floating() && stored.number != *number {
                true => stored.converted(number).map_err(|reason| self.failed(name, reason))?,
                false => stored.clone(),
            };
            Ok((name.clone(), converted))
        });
        self.tensors = tensors.collect::<Result<_>>()?;
        Ok(())
    }

    /// Stores a text with the tensors, such as the names of classes or how inputs are prepared: a safetensors file holds it
    /// as an entry of its `__metadata__`.
    ///
    /// ```
    /// use gradus::{prelude::*, saving::{Translation, Weights}};
    /// # let path = std::env::temp_dir().join(format!("gradus-metadata-{}.safetensors", std::process::id()));
    /// let model = Sequential::new().add(Dense::new(2));
    /// # model.forward(&Tape::inference().input(ndarray::arr2(&[[1.0]])))?;
    /// let mut weights = Translation::new().export(&model)?;
    /// weights.set_metadata("classes", "cat, dog");
    /// weights.save(&path)?;
    ///
    /// let weights = Weights::open(&path)?;
    /// let classes: Vec<&str> = weights.metadata("classes").unwrap_or_default().split(", ").collect();
    /// let model = Sequential::new().add(Dense::new(classes.len()));
    /// Translation::new().load(&model, &weights)?;
    /// # std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_metadata(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.metadata.insert(name.into(), text.into());
    }

    /// Returns a text that was stored with the tensors.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }

    /// Stores a snapshot with the tensors, such as the memory of an optimizer: it is no weight, and none of the names.
    pub fn set_snapshot(&mut self, snapshot: &Snapshot) {
        let (contents, stored) = snapshot.store();
        self.metadata.insert(SNAPSHOT.into(), contents);
        self.beside = stored;
    }

    /// Returns the snapshot that was stored with the tensors, if there is one.
    ///
    /// # Errors
    /// one that is not as it was written
    pub fn snapshot(&self) -> Result<Option<Snapshot>> {
        let Some(contents) = self.metadata(SNAPSHOT) else { return Ok(None) };
        let read = Snapshot::read(contents, &self.beside).map_err(|reason| {
            let reason = format!("has a snapshot that is not valid: {reason}");
            match &self.path {
                Some(path) => Error::file(path, reason),
                None => Error::Parameters(format!("this file of weights {reason}")),
            }
        });
        read.map(Some)
    }

    /// Returns the names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|(name, _)| name.as_str())
    }

    /// The tensors as they are stored.
    #[cfg(feature = "keras")]
    pub(super) fn stored_tensors(&self) -> &[(String, Stored)] {
        &self.tensors
    }

    /// Returns the number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The file that they come from, if they do.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn stored(&self, name: &str) -> Option<&Stored> {
        self.places.get(name).map(|place| &self.tensors[*place].1)
    }

    /// Returns the shape of a tensor; `None` if there is no tensor of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.stored(name).map(|stored| stored.shape.as_slice())
    }

    /// Returns the type that a tensor's numbers have in the file; `None` if there is no tensor of this name.
    #[doc(alias = "dtype")]
    pub fn number_type(&self, name: &str) -> Option<&NumberType> {
        self.stored(name).map(|stored| &stored.number)
    }

    /// Returns a tensor, in row-major order.
    ///
    /// # Errors
    /// a name that there is not; numbers that [`crate::Float`] cannot hold, such as complex ones, or whole ones beyond
    /// 2^24
    pub fn get(&self, name: &str) -> Result<Tensor> {
        self.decode(name).map_err(|reason| self.failed(name, reason))
    }

    fn failed(&self, name: &str, reason: String) -> Error {
        let reason = format!("tensor `{name}`: {reason}");
        match &self.path {
            Some(path) => Error::file(path, reason),
            None => Error::Parameters(reason),
        }
    }

    /// A tensor, or what is wrong with it.
    pub(crate) fn decode(&self, name: &str) -> Result<Tensor, String> {
        self.stored(name).ok_or_else(|| self.absent())?.decode()
    }

    fn absent(&self) -> String {
        let some: Vec<_> = self.names().take(8).map(|name| format!("`{name}`")).collect();
        match self.len() {
            0 => "is not there: these weights are empty".into(),
            len if len > 8 => format!("is not among the {len} tensors: {}, ...", some.join(", ")),
            len => format!("is not among the {len} tensors: {}", some.join(", ")),
        }
    }

    /// Writes them to a file: `.npz` (feature `numpy`) if that is how its name ends, else safetensors. Numbers keep the
    /// types that they have in the file they come from.
    ///
    /// # Errors
    /// a tensor of type [`NumberType::Other`]; a file that cannot be written (an old one of that name survives)
    #[doc(alias = "save_file")]
    #[doc(alias = "savez")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        super::kinds::write(&[&self.tensors[..], &self.beside].concat(), &self.metadata, path.as_ref())
    }
}

impl std::fmt::Display for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shapes: Vec<String> = self.tensors.iter().map(|(_, stored)| format!("{:?}", stored.shape)).collect();
        let name = self.names().map(|name| name.chars().count()).max().unwrap_or(0);
        let kind = self.tensors.iter().map(|(_, stored)| stored.number.to_string().len()).max().unwrap_or(0);
        let shape = shapes.iter().map(String::len).max().unwrap_or(0);
        let mut all = 0;
        for ((own, stored), text) in self.tensors.iter().zip(&shapes) {
            let numbers: usize = stored.shape.iter().product();
            writeln!(f, "{own:name$}  {:kind$}  {text:shape$}  {numbers}", stored.number)?;
            all += numbers;
        }
        write!(f, "{} tensors, {all} numbers", self.len())
    }
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
