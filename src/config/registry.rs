//! Makes things from their descriptions.

use std::any::{Any, TypeId};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::setting::Slot;
use super::{Config, Setting, Value};
use crate::error::{Error, Result};

/// Something that can be made again from its description.
///
/// A type of your own describes itself in six lines, and one more registers it:
///
/// ```
/// use gradus::config::{Config, Described, Reader, Registry};
/// use gradus::prelude::*;
///
/// /// Adds a learned bottleneck to its input: `y = x + up(down(x))`.
/// struct Adapter { down: Dense, up: Dense }
///
/// impl Layer for Adapter {
///     fn forward(&self, x: &Var) -> Result<Var> { Ok(x + self.up.forward(&self.down.forward(x)?)?) }
///     fn params<'a>(&'a self, list: &mut ParamList<'a>) { list.nest("down", &self.down); list.nest("up", &self.up); }
///     fn config(&self) -> Config { Config::new(Self::KIND).with("down", &self.down).with("up", &self.up) }
/// }
///
/// impl Described for Adapter {
///     const KIND: &'static str = "Adapter";
///     fn from_config(from: &Reader<'_>) -> Result<Self> { Ok(Self { down: from.get("down")?, up: from.get("up")? }) }
/// }
///
/// let adapter = Adapter { down: Dense::new(2).activation(Relu), up: Dense::new(4) };
/// let registry = Registry::default().layer::<Adapter, Var, Var>();
/// let twin: Box<dyn Layer> = registry.make(&adapter.config())?;
/// assert_eq!(twin.config(), adapter.config());
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Reference
/// Keras' `from_config` and `register_keras_serializable`
pub trait Described: Sized {
    /// The name of the kind in descriptions.
    const KIND: &'static str;

    /// Makes the thing that the description describes.
    ///
    /// # Errors
    /// settings that are missing, unknown or out of their range
    fn from_config(from: &Reader<'_>) -> Result<Self>;
}

/// A plain function: a closure would be compiled with all around it for each kind.
pub(crate) type Make<T> = fn(&Reader<'_>) -> Result<T>;

/// The kinds that can be made from descriptions: at first all of this crate's, to which yours are added.
#[derive(Debug, Clone)]
pub struct Registry {
    /// A [`Make`] for each family, such as `Box<dyn Layer>`, and kind.
    makers: HashMap<(TypeId, String), Arc<dyn Any + Send + Sync>>,
}

impl Registry {
    /// Creates a registry without any kind.
    pub(crate) fn empty() -> Self {
        Self { makers: HashMap::new() }
    }

    /// Adds a kind to the family `T`.
    pub(crate) fn insert<T: 'static>(&mut self, kind: &str, make: Make<T>) {
        self.insert_any(TypeId::of::<T>(), kind, Arc::new(make));
    }

    /// Adds these kinds to the family `T`.
    pub(crate) fn with<T: 'static>(mut self, makers: &[(&str, Make<T>)]) -> Self {
        for (kind, make) in makers {
            self.insert(kind, *make);
        }
        self
    }

    fn insert_any(&mut self, family: TypeId, kind: &str, make: Arc<dyn Any + Send + Sync>) {
        self.makers.insert((family, kind.into()), make);
    }

    /// Returns the names of all kinds that are registered.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.makers.keys().map(|(_, kind)| kind.as_str()).collect()
    }

    /// Reads a description of one's own.
    pub(crate) fn reader<'a>(&'a self, config: &'a Config) -> Reader<'a> {
        Reader { config, registry: self }
    }

    /// Reads any value of a description: a `Stepper`, a list of losses, a `Box<dyn Layer>`.
    ///
    /// # Errors
    /// a value of another type; those of [`Registry::make`]
    pub fn read<T: Setting>(&self, value: &Value) -> Result<T> {
        T::from_value(value, self)
    }

    /// Makes a member of the family `T`, such as `Box<dyn Layer>`, from its description.
    ///
    /// # Errors
    /// a kind that is not registered; settings that are missing, unknown or out of their range; the message leads to the place
    pub fn make<T: 'static>(&self, config: &Config) -> Result<T> {
        match self.maker(TypeId::of::<T>(), config)?.downcast_ref::<Make<T>>() {
            Some(make) => make(&self.reader(config)),
            None => Err(unknown(config)),
        }
    }

    fn maker(&self, family: TypeId, config: &Config) -> Result<&(dyn Any + Send + Sync)> {
        config.check()?;
        self.makers.get(&(family, config.kind().into())).map(|make| &**make).ok_or_else(|| unknown(config))
    }
}

fn unknown(config: &Config) -> Error {
    let kind = config.kind();
    Error::value(format!(
        "unknown kind `{kind}`; if it is a type of your own, implement `Described` for it and add it to the `Registry`"
    ))
}

/// Reads the settings of one description.
#[derive(Debug)]
pub struct Reader<'a> {
    config: &'a Config,
    registry: &'a Registry,
}

impl<'a> Reader<'a> {
    pub(super) fn new(config: &'a Config, registry: &'a Registry) -> Self {
        Self { config, registry }
    }

    /// Reads a description within this one.
    pub(crate) fn nested<'b>(&self, config: &'b Config) -> Reader<'b>
    where
        'a: 'b,
    {
        Reader { config, registry: self.registry }
    }

    /// Makes a member of another family of the same description.
    pub(crate) fn make<T: 'static>(&self) -> Result<T> {
        self.registry.make(self.config)
    }

    /// Returns the description.
    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// Reads a setting that must be there.
    ///
    /// # Errors
    /// a setting that is missing or of another type
    pub fn get<T: Setting>(&self, name: &str) -> Result<T> {
        self.read(name, self.value(name)?)
    }

    fn value(&self, name: &str) -> Result<&'a Value> {
        self.config.get(name).ok_or_else(|| {
            let error = Error::value(format!("the setting is missing in the description of `{}`", self.config.kind()));
            error.at_setting(name)
        })
    }

    /// Reads a setting that is the description of a `T`, such as an inner layer of a known type.
    ///
    /// # Errors
    /// a setting that is missing, or describes something else
    pub fn part<T: Described>(&self, name: &str) -> Result<T> {
        self.value(name)?.described(self.registry).map_err(|error| error.at_setting(name))
    }

    /// Reads a setting, or returns `default` if it is missing.
    ///
    /// # Errors
    /// a setting of another type
    pub fn get_or<T: Setting>(&self, name: &str, default: T) -> Result<T> {
        match self.config.get(name) {
            Some(value) => self.read(name, value),
            None => Ok(default),
        }
    }

    fn read<T: Setting>(&self, name: &str, value: &Value) -> Result<T> {
        // No closure or conversion of errors, which would be compiled again for each type.
        match T::from_value(value, self.registry) {
            Ok(read) => Ok(read),
            Err(error) => Err(error.at_setting(name)),
        }
    }

    /// Reads each setting that is there into its slot, which has its default.
    pub(crate) fn fill(&self, slots: &mut [(&str, &mut dyn Slot)]) -> Result<()> {
        for (name, slot) in slots {
            if let Some(value) = self.config.get(name) {
                slot.read(value, self.registry).map_err(|error| error.at_setting(name))?;
            }
        }
        Ok(())
    }

    /// Checks that there are no settings but these.
    ///
    /// # Errors
    /// an unknown setting
    pub fn only(&self, known: &[&str]) -> Result<()> {
        match self.config.settings().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => {
                Err(Error::value(format!("`{}` has no setting `{name}`; it has {known:?}", self.config.kind())))
            }
            None => Ok(()),
        }
    }
}
