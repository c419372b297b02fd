//! What a layer is: a forward, parameters, a description.

use std::any::Any;
use std::fmt;

use super::{ParamList, Var, Vars};
use crate::config::{Config, Registry, Setting, Value};
use crate::error::Result;

/// A network or a part of one. `X` is what it takes and `Y` what it gives: one variable, a tuple, or a list of them.
///
/// A layer holds its parameters as fields and calls operations, or other layers, in `forward`. That is all: gradients
/// follow, and what one does with a [`Model`](crate::Model): save, freeze, count, train it. Layers are `&self` and shared
/// between threads; what changes during a pass lives on the tape of `x`.
///
/// ```
/// use gradus::prelude::*;
///
/// /// Adds a learned bottleneck to its input: `y = x + up(relu(down(x)))`.
/// struct Adapter { down: Dense, up: Dense }
///
/// impl Layer for Adapter {
///     fn forward(&self, x: &Var) -> Result<Var> { Ok(x + self.up.forward(&self.down.forward(x)?)?) }
///     fn params<'a>(&'a self, list: &mut ParamList<'a>) { list.nest("down", &self.down); list.nest("up", &self.up); }
/// }
///
/// let adapter = Adapter { down: Dense::new(2).activation(Relu), up: Dense::new(4) };
/// let y = adapter.forward(&Tape::inference().input(ndarray::Array2::<f32>::ones((3, 4))))?;
/// assert_eq!(y.shape(), [3, 4]);
/// assert_eq!(adapter.parameters()[0].0, "down.kernel");
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Layer<X: Vars = Var, Y: Vars = Var>: Any + Send + Sync {
    /// The output for `x`, on the tape of `x`.
    fn forward(&self, x: &X) -> Result<Y>;

    /// Lists the parameters, each under its name, in an order that never changes. The default lists none.
    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        let _ = list;
    }

    /// What makes another one like it, without the numbers in its parameters: its kind, from which containers derive names, and its
    /// settings. A layer with several outputs names them in a setting `outputs`. The default is that of a type which cannot be described;
    /// see [`Described`](crate::config::Described).
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

/// So that layers whose type is not known before the program runs, such as [`Sequential::pop`](crate::Sequential::pop) returns, are layers like any other.
impl<X: Vars, Y: Vars> Layer<X, Y> for Box<dyn Layer<X, Y>> {
    fn forward(&self, x: &X) -> Result<Y> {
        (**self).forward(x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        (**self).params(list);
    }

    fn config(&self) -> Config {
        (**self).config()
    }
}

/// A layer in a box; one that is in a box already stays in it.
pub(crate) fn boxed<X: Vars, Y: Vars>(layer: impl Layer<X, Y>) -> Box<dyn Layer<X, Y>> {
    let mut layer = Some(layer);
    let any: &mut dyn Any = &mut layer;
    match any.downcast_mut::<Option<Box<dyn Layer<X, Y>>>>().and_then(Option::take) {
        Some(known) => known,
        None => Box::new(layer.expect("it was of another type, and not taken")),
    }
}

impl<X: Vars, Y: Vars> Setting for Box<dyn Layer<X, Y>> {
    fn to_value(&self) -> Value {
        Value::Config(self.as_ref().config())
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        registry.make(value.as_config()?)
    }
}

impl<X: Vars, Y: Vars> fmt::Debug for dyn Layer<X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.config())
    }
}
