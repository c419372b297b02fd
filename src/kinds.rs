//! Everything in this crate that can be made from a description.

use crate::config::Registry;
use crate::{activations, initializers, layers};

impl Default for Registry {
    /// Creates a registry of all kinds of this crate.
    fn default() -> Self {
        layers::register(activations::register(initializers::register(Self::empty())))
    }
}
