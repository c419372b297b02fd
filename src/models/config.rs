//! What a `config.json` of Hugging Face says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::activations::{Activation, Gelu, GeluTanh, Pointwise, Relu, Silu};
use crate::autograd::Var;
use crate::config::{Config, named};
use crate::error::{Error, Result};
use crate::files::BYTE_ORDER_MARK;
use crate::tensor::Float;

/// More layers than any network has; each costs memory before its first weight is read.
const MOST_LAYERS: usize = 1000;

/// The activation between the two dense layers of a block, by one of the names that a `config.json` knows.
///
/// ```
/// use gradus::models::HiddenActivation;
/// assert_eq!(HiddenActivation::from_name("gelu_new"), Some(HiddenActivation::GeluTanh));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HiddenActivation {
    /// [`Gelu`]: `gelu`.
    #[default]
    Gelu,
    /// [`GeluTanh`]: `gelu_new` or `gelu_pytorch_tanh`.
    GeluTanh,
    /// [`Relu`]: `relu`.
    Relu,
    /// [`Silu`]: `silu` or `swish`.
    Silu,
}

named!(HiddenActivation { Gelu = "gelu", GeluTanh = "gelu_pytorch_tanh", Relu = "relu", Silu = "silu" });

impl HiddenActivation {
    /// The one that a `config.json` calls so; `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "gelu" => Self::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Self::GeluTanh,
            "relu" => Self::Relu,
            "silu" | "swish" => Self::Silu,
            _ => return None,
        })
    }

    fn activation(self) -> &'static dyn Activation {
        match self {
            Self::Gelu => &Gelu,
            Self::GeluTanh => &GeluTanh,
            Self::Relu => &Relu,
            Self::Silu => &Silu,
        }
    }
}

impl Activation for HiddenActivation {
    fn apply(&self, x: &Var) -> Var {
        self.activation().apply(x)
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        self.activation().pointwise()
    }

    fn config(&self) -> Config {
        self.activation().config()
    }
}

/// The bytes of a file of JSON, without the byte order mark that some editors put before them.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = match std::fs::metadata(path) {
        Ok(data) if !data.is_file() => return Err(Error::file(path, "is not a file")),
        _ => std::fs::read(path).map_err(|error| Error::file(path, error))?,
    };
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// That a description does not ask for more layers than there can be.
pub(super) fn check_layers(layers: usize) -> Result<()> {
    match layers <= MOST_LAYERS {
        true => Ok(()),
        false => Err(Error::value(format!("expected at most {MOST_LAYERS} layers, got {layers}"))),
    }
}

/// Checks that this number of heads can share this number of features.
pub(super) fn check_heads(size: usize, heads: usize) -> Result<()> {
    match heads > 0 && size > 0 && size.is_multiple_of(heads) {
        true => Ok(()),
        false => Err(Error::value(format!(
            "expected a size that is a multiple of the number of heads, both at least 1, got {size} and {heads}"
        ))),
    }
}

/// The fields of a file, read one by one: a field that is absent or null has its default, where there is one.
pub(super) struct Fields {
    path: PathBuf,
    value: Value,
}

impl Fields {
    /// Those of a file with a JSON object, of a network of this type.
    pub fn open(path: &Path, model_type: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_slice(&read(path)?).map_err(|error| Error::file(path, format!("is not JSON: {error}")))?;
        let fields = Self { path: path.into(), value };
        if !fields.value.is_object() {
            return Err(Error::file(path, "expected a JSON object with the settings of a network"));
        }
        fields.only("model_type", &Value::from(model_type))?;
        Ok(fields)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    fn fail<T>(&self, name: &str, expected: &str) -> Result<T> {
        Err(self.unexpected(name, expected))
    }

    fn unexpected(&self, name: &str, expected: &str) -> Error {
        let got = match self.get(name) {
            Some(value) => {
                let text: String = value.to_string().chars().take(60).collect();
                format!("got {text}")
            }
            None => "which is absent".into(),
        };
        Error::file(&self.path, format!("expected `{name}` to be {expected}, {got}"))
    }

    /// A whole number from 1 on.
    pub fn size(&self, name: &str, default: impl Into<Option<usize>>) -> Result<usize> {
        let found = match self.get(name) {
            Some(value) => value.as_u64().and_then(|size| usize::try_from(size).ok()),
            None => default.into(),
        };
        match found.filter(|size| (1..=1 << 24).contains(size)) {
            Some(size) => Ok(size),
            None => self.fail(name, "a whole number from 1 to 2^24"),
        }
    }

    /// A whole number from 1 on, or none.
    pub fn optional_size(&self, name: &str) -> Result<Option<usize>> {
        self.get(name).map(|_| self.size(name, None)).transpose()
    }

    /// A number of layers.
    pub fn layers(&self, name: &str) -> Result<usize> {
        match self.size(name, None)? {
            layers if layers <= MOST_LAYERS => Ok(layers),
            _ => self.fail(name, &format!("at most {MOST_LAYERS}")),
        }
    }

    /// A whole number from 0 on, or none.
    pub fn id(&self, name: &str, default: Option<usize>) -> Result<Option<usize>> {
        match self.value.get(name) {
            None => Ok(default),
            Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64().and_then(|id| usize::try_from(id).ok()) {
                Some(id) => Ok(Some(id)),
                None => self.fail(name, "a whole number from 0 on, or null"),
            },
        }
    }

    /// A number from 0 to 1; 1 excluded.
    pub fn share(&self, name: &str, default: Float) -> Result<Float> {
        let found = self.get(name).map_or(Some(f64::from(default)), Value::as_f64);
        match found.filter(|share| (0.0..1.0).contains(share)) {
            Some(share) => Ok(share as Float),
            None => self.fail(name, "a number in 0..1 (1 excluded)"),
        }
    }

    /// True or false.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => self.fail(name, "true or false"),
        }
    }

    /// An activation.
    pub fn activation(&self, name: &str, default: HiddenActivation) -> Result<HiddenActivation> {
        let Some(value) = self.get(name) else { return Ok(default) };
        match value.as_str().and_then(HiddenActivation::from_name) {
            Some(activation) => Ok(activation),
            None => self.fail(name, "one of gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish"),
        }
    }

    /// Refuses another value of a field than the one that we compute with.
    pub fn only(&self, name: &str, value: &Value) -> Result<()> {
        match self.get(name) {
            Some(other) if other != value => self.fail(name, &format!("{value}, the only one known here")),
            _ => Ok(()),
        }
    }
}
