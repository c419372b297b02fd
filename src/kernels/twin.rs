//! What tests of kernels against their readable twins share.

use crate::float::Float;

/// Numbers from -3 to 7 in no order.
pub fn numbers(len: usize, by: usize) -> Vec<Float> {
    (0..len).map(|i| (i * by % 101) as Float / 10.0 - 3.0).collect()
}

/// Fails unless the numbers agree.
pub fn near(got: impl IntoIterator<Item = f64>, want: impl IntoIterator<Item = f64>) {
    let pairs: Vec<_> = got.into_iter().zip(want).collect();
    assert!(pairs.iter().all(|(got, want)| (got - want).abs() <= 2e-5 * (1.0 + want.abs())), "{pairs:?}");
}
