//! The product of large matrices, both of them packed, on all threads.

use super::gemm::{Matrix, pack};
use super::parallel;
use super::scratch::with_scratch;
use super::simd::{dispatch, panel_width};
use super::tile::{Product, Start};
use crate::Float;

/// Terms of a sum that are worked on at a time: a panel of `B` stays in the first cache.
const TERMS: usize = 256;
/// Rows that a thread works on at a time, about: with so many terms they stay in the second cache.
const ROWS: usize = 128;

/// Whether packing pays.
pub fn is_large([m, k, n]: [usize; 3]) -> bool {
    m >= 64 && k >= 64 && n >= 64 && m * k * n >= 1 << 23
}

/// `c = a * b` for `a` of `m x k`, `b` of `k x n` and a row-major `c`; then `finish` on rows that were just computed.
pub fn product(
    [m, k, n]: [usize; 3],
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: &mut [Float],
    finish: impl Fn(&mut [Float]) + Sync,
) {
    a.assert_holds(m, k);
    b.assert_holds(k, n);
    let width = panel_width();
    // Whole tiles, in parts as even as can be: fixed by the sizes, whatever the number of threads.
    let rows = m.div_ceil(m.div_ceil(ROWS).max(1)).next_multiple_of(TILE);
    with_scratch(n.next_multiple_of(width) * k, |panels| {
        let mut parts: Vec<_> = panels.chunks_mut((k * width).max(1)).enumerate().collect();
        parallel::for_each(&mut parts, |(i, panel)| {
            let column = *i * width;
            pack(&b.data[column * b.strides[1]..], b.strides, k, width.min(n - column), width, panel);
        });
        let panels = &*panels;
        let mut parts: Vec<_> = c[..m * n].chunks_mut((rows * n).max(1)).enumerate().collect();
        parallel::for_each(&mut parts, |(i, c)| {
            some_rows([c.len() / n, k, n], Matrix { data: &a.data[*i * rows * a.strides[0]..], ..a }, panels, c);
            finish(c);
        });
    });
}

/// A multiple of the rows of all tiles that are two registers wide.
const TILE: usize = 12;

fn some_rows([m, k, n]: [usize; 3], a: Matrix<'_>, panels: &[Float], c: &mut [Float]) {
    let width = panel_width();
    with_scratch(m.next_multiple_of(TILE) * TERMS.min(k), |packed| {
        for term in (0..k).step_by(TERMS) {
            let terms = TERMS.min(k - term);
            pack_rows(&a.data[term * a.strides[1]..], a.strides, [m, terms], packed);
            let rows: Vec<_> = (0..m).map(|i| (i / TILE * TILE * terms + i % TILE, i * n)).collect();
            dispatch(Product {
                rows: &rows,
                segments: &[(0, 0)],
                k: terms,
                a: packed,
                a_step: TILE,
                b: &panels[term * width..],
                b_step: width,
                b_panel: k * width,
                c,
                columns: n,
                start: if term > 0 { Start::Accumulate } else { Start::Zero },
            });
        }
    });
}

/// Copies rows so that the terms of `TILE` of them lie side by side.
fn pack_rows(a: &[Float], strides: [usize; 2], [m, terms]: [usize; 2], packed: &mut [Float]) {
    for (block, packed) in packed.chunks_mut(TILE * terms).enumerate().take(m.div_ceil(TILE)) {
        let rows = TILE.min(m - block * TILE);
        let a = &a[block * TILE * strides[0]..];
        if strides[0] == 1 {
            for (p, to) in packed.chunks_exact_mut(TILE).enumerate() {
                to[..rows].copy_from_slice(&a[p * strides[1]..][..rows]);
            }
        } else {
            for i in 0..rows {
                let to = packed[i..].iter_mut().step_by(TILE);
                to.zip(a[i * strides[0]..].iter().step_by(strides[1])).for_each(|(to, a)| *to = *a);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::gemm::library;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn agrees_with_another_library(
            m in 1usize..300, k in prop_oneof![1usize..40, 250usize..530], n in 1usize..90, ta: bool, tb: bool, wide: bool,
        ) {
            crate::kernels::simd::EMULATES_AVX512.set(wide);
            let numbers =
                |len: usize, by: usize| -> Vec<Float> { (0..len).map(|i| (i * by % 13) as Float - 6.0).collect() };
            let (a, b) = (numbers(m * k, 7), numbers(k * n, 5));
            let a = if ta { Matrix::transposed(&a, m) } else { Matrix::new(&a, k) };
            let b = if tb { Matrix::transposed(&b, k) } else { Matrix::new(&b, n) };
            let (mut c, mut expected) = (vec![1.0; m * n], vec![0.0; m * n]);
            parallel::serial(|| product([m, k, n], a, b, &mut c, |c| c.iter_mut().for_each(|c| *c += 1.0)));
            library(m, k, n, a, b, false, &mut expected);
            expected.iter_mut().for_each(|x| *x += 1.0);
            prop_assert_eq!(c, expected);
        }
    }
}
