//! The right-hand matrix of many products, packed once.

use std::ops::Range;

use super::gemm::{Matrix, TERMS, pack};
use super::simd::{dispatch, panel_width};
use super::tile::{Product, Start, cells};
use crate::buffers::Loan;
use crate::float::Float;

/// A matrix in the panels of columns that the tile reads, for many products with few rows each.
pub struct Packed {
    terms: usize,
    columns: usize,
    width: usize,
    panels: Loan,
}

impl Packed {
    /// Packs a matrix of this many rows and columns.
    pub fn new([terms, columns]: [usize; 2], b: Matrix<'_>) -> Self {
        let width = panel_width();
        let mut panels = Loan::new(terms * columns.next_multiple_of(width));
        if terms > 0 {
            for (i, panel) in panels.chunks_exact_mut(terms * width).enumerate() {
                let wanted = width.min(columns - i * width);
                pack(&b.data[i * width * b.strides[1]..], b.strides, terms, wanted, width, panel);
            }
        }
        Self { terms, columns, width, panels }
    }

    /// `c = a · b`, or `c += a · b` if `accumulate`. From one row of `a` and `c` to the next it is `strides`.
    pub fn product(&self, rows: usize, a: &[Float], c: &mut [Float], strides: [usize; 2], accumulate: bool) {
        let rows: Vec<_> = (0..rows).map(|i| (i * strides[0], i * strides[1])).collect();
        for term in (0..self.terms.max(1)).step_by(TERMS) {
            dispatch(Product {
                rows: &rows,
                segments: &[(term, term * self.width)],
                k: TERMS.min(self.terms - term),
                a,
                a_step: 1,
                b: &self.panels,
                b_step: self.width,
                b_panel: self.terms * self.width,
                c: cells(c),
                columns: self.columns,
                start: if accumulate || term > 0 { Start::Accumulate } else { Start::Zero },
            });
        }
    }

    pub(super) fn assert_is(&self, terms: usize, columns: usize) {
        assert_eq!([self.terms, self.columns], [terms, columns], "a packed matrix of another size");
    }

    /// Some terms of the panel of columns that begins with this one.
    pub(super) fn panel(&self, column: usize, terms: Range<usize>) -> &[Float] {
        &self.panels[column * self.terms..][terms.start * self.width..terms.end * self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::gemm::gemm;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_other_product(
            m in 0usize..20, k in prop_oneof![0usize..40, 250usize..530], n in 1usize..70, gap in 0usize..3,
            transposed: bool, accumulate: bool, wide: bool, seed in 0usize..1000,
        ) {
            crate::kernels::simd::EMULATES_AVX512.set(wide);
            let numbers = |len: usize, by: usize| -> Vec<Float> {
                (0..len).map(|i| ((i * by + seed) % 13) as Float - 6.0).collect()
            };
            let (a, b) = (numbers(m * k, 7), numbers(k * n, 5));
            let matrix = if transposed { Matrix::transposed(&b, k) } else { Matrix::new(&b, n) };
            let mut c = numbers(m * (n + gap), 3);
            let mut expected: Vec<Float> = c.chunks(n + gap).flat_map(|row| row[..n].to_vec()).collect();
            gemm([m, k, n], Matrix::new(&a, k), matrix, accumulate, &mut expected);
            Packed::new([k, n], matrix).product(m, &a, &mut c, [k, n + gap], accumulate);
            let found: Vec<Float> = c.chunks(n + gap).flat_map(|row| row[..n].to_vec()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
