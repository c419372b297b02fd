//! Matrix product of any strides.

use std::ops::Range;

use super::large::{self, Right, is_large};
use super::parallel;
use super::scratch::with_scratch;
use super::simd::{Kernel, Lanes, dispatch, panel_width};
use super::tile::{Product, Start, cells};
use crate::float::Float;

/// Terms of a sum that one packed panel of `B` holds: with them it stays in the first cache.
pub(super) const TERMS: usize = 256;
/// Rows of `A` that are looked up at a time.
const ROWS: usize = 256;

/// A matrix in memory: its numbers, and how far apart its rows and its columns are.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    pub data: &'a [Float],
    pub strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Creates a row-major matrix of this many columns.
    pub fn new(data: &'a [Float], columns: usize) -> Self {
        Self { data, strides: [columns, 1] }
    }

    /// Creates the transpose of a row-major matrix of this many columns.
    pub fn transposed(data: &'a [Float], columns: usize) -> Self {
        Self { data, strides: [1, columns] }
    }

    pub fn assert_holds(&self, rows: usize, columns: usize) {
        let last = (rows.max(1) - 1) * self.strides[0] + (columns.max(1) - 1) * self.strides[1];
        assert!(rows * columns == 0 || last < self.data.len(), "matrix too short for {rows} x {columns}");
    }
}

/// `c = a * b`, or `c += a * b` if `accumulate`, for `a` of `m x k`, `b` of `k x n` and a row-major `c`; on all threads if it is
/// large.
pub fn gemm([m, k, n]: [usize; 3], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool, c: &mut [Float]) {
    a.assert_holds(m, k);
    b.assert_holds(k, n);
    let c = &mut c[..m * n];
    if m * n == 0 || k == 0 {
        if !accumulate {
            c.fill(0.0);
        }
        return;
    }
    if m == 1 && b.strides[0] == 1 {
        return dispatch(Dots { k, a, b, accumulate, c });
    }
    if b.strides[1] == 1 && is_streamed([m, k, n]) {
        return few_rows([m, k, n], a, b, accumulate, c);
    }
    if m == 1 && b.strides[1] == 1 {
        return dispatch(VectorMatrix { k, n, a, b, accumulate, c });
    }
    if is_large([m, k, n]) {
        return large::product([m, k, n], a, Right::Plain(b), accumulate, c);
    }
    // A row has the same sums in any part.
    let rows = if m * k * n < LARGE { m } else { m.div_ceil(parallel::threads()).next_multiple_of(SOME) };
    let is_ours = is_ours([m, k, n], b);
    parallel::for_each(&mut c.chunks_mut(rows * n).enumerate().collect::<Vec<_>>(), |(i, c)| {
        let a = Matrix { data: &a.data[*i * rows * a.strides[0]..], ..a };
        let multiply = if is_ours { product } else { library };
        multiply(c.len() / n, k, n, a, b, accumulate, c);
    });
}

/// Multiplications that are worth threads, which get a multiple of some rows.
const LARGE: usize = 1 << 22;
const SOME: usize = 48;

/// Whether our product is faster than that of `matrixmultiply`, which packs both matrices, and transposes faster.
fn is_ours([m, k, n]: [usize; 3], b: Matrix<'_>) -> bool {
    let transposes = b.strides[1] != 1;
    m * k * n <= 1 << 26 && (m > 64 || !transposes) && (m <= 64 || k >= 32)
}

/// The product by `matrixmultiply`.
#[allow(clippy::too_many_arguments)]
pub fn library(m: usize, k: usize, n: usize, a: Matrix<'_>, b: Matrix<'_>, accumulate: bool, c: &mut [Float]) {
    a.assert_holds(m, k);
    b.assert_holds(k, n);
    assert!(c.len() >= m * n, "c is too short for {m} x {n}");
    #[cfg(float64)]
    use matrixmultiply::dgemm as library;
    #[cfg(not(float64))]
    use matrixmultiply::sgemm as library;
    let ([a_row, a_column], [b_row, b_column]) = (a.strides, b.strides);
    let (a, b, c, beta) = (a.data.as_ptr(), b.data.as_ptr(), c.as_mut_ptr(), if accumulate { 1.0 } else { 0.0 });
    let i = |stride: usize| stride as isize;
    // SAFETY: the lengths have just been checked.
    unsafe { library(m, k, n, 1.0, a, i(a_row), i(a_column), b, i(b_row), i(b_column), beta, c, i(n), 1) }
}

fn product(m: usize, k: usize, n: usize, a: Matrix<'_>, b: Matrix<'_>, accumulate: bool, c: &mut [Float]) {
    let width = panel_width();
    let mut rows = Vec::with_capacity(ROWS.min(m));
    with_scratch(TERMS.min(k) * width, |panel| {
        for term in (0..k).step_by(TERMS) {
            for column in (0..n).step_by(width) {
                let (terms, columns) = (TERMS.min(k - term), width.min(n - column));
                let first = &b.data[term * b.strides[0] + column * b.strides[1]..];
                // Packing pays if the panel is read often.
                let in_place = b.strides[1] == 1 && m <= 2 * width;
                if !in_place {
                    pack(first, b.strides, terms, columns, width, panel);
                }
                for row in (0..m).step_by(ROWS) {
                    rows.clear();
                    rows.extend((row..m.min(row + ROWS)).map(|i| (i * a.strides[0], i * n + column)));
                    dispatch(Product {
                        rows: &rows,
                        segments: &[(term * a.strides[1], 0)],
                        k: terms,
                        a: a.data,
                        a_step: a.strides[1],
                        b: if in_place { first } else { panel },
                        b_step: if in_place { b.strides[0] } else { width },
                        b_panel: 0,
                        c: cells(c),
                        columns,
                        start: if accumulate || term > 0 { Start::Accumulate } else { Start::Zero },
                    });
                }
            }
        }
    });
}

/// Copies some columns of a matrix side by side.
pub fn pack(b: &[Float], strides: [usize; 2], terms: usize, columns: usize, width: usize, panel: &mut [Float]) {
    if strides[1] == 1 {
        for (p, row) in panel.chunks_exact_mut(width).take(terms).enumerate() {
            row[..columns].copy_from_slice(&b[p * strides[0]..][..columns]);
        }
    } else {
        // Some terms of all columns at a time: both sides stay in cache.
        const SIDE: usize = 16;
        for (block, panel) in panel[..terms * width].chunks_mut(SIDE * width).enumerate() {
            for column in 0..columns {
                let b = &b[block * SIDE * strides[0] + column * strides[1]..];
                let to = panel[column..].iter_mut().step_by(width);
                if strides[0] == 1 {
                    to.zip(b).for_each(|(to, b)| *to = *b);
                } else {
                    to.zip(b.iter().step_by(strides[0])).for_each(|(to, b)| *to = *b);
                }
            }
        }
    }
}

/// A few rows times a matrix whose rows lie in memory, and are read once, some at a time and each from its start to its end: fetching
/// in advance, which is all that the time depends on, works best so.
struct FewRows<'a> {
    sizes: [usize; 3],
    a: Matrix<'a>,
    b: Matrix<'a>,
    accumulate: bool,
    c: &'a mut [Float],
}

/// Whether [`FewRows`] is faster: the more rows, the more it counts how often `c` is read and written.
fn is_streamed([m, k, n]: [usize; 3]) -> bool {
    m <= 8 && k * n >= if m <= 2 { 1 << 16 } else { 1 << 22 }
}

/// Rows of the matrix that are read at a time.
const TOGETHER: usize = 8;

impl Kernel for FewRows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let [m, k, _] = self.sizes;
        let whole = k / TOGETHER * TOGETHER;
        // SAFETY: `gemm` has checked the lengths.
        unsafe {
            for p in (0..whole).step_by(TOGETHER) {
                for i in 0..m {
                    self.add::<L, TOGETHER>(i, p);
                }
            }
            for p in whole..k {
                for i in 0..m {
                    self.add::<L, 1>(i, p);
                }
            }
        }
    }
}

impl FewRows<'_> {
    /// Adds `R` rows from `p` on, times their factors.
    #[inline(always)]
    unsafe fn add<L: Lanes, const R: usize>(&mut self, i: usize, p: usize) {
        let n = self.sizes[2];
        unsafe {
            let factors: [L; R] = std::array::from_fn(|r| {
                L::splat(*self.a.data.get_unchecked(i * self.a.strides[0] + (p + r) * self.a.strides[1]))
            });
            let rows: [_; R] = std::array::from_fn(|r| self.b.data.as_ptr().add((p + r) * self.b.strides[0]));
            let c = self.c.as_mut_ptr().add(i * n);
            let starts = p == 0 && !self.accumulate;
            for j in (0..n).step_by(L::WIDTH) {
                if n - j >= L::WIDTH {
                    let old = if starts { L::splat(0.0) } else { L::load(c.add(j)) };
                    sum(factors, |r| L::load(rows[r].add(j)), old).store(c.add(j));
                } else {
                    let mask = L::mask(n - j);
                    let old = if starts { L::splat(0.0) } else { L::load_part(c.add(j), mask) };
                    sum(factors, |r| L::load_part(rows[r].add(j), mask), old).store_part(c.add(j), mask);
                }
            }
        }
    }
}

/// `old + Σ factors[r] * row(r)`
#[inline(always)]
unsafe fn sum<L: Lanes, const R: usize>(factors: [L; R], row: impl Fn(usize) -> L, old: L) -> L {
    unsafe {
        // Two sums: each step of one would wait for the step before.
        let mut sums = [old, L::splat(0.0)];
        for r in 0..R {
            sums[r % 2] = factors[r].mul_add(row(r), sums[r % 2]);
        }
        L::splat(1.0).mul_add(sums[0], sums[1])
    }
}

/// Multiplications of a few rows that are worth threads.
const WORTH_THREADS: usize = 1 << 20;

/// Parts of a long sum for a single row, whatever the number of threads.
const PARTS: usize = 8;

/// Divides the terms of a single row, so that each thread reads one stretch of memory; the sums of stretches are added up in order.
fn few_rows([m, k, n]: [usize; 3], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool, c: &mut [Float]) {
    let stretch = k.div_ceil(PARTS).next_multiple_of(TOGETHER);
    if m > 1 || k * n < WORTH_THREADS || k <= stretch {
        return dispatch(FewRows { sizes: [m, k, n], a, b, accumulate, c });
    }
    with_scratch((k.div_ceil(stretch) - 1) * n, |sums| {
        let mut parts: Vec<_> = std::iter::once(&mut *c).chain(sums.chunks_mut(n)).enumerate().collect();
        parallel::for_each(&mut parts, |(i, c)| {
            let term = *i * stretch;
            let a = Matrix { data: &a.data[term * a.strides[1]..], ..a };
            let b = Matrix { data: &b.data[term * b.strides[0]..], ..b };
            let sizes = [1, stretch.min(k - term), n];
            dispatch(FewRows { sizes, a, b, accumulate: accumulate && *i == 0, c });
        });
        for sum in sums.chunks(n) {
            c.iter_mut().zip(sum).for_each(|(c, sum)| *c += sum);
        }
    });
}

/// A vector times a small matrix whose rows lie in memory: a sum of rows, several registers of columns at a time.
struct VectorMatrix<'a> {
    k: usize,
    n: usize,
    a: Matrix<'a>,
    b: Matrix<'a>,
    accumulate: bool,
    c: &'a mut [Float],
}

impl Kernel for VectorMatrix<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        for term in (0..self.k).step_by(LONG) {
            let terms = term..self.k.min(term + LONG);
            let mut column = 0;
            // SAFETY: `gemm` has checked the lengths.
            unsafe {
                while self.n - column >= 8 * L::WIDTH {
                    self.columns::<L, 8>(terms.clone(), column, L::WIDTH);
                    column += 8 * L::WIDTH;
                }
                while self.n - column >= 4 * L::WIDTH {
                    self.columns::<L, 4>(terms.clone(), column, L::WIDTH);
                    column += 4 * L::WIDTH;
                }
                while column < self.n {
                    self.columns::<L, 1>(terms.clone(), column, self.n - column);
                    column += L::WIDTH;
                }
            }
            self.accumulate = true;
        }
    }
}

/// Terms of a vector's product that are added up at a time: sums of sums lose less than one long sum.
const LONG: usize = 1024;

impl VectorMatrix<'_> {
    /// `V` registers of columns; of the last one `rest` are used.
    #[inline(always)]
    unsafe fn columns<L: Lanes, const V: usize>(&mut self, terms: Range<usize>, column: usize, rest: usize) {
        unsafe {
            let mask = L::mask(rest.min(L::WIDTH));
            let load = |p: *const Float, v: usize| {
                if V == 1 { L::load_part(p, mask) } else { L::load(p.add(v * L::WIDTH)) }
            };
            let c = self.c.as_mut_ptr().add(column);
            let mut sum = [L::splat(0.0); V];
            for p in terms {
                let factor = L::splat(*self.a.data.get_unchecked(p * self.a.strides[1]));
                let row = self.b.data.as_ptr().add(p * self.b.strides[0] + column);
                for v in 0..V {
                    sum[v] = factor.mul_add(load(row, v), sum[v]);
                }
            }
            for v in 0..V {
                if self.accumulate {
                    sum[v] = L::splat(1.0).mul_add(sum[v], load(c, v));
                }
                if V == 1 { sum[v].store_part(c, mask) } else { sum[v].store(c.add(v * L::WIDTH)) }
            }
        }
    }
}

/// A vector times a matrix whose columns lie in memory: a dot product each.
struct Dots<'a> {
    k: usize,
    a: Matrix<'a>,
    b: Matrix<'a>,
    accumulate: bool,
    c: &'a mut [Float],
}

impl Kernel for Dots<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        for (j, c) in self.c.iter_mut().enumerate() {
            let b = &self.b.data[j * self.b.strides[1]..][..self.k];
            let mut total = 0.0;
            for first in (0..self.k).step_by(LONG) {
                let terms = first..self.k.min(first + LONG);
                // SAFETY: `gemm` has checked the lengths.
                let sum = unsafe { dot::<L>(self.a, first, &b[terms]) };
                total += f64::from(sum);
            }
            *c = if self.accumulate { *c + total as Float } else { total as Float };
        }
    }
}

/// The product of a vector's terms from `first` on with `b`.
#[inline(always)]
unsafe fn dot<L: Lanes>(a: Matrix<'_>, first: usize, b: &[Float]) -> Float {
    const V: usize = 4;
    let step = a.strides[1];
    let whole = if step == 1 { b.len() / (V * L::WIDTH) * (V * L::WIDTH) } else { 0 };
    let mut lanes = [0.0; 16];
    unsafe {
        let start = a.data.as_ptr().add(first * step);
        let mut sums = [L::splat(0.0); V];
        for p in (0..whole).step_by(V * L::WIDTH) {
            for v in 0..V {
                let at = p + v * L::WIDTH;
                sums[v] = L::load(start.add(at)).mul_add(L::load(b.as_ptr().add(at)), sums[v]);
            }
        }
        let one = L::splat(1.0);
        one.mul_add(one.mul_add(sums[0], sums[1]), one.mul_add(sums[2], sums[3])).store(lanes.as_mut_ptr());
    }
    let rest = (whole..b.len()).map(|p| a.data[(first + p) * step] * b[p]).sum::<Float>();
    lanes.iter().sum::<Float>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrix(data: &[Float], rows: usize, columns: usize, transposed: bool) -> Matrix<'_> {
        if transposed { Matrix::transposed(data, rows) } else { Matrix::new(data, columns) }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            m in 0usize..40, k in prop_oneof![0usize..70, 250usize..530], n in 0usize..90,
            ta: bool, tb: bool, accumulate: bool, wide: bool, seed in 0usize..1000,
        ) {
            crate::kernels::simd::EMULATES_AVX512.set(wide);
            let numbers = |len: usize, by: usize| -> Vec<Float> {
                (0..len).map(|i| ((i * by + seed) % 13) as Float - 6.0).collect()
            };
            let (a, b, start) = (numbers(m * k, 7), numbers(k * n, 5), numbers(m * n, 3));
            let (a, b) = (matrix(&a, m, k, ta), matrix(&b, k, n, tb));
            let at = |x: Matrix<'_>, i: usize, j: usize| x.data[i * x.strides[0] + j * x.strides[1]];
            let mut c = start.clone();
            gemm([m, k, n], a, b, accumulate, &mut c);
            for i in 0..m * n {
                let sum: Float = (0..k).map(|p| at(a, i / n, p) * at(b, p, i % n)).sum();
                prop_assert_eq!(c[i], if accumulate { start[i] + sum } else { sum });
            }
        }
    }

    proptest! {
        #[test]
        fn few_rows_agree_with_the_definition(
            m in 1usize..9, k in 1usize..40, n in 1usize..90, ta: bool, accumulate: bool, wide: bool, seed in 0usize..1000,
        ) {
            crate::kernels::simd::EMULATES_AVX512.set(wide);
            let numbers = |len: usize, by: usize| -> Vec<Float> {
                (0..len).map(|i| ((i * by + seed) % 13) as Float - 6.0).collect()
            };
            let (a, b, start) = (numbers(m * k, 7), numbers(k * n, 5), numbers(m * n, 3));
            let (a, b) = (matrix(&a, m, k, ta), Matrix::new(&b, n));
            let (mut c, mut expected) = (start.clone(), start);
            few_rows([m, k, n], a, b, accumulate, &mut c);
            library(m, k, n, a, b, accumulate, &mut expected);
            prop_assert_eq!(c, expected);
        }
    }

    #[test]
    fn terms_of_one_row_are_divided_without_a_trace() {
        let numbers =
            |len: usize, by: usize| -> Vec<Float> { (0..len).map(|i| (i * by % 101) as Float / 7.0).collect() };
        let (k, n) = (1027, 1030);
        let (a, b) = (numbers(k, 37), numbers(k * n, 53));
        let run = |threads: usize| {
            let mut c = vec![0.0; n];
            parallel::on_threads(threads, || gemm([1, k, n], Matrix::new(&a, k), Matrix::new(&b, n), false, &mut c));
            c
        };
        let one = run(1);
        assert!(one == run(2) && one == run(3));
    }

    #[test]
    fn rows_are_divided_without_a_trace() {
        let numbers =
            |len: usize, by: usize| -> Vec<Float> { (0..len).map(|i| (i * by % 101) as Float / 7.0).collect() };
        // By our product, and by the library's.
        for ([m, k, n], ta, tb) in
            [([700, 40, 300], false, true), ([900, 16, 500], true, false), ([50, 500, 400], false, true)]
        {
            let (a, b) = (numbers(m * k, 37), numbers(k * n, 53));
            let run = |threads: usize| {
                let mut c = vec![1.0; m * n];
                let (a, b) = (matrix(&a, m, k, ta), matrix(&b, k, n, tb));
                parallel::on_threads(threads, || gemm([m, k, n], a, b, true, &mut c));
                c
            };
            let one = run(1);
            assert!(one == run(2) && one == run(3), "{m} x {k} x {n}");
        }
    }
}
