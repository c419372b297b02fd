//! Fast code: slices in, slices out, each call on one thread. The only `unsafe` of the crate is here.

#![allow(unsafe_code)]
#![allow(missing_docs)]
// Arrays of registers are walked by index, so that the loops unroll.
#![allow(clippy::needless_range_loop)]

pub mod attention;
pub mod channel_norm;
pub mod columns;
pub mod conv;
pub mod curve;
pub mod dense;
pub mod elementwise;
pub mod gemm;
pub mod helpers;
pub mod large;
#[cfg(feature = "mmap")]
pub mod map;
pub mod math;
pub mod packed;
pub mod parallel;
pub mod permute;
pub mod pool;
pub mod row_norm;
pub mod scatter;
pub mod scratch;
pub mod simd;
pub mod softmax;
pub mod sums;
pub mod tile;
#[cfg(test)]
mod twice;
#[cfg(test)]
mod twin;
