//! The only place for fast or `unsafe` code: slices in, slices out, each with a readable twin in its tests.

#![allow(unsafe_code)]

pub(crate) mod dense;
pub(crate) mod elementwise;
pub(crate) mod parallel;
