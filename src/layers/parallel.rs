//! Layers side by side.

use super::{Concatenate, Layer};
use crate::autograd::{ParamList, Var};
use crate::config::{Config, Described, Reader, config, described};
use crate::error::Result;

/// Layers side by side on one input, and what makes one of their outputs.
///
/// # Shapes
/// input that of each layer; output that of the merge
/// # Defaults
/// [`Concatenate`] along the last axis
/// # Errors
/// no layers; outputs that do not fit together; those of its layers, with `0`, `1`, ... before them
/// # Example
/// ```
/// use gradus::layers::Parallel;
/// use gradus::prelude::*;
/// let inception = Parallel::new()
///     .add(Conv2d::new(4, 1))
///     .add(Sequential::new().add(Conv2d::new(2, 1)).add(Conv2d::new(4, 3).padding(Padding::Same)))
///     .add(MaxPool2d::new(3).strides(1).padding(Padding::Same));
/// let y = inception.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((2, 8, 8, 3))))?;
/// assert_eq!(y.shape(), [2, 8, 8, 11]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Szegedy et al. 2015, "Going Deeper with Convolutions"
#[derive(Debug)]
#[must_use]
pub struct Parallel {
    layers: Vec<(String, Box<dyn Layer>)>,
    merge: Box<dyn Layer<Vec<Var>>>,
}

impl Default for Parallel {
    fn default() -> Self {
        Self { layers: Vec::new(), merge: Box::new(Concatenate::default()) }
    }
}

impl Parallel {
    /// Creates a container without layers.
    pub fn new() -> Self {
        Self::default()
    }

    fn describe(&self) -> Config {
        let merge: Box<dyn Layer<Vec<Var>>> = Box::new(Concatenate::default());
        Config::new(Self::KIND).with("layers", &self.layers).with_default("merge", &self.merge, &merge)
    }

    /// Adds a layer, named after its place.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, layer: impl Layer) -> Self {
        self.layers.push((self.layers.len().to_string(), Box::new(layer)));
        self
    }

    /// Sets what makes one output of several.
    pub fn merge(mut self, merge: impl Layer<Vec<Var>>) -> Self {
        self.merge = Box::new(merge);
        self
    }
}

impl Layer for Parallel {
    fn forward(&self, x: &Var) -> Result<Var> {
        let run = |(name, layer): &(String, Box<dyn Layer>)| x.tape().within(name, || layer.forward(x));
        let outputs: Vec<Var> = self.layers.iter().map(run).collect::<Result<_>>()?;
        self.merge.forward(&outputs)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.layers.iter().for_each(|(name, layer)| list.nest(name, layer.as_ref()));
        list.nest("merge", self.merge.as_ref());
    }

    config!();
}

impl Described for Parallel {
    const KIND: &'static str = "Parallel";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["layers", "merge"])?;
        let layers: Vec<(String, Box<dyn Layer>)> = from.get("layers")?;
        let layers = layers.into_iter().enumerate().map(|(i, (_, layer))| (i.to_string(), layer)).collect();
        let merge: Box<dyn Layer<Vec<Var>>> = Box::new(Concatenate::default());
        Ok(Self { layers, merge: from.get_or("merge", merge)? })
    }
}

described!(@setting Parallel);
