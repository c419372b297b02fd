//! Looks at a layer inside of a model.

use super::{Tape, Var, Vars};
use crate::error::Result;

/// The outputs of a watched layer inside a model.
#[derive(Default)]
pub(crate) struct Watch {
    /// Path of the layer.
    wanted: String,
    /// The layers that are being run, the outermost first.
    inside: Vec<String>,
    /// The outputs of each of its runs.
    pub found: Vec<Var>,
    /// The paths of all layers that ran.
    pub seen: Vec<String>,
}

impl Tape {
    /// Runs a layer inside of another one under its name: its errors say the name, and [`explain`](crate::explain) finds it by its path.
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// struct Twice(Dense);
    ///
    /// impl Layer for Twice {
    ///     fn forward(&self, x: &Var) -> Result<Var> {
    ///         let y = x.tape().within("dense", || self.0.forward(x))?;
    ///         Ok(&y * 2.0)
    ///     }
    ///     fn params<'a>(&'a self, list: &mut ParamList<'a>) {
    ///         list.nest("dense", &self.0);
    ///     }
    /// }
    ///
    /// let x = Tape::inference().input(ndarray::Array1::<f32>::zeros(3));
    /// let error = Twice(Dense::new(4)).forward(&x).unwrap_err().to_string();
    /// assert!(error.starts_with("layer `dense`: "));
    /// ```
    ///
    /// # Errors
    /// those of the layer
    pub fn within<T: Vars>(&self, name: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
        self.enter(name);
        let y = run().map_err(|error| error.within(name));
        if self.leave() { y.map(|y| self.watched(y)) } else { y }
    }

    fn enter(&self, name: &str) {
        if let Some(watch) = self.0.watch.borrow_mut().as_mut() {
            watch.inside.push(name.into());
        }
    }

    /// Whether the layer that ends here is the watched one.
    fn leave(&self) -> bool {
        let mut watch = self.0.watch.borrow_mut();
        let Some(watch) = watch.as_mut() else { return false };
        watch.seen.push(watch.inside.join("."));
        watch.inside.pop();
        watch.seen.last() == Some(&watch.wanted)
    }

    /// Outputs as variables of their values, which a gradient can be asked for.
    fn watched<T: Vars>(&self, y: T) -> T {
        let outputs: Vec<Var> = y.to_list().iter().map(|y| self.variable(&*y.value).with_mask_of(y)).collect();
        if let Some(watch) = self.0.watch.borrow_mut().as_mut() {
            watch.found.extend(outputs.iter().cloned());
        }
        T::take(&mut outputs.into_iter()).unwrap_or(y)
    }

    /// Watches the layer of this path from here on.
    pub(crate) fn start_watch(&self, path: &str) {
        *self.0.watch.borrow_mut() = Some(Watch { wanted: path.into(), ..Watch::default() });
    }

    pub(crate) fn take_watch(&self) -> Watch {
        self.0.watch.take().unwrap_or_default()
    }
}
