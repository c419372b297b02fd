//! The product of large matrices, both of them packed, on all threads.
//!
//! ```text
//!                 some panels of B, packed for TERMS terms
//!                 ┌────┬────┬────┬────┐
//!                 │    │    │    │    │ terms
//!                 └────┴────┴────┴────┘
//!        terms
//!       ┌─────┐   ┌────┬────┬────┬────┐
//!  rows │ tile│   │tile│    │    │    │  in registers while terms stream through
//!       ├─────┤   ├────┼────┼────┼────┤
//!       │     │   │    │    │    │    │
//!       └─────┘   └────┴────┴────┴────┘
//!   tiles of A, packed once    C
//! ```

use std::ops::Range;

use super::gemm::{Matrix, pack};
use super::packed::Packed;
use super::parallel;
use super::scratch::with_scratch;
use super::simd::{Kernel, Lanes, dispatch, panel_width, prefetch};
use crate::float::Float;

/// Terms of a sum that are worked on at a time: a tile of `A` then stays in the first cache. With half as many `C` would be read and
/// written twice as often, which costs more.
const TERMS: usize = 512;
/// Panels of `B` that are packed at a time, at most, by the rows of `A`: they stay in the second cache, and what is read of a row lies
/// together. Each group of panels reads all of `A` once more, which many rows make dear.
fn panels(rows: usize) -> usize {
    if rows >= 1024 { 12 } else { 6 }
}

/// Rows of a packed tile of `A`, a multiple of those of all tiles that are two registers wide.
const TILE: usize = 12;
/// From one packed row of `A` to the next: a cache line more than it holds, or all rows of a tile would want the same place in the
/// cache.
const STRIDE: usize = TERMS + 16;
/// Between packed panels of `B`, for the same reason.
const GAP: usize = 64;
/// Rows of `A` that are packed at a time, at most.
const ROWS: usize = 8 * 1024;

/// Tiles that are packed at a time where the terms of rows lie side by side: each is written to in turn.
const SOME_TILES: usize = 8;

/// Whether packing pays: with few rows a panel is read seldom.
pub fn is_large([m, k, n]: [usize; 3]) -> bool {
    let least = match m {
        0..16 => return false,
        16..32 => 1 << 26,
        32..64 => 1 << 25,
        _ => 1 << 23,
    };
    k >= 64 && n >= 64 && m * k * n >= least
}

/// The matrix on the right: as it is, or packed before.
#[derive(Clone, Copy)]
pub enum Right<'a> {
    Plain(Matrix<'a>),
    Packed(&'a Packed),
}

/// `c = a * b`, or `c += a * b` if `accumulate`, for `a` of `m x k`, `b` of `k x n` and a row-major `c`.
///
/// A sum has the same terms in the same order however rows and columns are divided, so that this may follow the number of threads.
pub fn product([m, k, n]: [usize; 3], a: Matrix<'_>, b: Right<'_>, accumulate: bool, c: &mut [Float]) {
    a.assert_holds(m, k);
    match b {
        Right::Plain(b) => b.assert_holds(k, n),
        Right::Packed(b) => b.assert_is(k, n),
    }
    assert!(m * k * n > 0 && c.len() >= m * n, "C is too short for {m} x {n}, or the product is empty");
    let c = Shared(c.as_mut_ptr());
    parallel::for_each(&mut corners([m, n]), |(rows, columns)| {
        let tiles = rows.len().div_ceil(TILE) * TILE * STRIDE;
        let room = if let Right::Plain(_) = b { panels(rows.len()) * (TERMS.min(k) * panel_width() + GAP) } else { 0 };
        with_scratch(tiles + room, |scratch| {
            let (tiles, panels) = scratch.split_at_mut(tiles);
            dispatch(Block {
                sizes: [rows.len(), k, columns.len()],
                a: Matrix { data: &a.data[rows.start * a.strides[0]..], ..a },
                b,
                column: columns.start,
                // SAFETY: all parts lie within `C`, and no two have a number in common.
                c: unsafe { c.at(rows.start * n + columns.start) },
                c_row: n,
                accumulate,
                tiles,
                panels,
            });
        });
    });
}

/// The rows and columns of each part. Each packs what it needs of `A` and `B` itself, since to read what another core has just written
/// takes longer: as many parts across and down as keep the sum of both small.
fn corners([m, n]: [usize; 2]) -> Vec<(Range<usize>, Range<usize>)> {
    let (tiles, panels, threads) = (m.div_ceil(TILE), n.div_ceil(panel_width()), parallel::threads());
    let down = |down: &usize| m.div_ceil(*down) + n.div_ceil(threads / down);
    let down = (1..=threads).rev().filter(|down| threads % down == 0).min_by_key(down).unwrap_or(1);
    let across = (threads / down).min(panels);
    let down = down.max(m.div_ceil(ROWS)).min(tiles);
    let mut corners = Vec::new();
    for rows in even_parts(tiles, down, TILE, m) {
        for columns in even_parts(panels, across, panel_width(), n) {
            corners.push((rows.clone(), columns));
        }
    }
    corners
}

/// Divides `count` pieces of this size, which are `len` together, in parts of whole pieces.
fn even_parts(count: usize, parts: usize, size: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..parts).map(move |i| count * i / parts * size..(count * (i + 1) / parts * size).min(len))
}

/// `C`, of which each part writes some columns of some rows.
struct Shared(*mut Float);

// SAFETY: what is written through it is disjoint.
unsafe impl Sync for Shared {}

impl Shared {
    /// # Safety
    /// The place lies within `C`, and nobody else uses what is written there.
    unsafe fn at(&self, i: usize) -> *mut Float {
        unsafe { self.0.add(i) }
    }
}

/// Some rows and columns of the product.
struct Block<'a> {
    sizes: [usize; 3],
    a: Matrix<'a>,
    b: Right<'a>,
    /// The first column.
    column: usize,
    c: *mut Float,
    c_row: usize,
    accumulate: bool,
    /// Room for some terms of `A`.
    tiles: &'a mut [Float],
    /// Room for panels of `B`, if it is not packed.
    panels: &'a mut [Float],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let [m, k, n] = self.sizes;
        let group = panels(m) * 2 * L::WIDTH;
        for term in (0..k).step_by(TERMS) {
            let terms = term..k.min(term + TERMS);
            pack_rows(&self.a.data[term * self.a.strides[1]..], self.a.strides, [m, terms.len()], self.tiles);
            for column in (0..n).step_by(group) {
                // SAFETY: within the part.
                unsafe { self.columns::<L>(terms.clone(), column..n.min(column + group)) };
            }
        }
    }
}

impl Block<'_> {
    /// Some terms of all rows and some columns.
    #[inline(always)]
    unsafe fn columns<L: Lanes>(&mut self, terms: Range<usize>, columns: Range<usize>) {
        let (width, len) = (2 * L::WIDTH, terms.len());
        if let Right::Plain(b) = self.b {
            let first = &b.data[terms.start * b.strides[0] + (self.column + columns.start) * b.strides[1]..];
            pack_columns(first, b.strides, [len, columns.len()], self.panels);
        }
        // Packed tiles hold the rows of a row-major matrix, and terms of one whose terms lie side by side.
        let by_terms = self.a.strides[0] == 1;
        for row in (0..self.sizes[0]).step_by(L::ROWS) {
            let a = &self.tiles[row / TILE * TILE * STRIDE + row % TILE * if by_terms { 1 } else { STRIDE }..];
            for column in columns.clone().step_by(width) {
                let b = match self.b {
                    Right::Plain(_) => {
                        &self.panels[(column - columns.start) / width * (len * width + GAP)..][..len * width]
                    }
                    Right::Packed(b) => b.panel(self.column + column, terms.clone()),
                };
                let tile = Tile {
                    terms: len,
                    a,
                    b,
                    // SAFETY: within the part.
                    c: unsafe { self.c.add(row * self.c_row + column) },
                    c_row: self.c_row,
                    columns: width.min(columns.end - column),
                    accumulate: self.accumulate || terms.start > 0,
                };
                let rows = L::ROWS.min(self.sizes[0] - row);
                // SAFETY: packed tiles hold `TILE` rows, of which these are some.
                unsafe { if by_terms { tile.run::<L, 1, TILE>(rows) } else { tile.run::<L, STRIDE, 1>(rows) } }
            }
        }
    }
}

struct Tile<'a> {
    terms: usize,
    a: &'a [Float],
    b: &'a [Float],
    c: *mut Float,
    c_row: usize,
    columns: usize,
    accumulate: bool,
}

impl Tile<'_> {
    /// From one row of `A` to the next it is `ROW`, from one term to the next `TERM`: constants, so that one pointer is enough for
    /// all rows.
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROW: usize, const TERM: usize>(self, rows: usize) {
        macro_rules! choose {
            ($($rows:literal)*) => { match rows {
                // Known when compiled, so that heights which an instruction set has not cost no time then.
                $($rows => if const { $rows <= L::ROWS } {
                    unsafe { self.rows::<L, $rows, ROW, TERM>() }
                },)*
                _ => unreachable!(),
            } };
        }
        choose!(1 2 3 4 5 6 7 8 9 10 11 12);
    }

    #[inline(always)]
    unsafe fn rows<L: Lanes, const R: usize, const ROW: usize, const TERM: usize>(self) {
        unsafe {
            let (mut a, mut b) = (self.a.as_ptr(), self.b.as_ptr());
            let mut sum = [[L::splat(0.0); 2]; R];
            for _ in 0..self.terms {
                let row = [L::load(b), L::load(b.add(L::WIDTH))];
                for i in 0..R {
                    let factor = L::splat(*a.add(i * ROW));
                    for v in 0..2 {
                        sum[i][v] = factor.mul_add(row[v], sum[i][v]);
                    }
                }
                a = a.wrapping_add(TERM);
                b = b.wrapping_add(2 * L::WIDTH);
            }
            if self.columns == 2 * L::WIDTH { self.write::<L, R, false>(sum) } else { self.write::<L, R, true>(sum) }
        }
    }

    /// Writes sums to `C`, or adds them; of the last panel those of the columns that there are.
    #[inline(always)]
    unsafe fn write<L: Lanes, const R: usize, const LAST: bool>(self, mut sum: [[L; 2]; R]) {
        unsafe {
            let masks = [L::mask(self.columns.min(L::WIDTH)), L::mask(self.columns.saturating_sub(L::WIDTH))];
            let place = |i: usize, v: usize| self.c.wrapping_add(i * self.c_row + v * L::WIDTH);
            if self.accumulate {
                // At the end, so that many products in a row are sums of sums, which lose less than one long sum.
                let one = L::splat(1.0);
                for i in 0..R {
                    for v in 0..2 {
                        let old = if LAST { L::load_part(place(i, v), masks[v]) } else { L::load(place(i, v)) };
                        sum[i][v] = one.mul_add(sum[i][v], old);
                    }
                }
            }
            for i in 0..R {
                for v in 0..2 {
                    if LAST { sum[i][v].store_part(place(i, v), masks[v]) } else { sum[i][v].store(place(i, v)) }
                }
            }
        }
    }
}

/// Copies columns into panels, `GAP` apart.
fn pack_columns(b: &[Float], strides: [usize; 2], [terms, columns]: [usize; 2], panels: &mut [Float]) {
    let width = panel_width();
    let step = terms * width + GAP;
    match (strides[1], width) {
        (1, 32) => cut::<32>(b, strides[0], [terms, columns], panels, step),
        (1, 16) => cut::<16>(b, strides[0], [terms, columns], panels, step),
        _ => {
            for (i, panel) in panels.chunks_mut(step).take(columns.div_ceil(width)).enumerate() {
                pack(&b[i * width * strides[1]..], strides, terms, width.min(columns - i * width), width, panel);
            }
        }
    }
}

/// Rows that are fetched in advance: the processor cannot guess them, since only a part of each is read.
const AHEAD: usize = 4;

/// Cuts rows into panels of `N` numbers each, `step` apart: a length that is known when compiled, so that no function is called
/// for each.
fn cut<const N: usize>(rows: &[Float], stride: usize, [count, len]: [usize; 2], panels: &mut [Float], step: usize) {
    for i in 0..count {
        let ahead = rows.get((i + AHEAD) * stride..).unwrap_or_default();
        ahead.iter().take(len).step_by(16).for_each(prefetch);
        let (pieces, rest) = rows[i * stride..][..len].as_chunks::<N>();
        let mut panels = panels.chunks_mut(step);
        for (piece, panel) in pieces.iter().zip(&mut panels) {
            panel.as_chunks_mut().0[i] = *piece;
        }
        if !rest.is_empty() {
            panels.next().expect("room for the rest")[i * N..][..rest.len()].copy_from_slice(rest);
        }
    }
}

/// Copies rows into tiles: row after row, or where the terms of rows lie side by side, term after term.
fn pack_rows(a: &[Float], strides: [usize; 2], [m, terms]: [usize; 2], tiles: &mut [Float]) {
    if strides[0] == 1 {
        for (i, tiles) in tiles.chunks_mut(SOME_TILES * TILE * STRIDE).enumerate() {
            let row = i * SOME_TILES * TILE;
            cut::<TILE>(&a[row..], strides[1], [terms, (m - row).min(SOME_TILES * TILE)], tiles, TILE * STRIDE);
        }
        return;
    }
    for (i, tile) in tiles.chunks_mut(STRIDE).take(m).enumerate() {
        let row = &a[i * strides[0]..];
        if strides[1] == 1 {
            tile[..terms].copy_from_slice(&row[..terms]);
        } else {
            tile.iter_mut().zip(row.iter().step_by(strides[1])).take(terms).for_each(|(to, a)| *to = *a);
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
            m in 1usize..300, k in prop_oneof![1usize..40, 500usize..1100], n in 1usize..90,
            ta: bool, tb: bool, accumulate: bool, wide: bool, packed: bool,
        ) {
            crate::kernels::simd::EMULATES_AVX512.set(wide);
            let numbers =
                |len: usize, by: usize| -> Vec<Float> { (0..len).map(|i| (i * by % 13) as Float - 6.0).collect() };
            let (a, b) = (numbers(m * k, 7), numbers(k * n, 5));
            let a = if ta { Matrix::transposed(&a, m) } else { Matrix::new(&a, k) };
            let b = if tb { Matrix::transposed(&b, k) } else { Matrix::new(&b, n) };
            let (mut c, mut expected) = (vec![1.0; m * n], vec![1.0; m * n]);
            let columns = Packed::new([k, n], b);
            let right = if packed { Right::Packed(&columns) } else { Right::Plain(b) };
            parallel::serial(|| product([m, k, n], a, right, accumulate, &mut c));
            library(m, k, n, a, b, accumulate, &mut expected);
            prop_assert_eq!(c, expected);
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let numbers =
            |len: usize, by: usize| -> Vec<Float> { (0..len).map(|i| (i * by % 101) as Float / 7.0).collect() };
        for [m, k, n] in [[64, 700, 300], [128, 300, 1000], [200, 513, 97], [700, 64, 64], [1030, 64, 420]] {
            let (a, b) = (numbers(m * k, 37), numbers(k * n, 53));
            let run = |threads: usize| {
                let (b, mut c) = (Matrix::new(&b, n), [vec![0.0; m * n], vec![0.0; m * n]]);
                let packed = Packed::new([k, n], b);
                for (right, c) in [Right::Plain(b), Right::Packed(&packed)].into_iter().zip(&mut c) {
                    parallel::on_threads(threads, || product([m, k, n], Matrix::new(&a, k), right, false, c));
                }
                assert!(c[0] == c[1]);
                c
            };
            let one = run(1);
            assert!(one == run(2) && one == run(3) && one == run(8), "{m} x {k} x {n}");
        }
    }
}
