//! The number type.

/// The number type of all computation: `f32`, or `f64` under `--cfg float64` (for the crate's own gradient checks).
#[cfg(not(float64))]
pub type Float = f32;
/// The number type of all computation: `f32`, or `f64` under `--cfg float64` (for the crate's own gradient checks).
#[cfg(float64)]
pub type Float = f64;
