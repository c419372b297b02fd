//! The product of large matrices, both of them packed, on all threads.

use super::gemm::{Matrix, pack};
use super::parallel;
use super::scratch::with_scratch;
use super::simd::{dispatch, panel_width};
use super::tile::{Product, Start};
use crate::float::Float;

/// Terms of a sum that are worked on at a time: with half as many a panel of `B` would stay in the first cache, but `C` would
/// be read and written twice as often, which costs more.
const TERMS: usize = 512;
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
        let mut parts: Vec<_> = panels.chunks_mut((PANELS * k * width).max(1)).enumerate().collect();
        parallel::for_each(&mut parts, |(i, panels)| {
            let column = *i * PANELS * width;
            pack_columns(&b.data[column * b.strides[1]..], b.strides, [k, n - column], panels);
        });
        let panels = &*panels;
        let mut parts: Vec<_> = c[..m * n].chunks_mut((rows * n).max(1)).enumerate().collect();
        parallel::for_each(&mut parts, |(i, c)| {
            some_rows([c.len() / n, k, n], Matrix { data: &a.data[*i * rows * a.strides[0]..], ..a }, panels, c);
            finish(c);
        });
    });
}

/// Panels of `B` that are packed at a time, so that what is read lies together.
const PANELS: usize = 8;

/// Copies the columns that `panels` has room for, a panel of neighbours after the other.
fn pack_columns(b: &[Float], strides: [usize; 2], [k, columns]: [usize; 2], panels: &mut [Float]) {
    let width = panel_width();
    match (strides[1], width) {
        (1, 32) => cut::<32>(b, strides[0], [k, columns], panels),
        (1, 16) => cut::<16>(b, strides[0], [k, columns], panels),
        _ => {
            for (i, panel) in panels.chunks_mut(k * width).enumerate() {
                pack(&b[i * width * strides[1]..], strides, k, width.min(columns - i * width), width, panel);
            }
        }
    }
}

/// Cuts rows into panels of `N` numbers each: a length that is known when compiled, so that no function is called for each.
fn cut<const N: usize>(rows: &[Float], stride: usize, [count, len]: [usize; 2], panels: &mut [Float]) {
    let len = len.min(panels.len() / count);
    for i in 0..count {
        let (pieces, rest) = rows[i * stride..][..len].as_chunks::<N>();
        let mut panels = panels.chunks_mut(N * count);
        for (piece, panel) in pieces.iter().zip(&mut panels) {
            panel.as_chunks_mut().0[i] = *piece;
        }
        if !rest.is_empty() {
            panels.next().expect("room for the rest")[i * N..][..rest.len()].copy_from_slice(rest);
        }
    }
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
    if strides[0] == 1 {
        return cut::<TILE>(a, strides[1], [terms, m], packed);
    }
    // Whole tiles, from so many rows at once.
    let whole = if strides[1] == 1 { m / TILE } else { 0 };
    for (i, to) in packed.chunks_exact_mut(TILE * terms).take(whole).enumerate() {
        let rows: [_; TILE] = std::array::from_fn(|r| &a[(i * TILE + r) * strides[0]..][..terms]);
        for (term, to) in to.as_chunks_mut().0.iter_mut().enumerate() {
            *to = rows.map(|row| row[term]);
        }
    }
    for i in whole * TILE..m {
        let to = packed[i / TILE * TILE * terms + i % TILE..].iter_mut().step_by(TILE).take(terms);
        to.zip(a[i * strides[0]..].iter().step_by(strides[1])).for_each(|(to, a)| *to = *a);
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
            m in 1usize..300, k in prop_oneof![1usize..40, 500usize..1100], n in 1usize..90, ta: bool, tb: bool, wide: bool,
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
