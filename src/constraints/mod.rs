//! Sets that parameters are forced into after each step. [`Constraint`] is the trait.
//!
//! They attach to parameters from outside, by path: [`Model::constrain`](crate::Model::constrain). The trainer and the
//! [`Stepper`](crate::optimizers::Stepper) obey them.

mod norms;

pub use norms::{MaxNorm, MinMaxNorm, UnitLength};

use std::sync::Arc;

use ndarray::{ArrayViewMut, IxDyn};

use crate::config::{Config, config, delegates, described, family, kinds};
use crate::tensor::Float;

/// A set that a parameter is forced into after each step.
///
/// ```
/// use gradus::constraints::Constraint;
/// use gradus::prelude::*;
///
/// /// Weights from -1 to 1.
/// struct Clipped;
///
/// impl Constraint for Clipped {
///     fn apply(&self, mut weights: ndarray::ArrayViewMut<Float, ndarray::IxDyn>) {
///         weights.mapv_inplace(|weight| weight.clamp(-1.0, 1.0));
///     }
/// }
///
/// Dense::new(2).constrain("kernel", Clipped)?;
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Constraint: Send + Sync {
    /// Changes the numbers into those of the set that are nearest.
    fn apply(&self, weights: ArrayViewMut<Float, IxDyn>);

    /// What makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

family!(Arc, dyn Constraint);

impl Constraint for Arc<dyn Constraint> {
    delegates! { self: apply[&self](weights: ArrayViewMut<Float, IxDyn>); config[&self]() -> Config; }
}

impl Constraint for Box<dyn Constraint> {
    delegates! { self: apply[&self](weights: ArrayViewMut<Float, IxDyn>); config[&self]() -> Config; }
}

kinds! {
    register, "Adds a constraint." constraint, Arc<dyn Constraint> =>
    NonNegative MaxNorm MinMaxNorm UnitLength
}

described! {
    /// No number below 0.
    ///
    /// ```
    /// use gradus::constraints::{Constraint, NonNegative};
    /// use gradus::prelude::*;
    /// let mut weights = ndarray::arr1(&[1.0, -2.0]).into_dyn();
    /// NonNegative.apply(weights.view_mut());
    /// assert_eq!(weights.as_slice().unwrap(), [1.0, 0.0]);
    /// ```
    ///
    /// Keras `NonNeg`.
    #[doc(alias = "NonNeg")]
    pub struct NonNegative;
}

impl Constraint for NonNegative {
    config!();

    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        // `max` would make a 0 of NaN, and hide it.
        weights.mapv_inplace(|weight| if weight < 0.0 { 0.0 } else { weight });
    }
}
