//! Looks at a layer inside of a model.

use super::{Tape, Var, Vars};
use crate::error::Result;

/// What a layer inside of a model gives, for whoever explains it.
#[derive(Default)]
pub(crate) struct Watch {
    /// Path of the layer.
    wanted: String,
    /// The layers that are being run, the outermost first.
    inside: Vec<String>,
    /// Its outputs, of each time that it ran.
    pub found: Vec<Var>,
    /// The paths that were passed.
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
        if let Some(watch) = self.0.watch.borrow_mut().as_mut() {
            watch.inside.push(name.into());
        }
        let y = run().map_err(|error| error.within(name))?;
        if self.0.watch.borrow().is_none() { Ok(y) } else { Ok(self.watched(y)) }
    }

    /// The outputs of a layer, or, of the one that is watched, variables of their values.
    fn watched<T: Vars>(&self, y: T) -> T {
        let is_wanted = {
            let mut watch = self.0.watch.borrow_mut();
            let Some(watch) = watch.as_mut() else { return y };
            watch.seen.push(watch.inside.join("."));
            watch.inside.pop();
            watch.seen.last() == Some(&watch.wanted)
        };
        if !is_wanted {
            return y;
        }
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
