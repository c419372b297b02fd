//! Layers one after the other.

use std::collections::HashSet;
use std::fmt;

use super::{Layer, boxed};
use crate::autograd::{ParamList, TraceRow, Var};
use crate::config::{Config, Described, Reader, config, described};
use crate::error::{Error, Result};

/// Layers one after the other: each takes what the one before gives.
///
/// Layers are named after their types and numbered as Keras does it: `conv2d`, `conv2d_1`, `dense`.
///
/// # Shapes
/// those of the first layer's input and the last layer's output
/// # Errors
/// those of its layers, with the layer's name before them
/// # Example
/// ```
/// use gradus::prelude::*;
/// let model = Sequential::new().add(Flatten).add(Dense::new(64).activation(Relu)).add(Dense::new(10));
/// let y = model.forward(&Tape::inference().input(ndarray::Array3::<f32>::zeros((2, 28, 28))))?;
/// assert_eq!(y.shape(), [2, 10]);
/// assert_eq!(model.names().collect::<Vec<_>>(), ["flatten", "dense", "dense_1"]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `Sequential`
#[derive(Default)]
#[must_use]
pub struct Sequential {
    layers: Vec<(String, Box<dyn Layer>)>,
}

impl Sequential {
    /// Creates a model without layers: the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a layer under the next free name of its type.
    #[allow(clippy::should_implement_trait)]
    pub fn add(self, layer: impl Layer) -> Self {
        let name = snake_case(layer.config().kind());
        self.add_named(&name, layer)
    }

    /// Appends a layer under a name of your choice, in which dots become underscores. A name that is taken already
    /// gets a number, since paths must be unique.
    pub fn add_named(mut self, name: &str, layer: impl Layer) -> Self {
        self.push(name, boxed(layer));
        self
    }

    fn push(&mut self, name: &str, layer: Box<dyn Layer>) {
        let base = name.replace('.', "_");
        let mut free = base.clone();
        let mut number = 0;
        let taken: HashSet<&str> = self.names().collect();
        while taken.contains(free.as_str()) {
            number += 1;
            free = format!("{base}_{number}");
        }
        self.layers.push((free, layer));
    }

    fn describe(&self) -> Config {
        Config::new(Self::KIND).with("layers", &self.layers)
    }

    /// Returns the names of the layers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the layer of a name.
    pub fn get(&self, name: &str) -> Option<&dyn Layer> {
        self.layers.iter().find(|(known, _)| known == name).map(|(_, layer)| layer.as_ref())
    }

    /// Returns the number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Puts another layer in the place and under the name of one, as one does to replace a head, and returns the old one.
    ///
    /// # Errors
    /// a name that no layer has; the message lists the names
    pub fn replace(&mut self, name: &str, layer: impl Layer) -> Result<Box<dyn Layer>> {
        let names = || self.names().collect::<Vec<_>>().join(", ");
        let Some(place) = self.names().position(|known| known == name) else {
            return Err(Error::value(format!("no layer is named `{name}`; the layers are: {}", names())));
        };
        Ok(std::mem::replace(&mut self.layers[place].1, boxed(layer)))
    }

    /// Removes the last layer and returns it, such as to replace a head; `None` if there is no layer.
    pub fn pop(&mut self) -> Option<Box<dyn Layer>> {
        self.layers.pop().map(|(_, layer)| layer)
    }
}

impl Layer for Sequential {
    fn forward(&self, x: &Var) -> Result<Var> {
        let mut x = x.clone();
        for (name, layer) in &self.layers {
            let mark = x.tape().trace_mark();
            x = x.tape().within(name, || layer.forward(&x))?;
            x.tape().trace(mark, || TraceRow::new(name, layer.config().kind(), std::slice::from_ref(&x)));
        }
        Ok(x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.layers.iter().for_each(|(name, layer)| list.nest(name, layer.as_ref()));
    }

    config!();
}

impl Described for Sequential {
    const KIND: &'static str = "Sequential";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["layers"])?;
        let layers: Vec<(String, Box<dyn Layer>)> = from.get("layers")?;
        let mut model = Self::new();
        for (name, layer) in layers {
            if name.contains('.') || model.get(&name).is_some() {
                return Err(Error::value(format!("layer `{name}`: expected names without dots, each once")));
            }
            model.layers.push((name, layer));
        }
        Ok(model)
    }
}

described!(@setting Sequential);

/// A line for each layer.
impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.describe())
    }
}

/// `BatchNorm` becomes `batch_norm`, `Conv2d` becomes `conv2d`.
fn snake_case(kind: &str) -> String {
    let mut name = String::new();
    for (i, c) in kind.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}
