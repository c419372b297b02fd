//! Layers that make one variable of several.

mod dot;

pub use dot::Dot;

use super::Layer;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};

macro_rules! merge {
    ($(#[$doc:meta])* $name:ident, $keras:literal, $formula:literal, $values:literal, |$a:ident, $b:ident| $merge:expr) => {
        described! {
            #[doc = concat!($formula, " of the inputs, number by number, with broadcasting.")]
            ///
            /// # Shapes
            /// inputs that broadcast to one shape, which is that of the output
            /// # Errors
            /// no inputs; shapes that do not broadcast
            /// # Example
            /// ```
            /// use gradus::{layers::*, prelude::*};
            /// let tape = Tape::inference();
            /// let x = vec![tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0, 3.0]]))];
            #[doc = concat!("let y = ", stringify!($name), ".forward(&x)?;")]
            #[doc = concat!("assert_eq!(y.value().as_slice().unwrap(), ", $values, ");")]
            /// # Ok::<(), gradus::Error>(())
            /// ```
            /// # Reference
            #[doc = concat!("Keras `", $keras, "`")]
            $(#[$doc])*
            pub struct $name;
        }

        impl Layer<Vec<Var>> for $name {
            fn forward(&self, x: &Vec<Var>) -> Result<Var> {
                fold(x, |$a, $b| $merge)
            }

            config!();
        }
    };
}

merge!(Add, "Add", "The sum", "[5.0, 5.0]", |a, b| Ok(a + b));
merge!(Multiply, "Multiply", "The product", "[4.0, 6.0]", |a, b| Ok(a * b));
merge!(Maximum, "Maximum", "The greatest", "[4.0, 3.0]", |a, b| a.maximum(b));
merge!(Minimum, "Minimum", "The least", "[1.0, 2.0]", |a, b| a.minimum(b));

described! {
    /// The mean of the inputs, number by number, with broadcasting.
    ///
    /// # Shapes
    /// inputs that broadcast to one shape, which is that of the output
    /// # Errors
    /// no inputs; shapes that do not broadcast
    /// # Example
    /// ```
    /// use gradus::layers::Average;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = vec![tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0, 3.0]]))];
    /// assert_eq!(Average.forward(&x)?.value().as_slice().unwrap(), [2.5, 2.5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Average`
    pub struct Average;
}

impl Layer<Vec<Var>> for Average {
    config!();

    fn forward(&self, x: &Vec<Var>) -> Result<Var> {
        Ok(fold(x, |a, b| Ok(a + b))? * (1.0 / x.len() as crate::tensor::Float))
    }
}

described! {
    /// The first input less the second, with broadcasting.
    ///
    /// # Shapes
    /// two inputs that broadcast to one shape, which is that of the output
    /// # Errors
    /// shapes that do not broadcast
    /// # Example
    /// ```
    /// use gradus::layers::Subtract;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = (tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0, 3.0]])));
    /// assert_eq!(Subtract.forward(&x)?.value().as_slice().unwrap(), [3.0, -1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Subtract`
    pub struct Subtract;
}

impl Layer<(Var, Var)> for Subtract {
    config!();

    fn forward(&self, (a, b): &(Var, Var)) -> Result<Var> {
        check_broadcast(a, b)?;
        Ok(a - b)
    }
}

described! {
    /// The inputs one after the other along an axis.
    ///
    /// # Shapes
    /// inputs that differ along the axis only
    /// # Defaults
    /// the last axis
    /// # Errors
    /// no inputs; shapes that differ elsewhere; an axis out of range
    /// # Example
    /// ```
    /// use gradus::layers::Concatenate;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = vec![tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0]]))];
    /// assert_eq!(Concatenate::default().forward(&x)?.value().as_slice().unwrap(), [4.0, 2.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Concatenate`
    #[derive(Clone, Copy)]
    pub struct Concatenate(
        /// The axis, counting the batch; negative ones count from the end.
        axis: [isize] = -1,
    ) {}
}

impl Layer<Vec<Var>> for Concatenate {
    config!();

    fn forward(&self, x: &Vec<Var>) -> Result<Var> {
        Var::concat(&x.iter().collect::<Vec<_>>(), self.axis)
    }
}

fn fold(x: &[Var], merge: impl Fn(&Var, &Var) -> Result<Var>) -> Result<Var> {
    let [first, rest @ ..] = x else {
        return Err(Error::shape("expected at least one input to merge, got none"));
    };
    rest.iter().try_fold(first.clone(), |all, next| {
        check_broadcast(&all, next)?;
        merge(&all, next)
    })
}

pub(super) fn check_broadcast(a: &Var, b: &Var) -> Result<()> {
    if crate::ops::broadcasts(&a.value.lengths(), &b.value.lengths()) {
        return Ok(());
    }
    Err(Error::shape(format!(
        "expected inputs whose shapes are equal, or 1 where they differ, got {:?} and {:?}",
        a.value.shape(),
        b.value.shape()
    )))
}
