//! Everything in this crate that can be made from a description.

use crate::config::Registry;
use crate::data::augment;
use crate::{activations, constraints, initializers, layers, losses, metrics, models, optimizers, regularizers};

impl Default for Registry {
    /// Creates a registry of all kinds of this crate.
    fn default() -> Self {
        let registry = initializers::register(activations::register(augment::register(Self::empty())));
        let registry = metrics::register(optimizers::register(losses::register(registry)));
        let registry = models::register(layers::register(constraints::register(regularizers::register(registry))));
        #[cfg(feature = "onnx")]
        let registry = crate::onnx::register(registry);
        registry
    }
}
