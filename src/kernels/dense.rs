//! The products of a fully connected layer, over all rows of a batch.

use super::elementwise::add_row;
use super::gemm::{Matrix, gemm};
use super::large::{self, Right, is_large};
use super::packed::Packed;
use super::parallel;
use super::simd::panel_width;
use crate::float::Float;

/// Work that is worth a thread of its own, in multiplications.
const WORK: usize = 1 << 20;

/// Pieces in which large products are finished.
const PIECES: usize = 8;

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
    by_rows([features, units], x, Matrix::new(kernel, units), y, |y| {
        if let Some(bias) = bias {
            add_row(y, bias);
        }
        finish(y);
    });
}

/// Whether a kernel that is packed already would help [`forward`]: of few rows packing takes as long as the product, but with the
/// narrow panels of AVX2 it is a few hundredths slower.
pub fn wants_packed([features, units]: [usize; 2], rows: usize) -> bool {
    panel_width() >= 32 && is_large([rows, features, units])
}

/// [`forward`] with a packed kernel.
pub fn forward_packed(
    [features, units]: [usize; 2],
    x: &[Float],
    kernel: &Packed,
    bias: Option<&[Float]>,
    y: &mut [Float],
    finish: impl Fn(&mut [Float]) + Sync,
) {
    let rows = y.len() / units;
    large::product([rows, features, units], Matrix::new(x, features), Right::Packed(kernel), false, y);
    finish_rows(rows, y, |y| {
        if let Some(bias) = bias {
            add_row(y, bias);
        }
        finish(y);
    });
}

/// `dx = dz · kernelᵀ`
pub fn input_gradient([features, units]: [usize; 2], dz: &[Float], kernel: &[Float], dx: &mut [Float]) {
    by_rows([units, features], dz, Matrix::transposed(kernel, units), dx, |_| {});
}

/// `dkernel = xᵀ · dz`
pub fn kernel_gradient([features, units]: [usize; 2], x: &[Float], dz: &[Float], dw: &mut [Float]) {
    let sizes = [features, dz.len() / units, units];
    let (x, dz) = (Matrix::transposed(x, features), Matrix::new(dz, units));
    gemm(sizes, x, dz, false, dw);
}

/// `y = x · b` for `b` of `k x n`, in chunks of rows, then `finish` on each.
fn by_rows([k, n]: [usize; 2], x: &[Float], b: Matrix<'_>, y: &mut [Float], finish: impl Fn(&mut [Float]) + Sync) {
    let sizes = [y.len() / n, k, n];
    if is_large(sizes) {
        gemm(sizes, Matrix::new(x, k), b, false, y);
        return finish_rows(sizes[0], y, finish);
    }
    let rows = rows_per_chunk(k, n);
    let mut work: Vec<_> = y.chunks_mut(rows * n).zip(x.chunks(rows * k)).collect();
    parallel::for_each(&mut work, |(y, x)| {
        gemm([y.len() / n, k, n], Matrix::new(x, k), b, false, y);
        finish(y);
    });
}

/// Calls `finish` on some rows at a time.
fn finish_rows(rows: usize, y: &mut [Float], finish: impl Fn(&mut [Float]) + Sync) {
    let piece = (rows / PIECES).max(1) * (y.len() / rows);
    parallel::for_each(&mut y.chunks_mut(piece).collect::<Vec<_>>(), |y| finish(y));
}
