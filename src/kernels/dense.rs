//! The products of a fully connected layer, over all rows of a batch.

use super::elementwise::add_row;
use super::gemm::{Matrix, gemm};
use super::parallel;
use crate::Float;

/// Work that is worth a thread of its own, in multiplications.
const WORK: usize = 1 << 20;

/// Rows that a thread works on at a time: fixed by the sizes, whatever the number of threads.
fn rows_per_chunk(k: usize, n: usize) -> usize {
    (WORK / (k * n).max(1)).max(32)
}

/// `y = x · kernel + bias`, then `finish` on the part of `y` that was just computed.
pub fn forward(
    [features, units]: [usize; 2],
    x: &[Float],
    kernel: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    finish: impl Fn(&mut [Float]) + Sync,
) {
    let rows = rows_per_chunk(features, units);
    let mut work: Vec<_> = y.chunks_mut(rows * units).enumerate().collect();
    parallel::for_each(&mut work, |(i, y)| {
        let count = y.len() / units;
        let x = &x[*i * rows * features..][..count * features];
        gemm([count, features, units], Matrix::new(x, features), Matrix::new(kernel, units), false, y);
        if let Some(bias) = bias {
            add_row(y, bias);
        }
        finish(y);
    });
}

/// `dx = dz · kernelᵀ`
pub fn input_gradient([features, units]: [usize; 2], dz: &[Float], kernel: &[Float], dx: &mut [Float]) {
    let rows = rows_per_chunk(features, units);
    let mut work: Vec<_> = dx.chunks_mut((rows * features).max(1)).zip(dz.chunks(rows * units)).collect();
    parallel::for_each(&mut work, |(dx, dz)| {
        let count = dz.len() / units;
        gemm([count, units, features], Matrix::new(dz, units), Matrix::transposed(kernel, units), false, dx);
    });
}

/// `dkernel = xᵀ · dz`
pub fn kernel_gradient([features, units]: [usize; 2], x: &[Float], dz: &[Float], dw: &mut [Float]) {
    let rows = dz.len() / units;
    gemm([features, rows, units], Matrix::transposed(x, features), Matrix::new(dz, units), false, dw);
}
