//! Softmax, its logarithm and sparsemax.

use super::Activation;
use crate::autograd::{Layer, Var};
use crate::config::{Config, Described, Reader, config, described};
use crate::error::Result;
use crate::ops::Distribution;

macro_rules! distributions {
    ($($(#[$meta:meta])* pub struct $name:ident;)+) => { $(
        described! {
            $(#[$meta])*
            pub struct $name;
        }

        impl $name {
            /// Creates the same activation along another axis; negative axes count from the end.
            pub fn over(axis: isize) -> AlongAxis {
                AlongAxis { function: Distribution::$name, axis }
            }
        }

        impl Activation for $name {
            config!();

            fn apply(&self, x: &Var) -> Var {
                Distribution::$name.over_last(x)
            }
        }
    )+ };
}

distributions! {
    /// Softmax over the last axis: `y = exp(x) / Σ exp(x)`, computed from `x - max(x)`. [`Var::softmax`] takes any axis.
    ///
    /// The cross-entropies recognise a prediction that comes out of it and work on `x`, in one stable operation.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Softmax.apply(&Tape::inference().input(ndarray::arr2(&[[1000.0, 1000.0]])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.5, 0.5]);
    /// ```
    pub struct Softmax;

    /// Logarithm of the softmax over the last axis: `y = x - ln Σ exp(x)`, which stays finite where the softmax is 0.
    /// [`Var::log_softmax`] takes any axis.
    ///
    /// The categorical cross-entropies recognise a prediction that comes out of it.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = LogSoftmax.apply(&Tape::inference().input(ndarray::arr2(&[[1000.0, 0.0]])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, -1000.0]);
    /// ```
    pub struct LogSoftmax;

    /// Sparsemax over the last axis: the point of the simplex that is nearest to `x`, so that small numbers become 0
    /// altogether. [`Sparsemax::over`] and [`Var::sparsemax`] take any axis.
    ///
    /// ```
    /// use gradus::activations::Sparsemax;
    /// use gradus::prelude::*;
    /// let y = Sparsemax.apply(&Tape::inference().input(ndarray::arr2(&[[1.0, 0.5, -1.0]])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.75, 0.25, 0.0]);
    /// ```
    ///
    /// Martins & Astudillo 2016.
    pub struct Sparsemax;
}

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
    function: Distribution,
    axis: isize,
}

impl Layer for AlongAxis {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.function.along(x, self.axis)
    }

    fn config(&self) -> Config {
        Config::new(Self::KIND).with("function", &self.function).with("axis", &self.axis)
    }
}

impl Described for AlongAxis {
    const KIND: &'static str = "AlongAxis";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["function", "axis"])?;
        Ok(Self { function: from.get("function")?, axis: from.get("axis")? })
    }
}
