//! Files of weights: those that PyTorch and NumPy write, and those that nobody should.
//!
//! `tests/fixtures/make_formats.py` made the files of `tests/fixtures/formats` with the originals.

#![cfg(not(float64))]

mod allocator;
mod archives;
mod foreign;
mod hdf5;
mod hostile;
mod mutations;
mod packages;
mod pickles;
mod readers;
mod shards;

use std::path::PathBuf;

use gradus::prelude::*;
use gradus::saving::Weights;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

/// What is said of bytes that are no sound file.
fn refusal(bytes: impl Into<Vec<u8>>) -> String {
    let message = match Weights::from_bytes(bytes) {
        Ok(weights) => panic!("expected an error, got\n{weights}"),
        Err(error) => error.to_string(),
    };
    message.strip_prefix("this file of weights ").unwrap_or_else(|| panic!("{message}")).into()
}

fn numbers(weights: &Weights, name: &str) -> Result<Vec<Float>> {
    weights.get(name).map(|tensor| tensor.iter().copied().collect())
}
