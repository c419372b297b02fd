//! Penalties on the values of parameters and activities. [`Regularizer`] is the trait.
//!
//! They attach to parameters from outside, by path: [`Model::regularize`](crate::Model::regularize). The trainer and the
//! [`Stepper`](crate::optimizers::Stepper) add their gradients; the loss that the trainer reports has them in it, as
//! Keras' has. Frozen parameters are not penalised. [`ActivityRegularization`](crate::layers::ActivityRegularization)
//! penalises what a layer gives.
//!
//! ```
//! use gradus::prelude::*;
//! let model = Sequential::new().add(Dense::new(16).activation(Relu)).add(Dense::new(1));
//! model.regularize("*.kernel", L2(1e-3))?;
//! model.constrain("dense.kernel", MaxNorm::new(2.0))?;
//! # Ok::<(), gradus::Error>(())
//! ```

mod orthogonal;
mod powers;

pub use orthogonal::OrthogonalColumns;
pub use powers::{L1, L1L2, L2};

use std::sync::Arc;

use crate::autograd::Var;
use crate::config::{Config, Described, Registry, family};
use crate::error::Result;

/// A penalty on numbers, added to the loss.
///
/// ```
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

impl Registry {
    /// Adds a regularizer.
    #[must_use]
    pub fn regularizer<T: Regularizer + Described + 'static>(mut self) -> Self {
        self.insert(T::KIND, |from| Ok(Arc::new(T::from_config(from)?) as Arc<dyn Regularizer>));
        self
    }
}

pub(crate) fn register(registry: Registry) -> Registry {
    registry.regularizer::<L1>().regularizer::<L2>().regularizer::<L1L2>().regularizer::<OrthogonalColumns>()
}

impl<F: Fn(&Var) -> Result<Var> + Send + Sync> Regularizer for F {
    fn penalty(&self, x: &Var) -> Result<Var> {
        self(x)
    }
}
