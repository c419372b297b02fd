//! The rows of a sparsemax.

use crate::order::sort;
use crate::tensor::Float;

/// `y = max(x - t, 0)`, with `t` such that `Σ y = 1`, in each row of `len` numbers; `y` is `x` at first.
pub(super) fn forward(x: &[Float], y: &mut [Float], len: usize) {
    for (x, y) in x.chunks(len.max(1)).zip(y.chunks_mut(len.max(1))) {
        let t = threshold(y);
        // Not `max`, which would hide NaN.
        y.iter_mut().zip(x).for_each(|(y, x)| *y = if *x < t { 0.0 } else { x - t });
    }
}

/// `dx = dy - mean(dy)` where `y` is positive, the mean taken there; elsewhere 0
pub(super) fn backward(y: &[Float], dy: &[Float], dx: &mut [Float], len: usize) {
    let rows = y.chunks(len.max(1)).zip(dy.chunks(len.max(1))).zip(dx.chunks_mut(len.max(1)));
    for ((y, dy), dx) in rows {
        let present = || dy.iter().zip(y).filter(|(_, y)| **y > 0.0).map(|(dy, _)| dy);
        let mean = present().sum::<Float>() / present().count().max(1) as Float;
        for ((dx, dy), y) in dx.iter_mut().zip(dy).zip(y) {
            *dx = if *y > 0.0 { dy - mean } else { 0.0 };
        }
    }
}

/// What to subtract: the greatest numbers that stay above it sum to 1 then. Sorts the row.
fn threshold(row: &mut [Float]) -> Float {
    sort(row);
    let (mut sum, mut threshold) = (0.0, Float::NAN);
    for (i, x) in row.iter().rev().enumerate() {
        sum += f64::from(*x);
        let candidate = (sum - 1.0) / (i + 1) as f64;
        if f64::from(*x) <= candidate {
            break;
        }
        threshold = candidate as Float;
    }
    threshold
}

#[cfg(test)]
mod tests {
    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn nearest_points_of_the_simplex() {
        let x = Tape::inference().input(ndarray::arr2(&[[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 8.5, 8.75]]));
        let y = x.sparsemax(-1).unwrap();
        let third = 1.0 / 3.0;
        let want = [0.25, 0.25, 0.25, 0.25, third + 0.25, 0.0, third - 0.25, third];
        y.value().iter().zip(want).for_each(|(y, want)| assert!((y - want).abs() < 1e-6, "{y} {want}"));
        let bad = Tape::inference().input(ndarray::arr2(&[[Float::NAN, 1.0]])).sparsemax(1).unwrap();
        assert!(bad.value().iter().all(|y| y.is_nan()));
        assert!(x.sparsemax(2).is_err());
    }
}
