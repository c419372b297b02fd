//! Penalties on the values of parameters and activities. [`Regularizer`] is the trait.
//!
//! They attach to parameters from outside, by path: [`Model::regularize`](crate::Model::regularize). The trainer and the
//! [`Stepper`](crate::optimizers::Stepper) add their gradients; the loss that the trainer reports has them in it, as
//! Keras' has. Frozen parameters are not penalised. [`ActivityRegularization`](crate::layers::ActivityRegularization)
//! penalises what a layer gives.
//!
//! ```
//! use gradus::constraints::MaxNorm;
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

pub use crate::autograd::Regularizer;
use crate::config::kinds;

kinds! { register, "Adds a regularizer." regularizer, Arc<dyn Regularizer> => L1 L2 L1L2 OrthogonalColumns }
