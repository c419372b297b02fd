//! Softmax and its logarithm, of each row of a matrix.

use super::simd::vectorized;
use super::{math, parallel, sums};
use crate::float::Float;

/// Numbers that a thread works on at a time, about: a few passes over what its first cache holds.
const CHUNK: usize = 4096;

/// Calls `work` on pieces of whole rows of some matrices of one shape, the first of which it may change.
fn by_rows<const N: usize>(
    out: &mut [Float],
    others: [&[Float]; N],
    len: usize,
    work: impl Fn(&mut [Float], [&[Float]; N], usize) + Sync,
) {
    let len = len.max(1);
    let chunk = (CHUNK / len).max(1) * len;
    let mut chunks: Vec<_> = out.chunks_mut(chunk).enumerate().collect();
    parallel::for_each(&mut chunks, |(i, out)| {
        let here = others.map(|other| &other[*i * chunk..][..out.len()]);
        work(out, here, len);
    });
}

/// `x = exp(x) / Σ exp(x)` in each row of `len` numbers.
pub fn softmax(x: &mut [Float], len: usize) {
    by_rows(x, [], len, |x, [], len| softmax_rows(x, len));
}

/// `dx = y (dy - Σ y dy)`
pub fn softmax_backward(y: &[Float], dy: &[Float], dx: &mut [Float], len: usize) {
    by_rows(dx, [y, dy], len, |dx, [y, dy], len| softmax_backward_rows(y, dy, dx, len));
}

/// `x = x - ln Σ exp(x)` in each row of `len` numbers.
pub fn log_softmax(x: &mut [Float], len: usize) {
    by_rows(x, [], len, |x, [], len| log_softmax_rows(x, len));
}

/// `dx = dy - exp(y) Σ dy`
pub fn log_softmax_backward(y: &[Float], dy: &[Float], dx: &mut [Float], len: usize) {
    by_rows(dx, [y, dy], len, |dx, [y, dy], len| log_softmax_backward_rows(y, dy, dx, len));
}

/// The softmax of a row into `p`, and `ln Σ exp(x)` in double precision, since losses subtract it from something near it;
/// that is not finite where the greatest number is not.
pub fn probabilities(x: &[Float], p: &mut [Float]) -> f64 {
    let (mut max, mut sum) = (0.0, 0.0);
    shares_of_sum(x, p, &mut max, &mut sum);
    f64::from(max) + f64::from(sum).ln()
}

vectorized! {
    fn shares_of_sum(x: &[Float], p: &mut [Float], max: &mut Float, sum: &mut Float) {
        *max = sums::max(x);
        for (p, x) in p.iter_mut().zip(x) {
            *p = math::exp(*x - *max);
        }
        *sum = sums::sum(p);
        for p in p.iter_mut() {
            *p /= *sum;
        }
    }
}

/// `x = x - max(x)` in each row.
#[inline(always)]
fn shift(x: &mut [Float], len: usize) {
    for row in x.chunks_exact_mut(len) {
        let max = sums::max(row);
        for x in row {
            *x -= max;
        }
    }
}

vectorized! {
    fn softmax_rows(x: &mut [Float], len: usize) {
        shift(x, len);
        // Over the rows at once, which may be short.
        for x in x.iter_mut() {
            *x = math::exp(*x);
        }
        for row in x.chunks_exact_mut(len) {
            let scale = 1.0 / sums::sum(row);
            for x in row {
                *x *= scale;
            }
        }
    }
}

vectorized! {
    fn softmax_backward_rows(y: &[Float], dy: &[Float], dx: &mut [Float], len: usize) {
        for ((y, dy), dx) in y.chunks_exact(len).zip(dy.chunks_exact(len)).zip(dx.chunks_exact_mut(len)) {
            let along = sums::dot(y, dy);
            for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = y * (dy - along);
            }
        }
    }
}

vectorized! {
    fn log_softmax_rows(x: &mut [Float], len: usize) {
        shift(x, len);
        let mut powers = x.to_vec();
        for x in powers.iter_mut() {
            *x = math::exp(*x);
        }
        for (row, powers) in x.chunks_exact_mut(len).zip(powers.chunks_exact(len)) {
            let log_sum = sums::sum(powers).ln();
            for x in row {
                *x -= log_sum;
            }
        }
    }
}

vectorized! {
    fn log_softmax_backward_rows(y: &[Float], dy: &[Float], dx: &mut [Float], len: usize) {
        for (dx, y) in dx.iter_mut().zip(y) {
            *dx = math::exp(*y);
        }
        for (dy, dx) in dy.chunks_exact(len).zip(dx.chunks_exact_mut(len)) {
            let sum = sums::sum(dy);
            for (dx, dy) in dx.iter_mut().zip(dy) {
                *dx = dy - *dx * sum;
            }
        }
    }
}
