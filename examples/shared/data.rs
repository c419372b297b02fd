//! Where the examples find MNIST.

use std::path::{Path, PathBuf};

/// `examples/data/mnist` in the current directory, or else in the repository that the example was built from.
pub fn mnist_folder() -> PathBuf {
    let here = Path::new("examples/data/mnist");
    if here.is_dir() { here.into() } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(here) }
}
