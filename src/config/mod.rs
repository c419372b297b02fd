//! Descriptions: what a thing is, as plain data that can be written, read, printed and copied.
//!
//! A [`Config`] names a kind and its settings. Everything that a model is made of gives one (`Layer::config` and its namesakes), and
//! [`Described`] makes the thing again from it. `described!` declares a struct with its settings once, and derives the setters,
//! `Debug`, writing and reading from that declaration.

mod declare;
mod delegate;
mod json;
mod print;
mod registry;
mod setting;
pub(crate) mod size;

pub(crate) use declare::{config, described, described_as, family, kinds, named, settings};
pub(crate) use delegate::delegates;
pub(crate) use registry::Make;
pub use registry::{Described, Reader, Registry};
pub(crate) use setting::Declared;
pub use setting::Setting;
pub(crate) use setting::{Slot, expected};

use crate::error::{Error, Result};

/// What makes another thing like this one: its kind and its settings, in the order of their declaration.
///
/// ```
/// use gradus::prelude::*;
/// let config = Dense::new(64).activation(Relu).config();
/// assert_eq!((config.kind(), config.to_string().as_str()), ("Dense", "Dense(units: 64, activation: Relu)"));
/// ```
///
/// # Reference
/// Keras' `get_config`
#[derive(Clone, Debug)]
#[must_use]
pub struct Config {
    kind: String,
    settings: Vec<Entry>,
    /// Why it cannot be made again, if it cannot.
    opaque: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    value: Value,
    is_default: bool,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing, where a setting is optional.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A name or another text.
    Text(String),
    /// Several values.
    List(Vec<Value>),
    /// A thing with settings of its own.
    Config(Config),
}

/// The same kind with the same settings, whatever their order.
impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        let has = |(name, value)| other.get(name) == Some(value);
        let same_settings = self.settings.len() == other.settings.len() && self.settings().all(has);
        self.kind == other.kind && self.opaque == other.opaque && same_settings
    }
}

impl Config {
    /// Creates a description without settings.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), settings: Vec::new(), opaque: None }
    }

    /// Creates the description of something that cannot be made again from one, such as a closure. It can be printed; writing it
    /// is an error that says `reason`.
    pub fn opaque(kind: impl Into<String>, reason: &'static str) -> Self {
        Self { opaque: Some(reason), ..Self::new(kind) }
    }

    /// Creates the description of a type that has none, under the name of that type.
    pub(crate) fn of_unknown<T: ?Sized>() -> Self {
        let name = type_name::<T>();
        match name {
            "Lambda" => Self::opaque(name, "a closure has no name; make it a type that implements `Described`"),
            _ => Self::opaque(name, "the type has no description; implement `config` and `Described` for it"),
        }
    }

    /// Returns the names of several outputs, in order, which a layer describes in a setting `outputs`; empty without.
    pub(crate) fn output_names(&self) -> Vec<String> {
        let Some(Value::List(names)) = self.get("outputs") else { return Vec::new() };
        let names = names.iter().map(|name| if let Value::Text(name) = name { Some(name.clone()) } else { None });
        names.collect::<Option<_>>().unwrap_or_default()
    }

    /// Adds a setting.
    pub fn with(self, name: &str, value: &impl Setting) -> Self {
        self.entry(name, value.to_value(), false)
    }

    /// Adds a setting that is left out of printed descriptions where it has its default.
    pub fn with_default<T: Setting>(self, name: &str, value: &T, default: &T) -> Self {
        self.compared(name, value.to_value(), &default.to_value())
    }

    fn compared(self, name: &str, value: Value, default: &Value) -> Self {
        let is_default = value == *default;
        self.entry(name, value, is_default)
    }

    /// Creates a description of these settings, most of which have a default.
    pub(crate) fn declared(kind: &str, settings: &[(&str, &dyn Slot, Option<&dyn Slot>)]) -> Self {
        let mut config = Self::new(kind);
        for (name, value, default) in settings {
            config = match default {
                Some(default) => config.compared(name, value.write(), &default.write()),
                None => config.entry(name, value.write(), false),
            };
        }
        config
    }

    /// Adds a setting that is a thing with a description of its own, such as an inner layer.
    pub fn with_part(self, name: &str, part: Config) -> Self {
        self.entry(name, Value::Config(part), false)
    }

    /// Sets a setting that may be there already.
    #[cfg(feature = "keras")]
    pub(crate) fn replaced(mut self, name: &str, value: Value) -> Self {
        self.settings.retain(|entry| entry.name != name);
        self.entry(name, value, false)
    }

    pub(crate) fn entry(mut self, name: &str, value: Value, is_default: bool) -> Self {
        self.settings.push(Entry { name: name.into(), value, is_default });
        self
    }

    /// Returns the name of the kind, such as `Dense`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the value of a setting.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.settings.iter().find(|entry| entry.name == name).map(|entry| &entry.value)
    }

    /// Returns names and values in order.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.settings.iter().map(|entry| (entry.name.as_str(), &entry.value))
    }

    /// Checks that everything in it can be made again.
    ///
    /// # Errors
    /// a closure, or a type without a description; the message leads to it
    pub fn check(&self) -> Result<()> {
        if let Some(reason) = self.opaque {
            return Err(Error::value(format!("`{}` cannot be described: {reason}", self.kind)));
        }
        self.settings().try_for_each(|(name, value)| value.check().map_err(|error| error.at_setting(name)))
    }
}

impl Value {
    /// Whether it is a pair of a name and a thing, as a container has them.
    fn is_named(&self) -> bool {
        matches!(self, Self::List(pair) if matches!(&pair[..], [Self::Text(_), Self::Config(_)]))
    }

    fn check(&self) -> Result<()> {
        match self {
            Self::Config(config) => config.check(),
            Self::List(items) => match &items[..] {
                [Self::Text(name), value] if self.is_named() => value.check().map_err(|error| error.at_setting(name)),
                items => items.iter().enumerate().try_for_each(|(i, item)| {
                    let place = |error: Error| if item.is_named() { error } else { error.at_setting(&i.to_string()) };
                    item.check().map_err(place)
                }),
            },
            _ => Ok(()),
        }
    }
}

/// Keeps layers over a number of axes that does not exist from being compiled.
pub(crate) const fn assert_rank(axes: usize) {
    assert!(matches!(axes, 1..=3), "layers slide over 1, 2 or 3 axes: sequences, images or volumes");
}

/// The name of a type without its path and generics; `Lambda` for a closure.
pub(crate) fn type_name<T: ?Sized>() -> &'static str {
    short_name(std::any::type_name::<T>())
}

fn short_name(full: &'static str) -> &'static str {
    let plain = full.split('<').next().unwrap_or(full);
    if plain.ends_with("{{closure}}") { "Lambda" } else { plain.rsplit("::").next().unwrap_or(plain) }
}
