//! Sums of the columns of a matrix: pairwise over a few rows, and then in double precision, so that hundreds of thousands of
//! rows lose nothing, at the speed of one after the other.

use super::parallel;
use super::simd::vectorized;
use crate::float::Float;

/// Rows that are added up pairwise.
const ROWS: usize = 8;
/// Columns that fill registers.
const WIDTH: usize = 16;
/// Numbers that are worth a thread of their own, about.
const CHUNK: usize = 1 << 16;

/// The sums of columns, on all threads.
pub fn sum_columns(x: &[Float], sums: &mut [Float]) {
    let columns = sums.len();
    if columns == 0 {
        return;
    }
    let rows = x.len() / columns;
    // Enough rows that what threads hand back is little beside what they read.
    let chunk = (CHUNK / columns).max(256);
    let parts = parallel::map_chunks(rows, chunk, |rows| {
        let mut sums = vec![0.0; columns];
        add_columns(&mut sums, &x[rows.start * columns..rows.end * columns]);
        sums
    });
    let mut total = vec![0.0; columns];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
    }
    narrow(&total, sums);
}

/// Sums in double precision as they go on.
pub fn narrow(sums: &[f64], out: &mut [Float]) {
    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = *sum as Float);
}

/// Adds the rows of a matrix to `sums`, on this thread.
pub fn add_columns(sums: &mut [f64], x: &[Float]) {
    let columns = sums.len();
    if columns == 0 {
        return;
    }
    if columns >= WIDTH {
        return add_wide(sums, x);
    }
    // Several rows side by side, so that registers are full.
    let wide = WIDTH * columns;
    let mut wide_sums = vec![0.0; wide];
    let (whole, rest) = x.split_at(x.len() / wide * wide);
    add_wide(&mut wide_sums, whole);
    for row in wide_sums.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    for row in rest.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
}

vectorized! {
    fn add_wide(sums: &mut [f64], x: &[Float]) {
        let columns = sums.len();
        let (blocks, rest) = x.split_at(x.len() / (ROWS * columns) * (ROWS * columns));
        for block in blocks.chunks_exact(ROWS * columns) {
            for i in 0..columns {
                // SAFETY: a place of the block's.
                let at = |row: usize| unsafe { *block.get_unchecked(row * columns + i) };
                let pairs = [at(0) + at(1), at(2) + at(3), at(4) + at(5), at(6) + at(7)];
                sums[i] += f64::from((pairs[0] + pairs[1]) + (pairs[2] + pairs[3]));
            }
        }
        for row in rest.chunks_exact(columns) {
            for i in 0..columns {
                sums[i] += f64::from(row[i]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::twin::{near, numbers};
    use super::*;

    #[test]
    fn sums_agree_with_the_definition() {
        for (rows, columns) in [(0, 3), (1, 1), (7, 5), (300, 1), (4000, 3), (129, 15), (77, 16), (1000, 17), (900, 70)]
        {
            let x = numbers(rows * columns, 37);
            let want: Vec<f64> = (0..columns).map(|c| (0..rows).map(|r| f64::from(x[r * columns + c])).sum()).collect();
            let (mut sums, mut narrow) = (vec![1.0; columns], vec![9.0; columns]);
            add_columns(&mut sums, &x);
            sum_columns(&x, &mut narrow);
            near(sums.iter().map(|sum| sum - 1.0), want.clone());
            near(narrow.iter().map(|sum| f64::from(*sum)), want);
        }
    }

    #[cfg(not(float64))]
    #[test]
    fn hundreds_of_thousands_of_rows_lose_nothing() {
        for columns in [1, 3, 16, 33] {
            let mut sums = vec![0.0; columns];
            sum_columns(&vec![0.1; 400_000 * columns], &mut sums);
            assert!(sums.iter().all(|sum| *sum == 40_000.0), "{sums:?}");
        }
    }
}
