//! Activations along another axis than the last one.

use super::{LogSoftmax, Softmax, Sparsemax};
use crate::autograd::{Layer, Var};
use crate::config::{Config, Described, Reader};
use crate::error::{Error, Result};

/// Softmax, its logarithm or sparsemax along an axis, as a layer. Made by [`Softmax::over`], [`LogSoftmax::over`] or
/// [`Sparsemax::over`]; negative axes count from the end.
///
/// # Errors
/// An axis out of range.
///
/// ```
/// use gradus::prelude::*;
/// let y = Softmax::over(1).forward(&Tape::inference().input(ndarray::arr3(&[[[5.0, 1.0], [5.0, 1.0]]])))?;
/// assert_eq!(y.value().as_slice().unwrap(), [0.5; 4]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AlongAxis {
    kind: &'static str,
    function: fn(&Var, isize) -> Result<Var>,
    axis: isize,
}

impl Layer for AlongAxis {
    fn forward(&self, x: &Var) -> Result<Var> {
        (self.function)(x, self.axis)
    }

    fn config(&self) -> Config {
        Config::new(Self::KIND).with("function", &self.kind.to_owned()).with("axis", &self.axis)
    }
}

impl Described for AlongAxis {
    const KIND: &'static str = "AlongAxis";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["function", "axis"])?;
        let (function, axis): (String, isize) = (from.get("function")?, from.get("axis")?);
        match function.as_str() {
            "Softmax" => Ok(Softmax::over(axis)),
            "LogSoftmax" => Ok(LogSoftmax::over(axis)),
            "Sparsemax" => Ok(Sparsemax::over(axis)),
            other => {
                Err(Error::value(format!("AlongAxis: expected `Softmax`, `LogSoftmax` or `Sparsemax`, got `{other}`")))
            }
        }
    }
}

macro_rules! over {
    ($($name:ident $function:ident)*) => {
        $(impl $name {
            /// Creates the same activation along another axis; negative axes count from the end.
            pub fn over(axis: isize) -> AlongAxis {
                AlongAxis { kind: stringify!($name), function: Var::$function, axis }
            }
        })*
    };
}

over!(Softmax softmax LogSoftmax log_softmax Sparsemax sparsemax);
