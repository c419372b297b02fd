//! The matrix product under everything: a tile of `C` stays in registers while `A` and `B` stream through.

use super::simd::{Kernel, Lanes};
use crate::float::Float;
use std::cell::Cell;

/// What the sums of a [`Product`] start from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    Zero,
    /// A row that all rows of `C` start from.
    Row(&'a [Float]),
    /// What `C` holds.
    Accumulate,
}

/// `C[i, j] = start + Σ over segments s and p in 0..k of A[row_i + s.0 + p * a_step] * B[s.1 + p * b_step + j]`
///
/// Rows of `A` and `C` are found through a table, so that a convolution needs no copy of its columns.
pub struct Product<'a> {
    /// Where rows start: in `A`, in `C`.
    pub rows: &'a [(usize, usize)],
    /// Where stretches of `k` terms start: in `A`, in `B`.
    pub segments: &'a [(usize, usize)],
    pub k: usize,
    pub a: &'a [Float],
    pub a_step: usize,
    pub b: &'a [Float],
    pub b_step: usize,
    /// From one panel of columns (two registers wide) to the next: the width itself if `B` is not packed.
    pub b_panel: usize,
    /// Cells, since another thread may write other columns of the same rows.
    pub c: &'a [Cell<Float>],
    pub columns: usize,
    pub start: Start<'a>,
}

/// The same numbers, as a product writes them.
pub fn cells(numbers: &mut [Float]) -> &[Cell<Float>] {
    Cell::from_mut(numbers).as_slice_of_cells()
}

impl Product<'_> {
    /// Panics if an index would be out of bounds; this is what makes `run` sound.
    fn check(&self, width: usize) {
        let last = |pairs: &[(usize, usize)]| pairs.iter().fold((0, 0), |m, p| (m.0.max(p.0), m.1.max(p.1)));
        let ((row_a, row_c), (segment_a, segment_b)) = (last(self.rows), last(self.segments));
        if self.k > 0 && !self.segments.is_empty() {
            let (panels, terms) = ((self.columns - 1) / width, self.k - 1);
            let before_last = if panels > 0 { (panels - 1) * self.b_panel + width } else { 0 };
            let end = before_last.max(panels * self.b_panel + self.columns - panels * width);
            let a = row_a + segment_a + terms * self.a_step;
            let b = segment_b + terms * self.b_step + end;
            assert!(a < self.a.len() && b <= self.b.len(), "A or B is too short for its rows");
        }
        assert!(row_c + self.columns <= self.c.len(), "rows of C");
        if let Start::Row(row) = self.start {
            assert!(row.len() >= self.columns, "row to start from");
        }
    }
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        if self.rows.is_empty() || self.columns == 0 {
            return;
        }
        let width = 2 * L::WIDTH;
        self.check(width);
        let c = self.c.as_ptr() as *mut Float;
        let tiles = self.rows.len().div_ceil(L::ROWS);
        let (height, higher) = (self.rows.len() / tiles, self.rows.len() % tiles);
        for panel in 0..self.columns.div_ceil(width) {
            let columns = (self.columns - panel * width).min(width);
            let mut to = 0;
            for t in 0..tiles {
                // Tiles of even height: a last one of a row or two could not keep the multipliers busy.
                let from = to;
                to += height + usize::from(t < higher);
                macro_rules! choose {
                    ($($rows:literal)*) => { match to - from {
                        // Known when compiled, so that heights which an instruction set has not cost no time then.
                        $($rows => if const { $rows <= L::ROWS } {
                            unsafe {
                                if columns == width {
                                    tile::<L, $rows, 2, false>(&self, c, from, panel, columns)
                                } else if columns > L::WIDTH {
                                    tile::<L, $rows, 2, true>(&self, c, from, panel, columns)
                                } else {
                                    tile::<L, $rows, 1, true>(&self, c, from, panel, columns)
                                }
                            }
                        },)*
                        _ => unreachable!(),
                    } };
                }
                choose!(1 2 3 4 5 6 7 8 9 10 11 12);
            }
        }
    }
}

/// `R` rows, `V` registers of columns, the last of them partly used if `PART`.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const V: usize, const PART: bool>(
    product: &Product<'_>,
    c: *mut Float,
    first: usize,
    panel: usize,
    columns: usize,
) {
    unsafe {
        let b = product.b.as_ptr().add(panel * product.b_panel);
        let column = panel * 2 * L::WIDTH;
        let mask = L::mask(columns - (V - 1) * L::WIDTH);
        let mut a = [product.a.as_ptr(); R];
        let mut c = [c; R];
        for i in 0..R {
            let row = *product.rows.get_unchecked(first + i);
            a[i] = a[i].add(row.0);
            c[i] = c[i].add(row.1 + column);
        }
        let mut sum = [[L::splat(0.0); V]; R];
        if let Start::Row(row) = product.start {
            sum = [load::<L, V, PART>(row.as_ptr().add(column), mask); R];
        }
        // So many pointers would not all fit into registers; where rows lie side by side, one is enough.
        let side_by_side = R > 8 && V == 2 && !PART && (1..R).all(|i| a[i] == a[0].wrapping_add(i));
        for &(a_start, b_start) in product.segments {
            let (mut x, mut y) = (a_start, b.add(b_start));
            if side_by_side {
                let mut x = a[0].add(a_start);
                for _ in 0..product.k {
                    multiply::<L, R, V>(|i| x.add(i), load::<L, V, PART>(y, mask), &mut sum);
                    x = x.wrapping_add(product.a_step);
                    y = y.wrapping_add(product.b_step);
                }
                continue;
            }
            for _ in 0..product.k {
                multiply::<L, R, V>(|i| a[i].add(x), load::<L, V, PART>(y, mask), &mut sum);
                x += product.a_step;
                y = y.wrapping_add(product.b_step);
            }
        }
        if let Start::Accumulate = product.start {
            // At the end, so that many products in a row are sums of sums, which lose less than one long sum.
            let one = L::splat(1.0);
            for i in 0..R {
                let old = load::<L, V, PART>(c[i], mask);
                for v in 0..V {
                    sum[i][v] = one.mul_add(sum[i][v], old[v]);
                }
            }
        }
        for i in 0..R {
            store::<L, V, PART>(sum[i], c[i], mask);
        }
    }
}

/// Adds a row of `B` to each row of the tile, times a number of `A`, which stands at `factor`.
#[inline(always)]
unsafe fn multiply<L: Lanes, const R: usize, const V: usize>(
    factor: impl Fn(usize) -> *const Float,
    row: [L; V],
    sum: &mut [[L; V]; R],
) {
    for i in 0..R {
        unsafe {
            let factor = L::splat(*factor(i));
            for v in 0..V {
                sum[i][v] = factor.mul_add(row[v], sum[i][v]);
            }
        }
    }
}

#[inline(always)]
unsafe fn load<L: Lanes, const V: usize, const PART: bool>(p: *const Float, mask: L::Mask) -> [L; V] {
    unsafe {
        let mut row = [L::splat(0.0); V];
        for v in 0..V {
            let p = p.add(v * L::WIDTH);
            row[v] = if PART && v + 1 == V { L::load_part(p, mask) } else { L::load(p) };
        }
        row
    }
}

#[inline(always)]
unsafe fn store<L: Lanes, const V: usize, const PART: bool>(row: [L; V], p: *mut Float, mask: L::Mask) {
    for v in 0..V {
        unsafe {
            let p = p.add(v * L::WIDTH);
            if PART && v + 1 == V { row[v].store_part(p, mask) } else { row[v].store(p) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::dispatch;
    use proptest::prelude::*;

    /// `C` by the definition, by this processor's registers, and by arrays as long as those of AVX2 and AVX-512.
    fn products(m: usize, k: usize, n: usize, segments: usize, start: u8, seed: usize) -> [Vec<Float>; 4] {
        let numbers =
            |len: usize, by: usize| -> Vec<Float> { (0..len).map(|i| ((i * by + seed) % 13) as Float - 6.0).collect() };
        let (a, b, bias, old) =
            (numbers(m * k * segments, 7), numbers(k * segments * n, 5), numbers(n, 3), numbers(m * n, 11));
        let start = [Start::Zero, Start::Row(&bias), Start::Accumulate][start as usize];
        let rows: Vec<_> = (0..m).rev().map(|i| (i * k * segments, i * n)).collect();
        let segments: Vec<_> = (0..segments).map(|s| (s * k, s * k * n)).collect();
        let run = |kind: usize| {
            let mut c = old.clone();
            let product = |b_panel, c| Product {
                rows: &rows,
                segments: &segments,
                k,
                a: &a,
                a_step: 1,
                b: &b,
                b_step: n,
                b_panel,
                c,
                columns: n,
                start,
            };
            // SAFETY: arrays need no instruction set.
            match kind {
                0 => dispatch(product(crate::kernels::simd::panel_width(), cells(&mut c))),
                1 => unsafe { product(16, cells(&mut c)).run::<[Float; 8]>() },
                _ => unsafe { product(32, cells(&mut c)).run::<[Float; 16]>() },
            }
            c
        };
        let terms = k * segments.len();
        let expected = (0..m * n).map(|c| {
            let (i, j) = (c / n, c % n);
            let first = match start {
                Start::Zero => 0.0,
                Start::Row(row) => row[j],
                Start::Accumulate => old[c],
            };
            first + (0..terms).map(|p| a[i * terms + p] * b[p * n + j]).sum::<Float>()
        });
        [expected.collect(), run(0), run(1), run(2)]
    }

    proptest! {
        #[test]
        fn all_registers_agree_with_the_definition(
            m in 0usize..30, k in 0usize..20, n in 0usize..80, segments in 0usize..4, start in 0u8..3, seed in 0usize..100,
        ) {
            let [expected, native, avx2, avx512] = products(m, k, n, segments, start, seed);
            prop_assert_eq!(&native, &expected);
            prop_assert_eq!(&avx2, &expected);
            prop_assert_eq!(&avx512, &expected);
        }
    }

    #[test]
    #[should_panic(expected = "too short")]
    fn a_short_matrix_is_refused() {
        let mut c = [0.0; 4];
        dispatch(Product {
            rows: &[(0, 0), (4, 2)],
            segments: &[(0, 0)],
            k: 4,
            a: &[0.0; 7],
            a_step: 1,
            b: &[0.0; 8],
            b_step: 2,
            b_panel: 0,
            c: cells(&mut c),
            columns: 2,
            start: Start::Zero,
        });
    }
}
