//! What a regularizer is, so that a parameter can have some.

use std::sync::Arc;

use super::Var;
use crate::config::{Config, delegates, family};
use crate::error::Result;

/// A penalty on numbers, added to the loss.
///
/// ```
/// use gradus::regularizers::Regularizer;
/// use gradus::prelude::*;
///
/// /// Pulls weights towards 1.
/// struct TowardsOne;
///
/// impl Regularizer for TowardsOne {
///     fn penalty(&self, x: &Var) -> Result<Var> {
///         Ok((x - 1.0).square().sum())
///     }
/// }
///
/// Dense::new(2).regularize("kernel", TowardsOne)?;
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Regularizer: Send + Sync {
    /// A scalar on the tape of `x`.
    ///
    /// # Errors
    /// A factor out of range; a shape that it is not for.
    fn penalty(&self, x: &Var) -> Result<Var>;

    /// What makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

family!(Arc, dyn Regularizer);

impl Regularizer for Arc<dyn Regularizer> {
    delegates! { self: penalty[&self](x: &Var) -> Result<Var>; config[&self]() -> Config; }
}

impl Regularizer for Box<dyn Regularizer> {
    delegates! { self: penalty[&self](x: &Var) -> Result<Var>; config[&self]() -> Config; }
}

impl<F: Fn(&Var) -> Result<Var> + Send + Sync> Regularizer for F {
    fn penalty(&self, x: &Var) -> Result<Var> {
        self(x)
    }
}
