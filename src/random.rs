//! Random numbers.

/// The random numbers behind everything: ChaCha with 8 rounds, whose stream never changes between versions.
pub type Rng = rand::rngs::ChaCha8Rng;
