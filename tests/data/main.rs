//! The way of data into training: datasets, what is done to them, files, preprocessing.

mod adaptors;
mod augment;
mod batches;
mod files;
#[cfg(feature = "image")]
mod images;
#[cfg(feature = "gzip")]
mod loaders;
#[cfg(all(feature = "csv", feature = "gzip"))]
mod pandas;
mod preprocessing;
mod records;
mod splits;
#[cfg(all(feature = "csv", feature = "gzip"))]
mod tables;

use gradus::data::{Batch, FromFn, from_fn};
use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;

/// `count` examples: features `[2]` from the number of the example, and the number as target.
fn numbered(count: usize) -> impl Dataset + Send + Clone {
    let x = Array2::from_shape_fn((count, 2), |(i, j)| (10 * i + j) as Float);
    (x, Array1::from_shape_fn(count, |i| i as Float))
}

/// Images whose first pixel is the number of the example, and their class, the number modulo 3.
fn images(count: usize) -> FromFn<impl Fn(usize) -> Result<(Tensor, Tensor)> + Sync> {
    from_fn(count, |i| {
        let image = ndarray::Array3::from_shape_fn((6, 5, 2), |(y, x, c)| (i + y * 10 + x * 2 + c) as Float / 100.0);
        Ok((image, ndarray::arr0((i % 3) as Float)))
    })
}

/// The targets, which tell the examples apart.
fn targets(batch: &Batch) -> Vec<usize> {
    batch.targets[0].iter().map(|x| *x as usize).collect()
}

/// The targets of a whole dataset.
fn order(dataset: &dyn Dataset) -> Vec<usize> {
    let all: Vec<usize> = (0..dataset.len()).collect();
    targets(&dataset.batch(&all).unwrap())
}

fn bits(batch: &Batch) -> Vec<u64> {
    let tensors = batch.inputs.iter().chain(&batch.targets);
    tensors.flat_map(|tensor| tensor.iter().map(|x| f64::from(*x).to_bits()).collect::<Vec<_>>()).collect()
}
