//! What a model owes to the columns of a table.

use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::SliceRandom;

use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

/// Returns for each column how much `score` falls if the column is shuffled among the rows: the mean of `repeats` orders.
///
/// `score` is any figure of which more is better, such as the accuracy of a model on these rows, which should be rows that it was not trained
/// on. Columns that say the same share what they are worth, and each may seem worthless.
///
/// # Shapes
/// `x` `[rows, columns]`, result `[columns]`
/// # Errors
/// no repeats; fewer than two rows; what `score` returns
/// # Example
/// ```
/// use gradus::explain::permutation_importance;
/// use gradus::prelude::*;
/// let x = ndarray::Array2::from_shape_fn((50, 2), |(row, column)| (row * (column + 3) % 50) as Float);
/// // A model that adds one to the first column is right about that.
/// let y = &x.column(0) + 1.0;
/// let found = permutation_importance(&x, 5, 1, |x| {
///     let mut r2 = R2::default();
///     r2.update(&(&x.column(0) + 1.0).into_tensor(), &y.clone().into_tensor())?;
///     Ok(r2.result())
/// })?;
/// assert!(found[0] > 1.0 && found[1] == 0.0);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Breiman 2001; Fisher, Rudin & Dominici 2019; scikit-learn `permutation_importance`
pub fn permutation_importance(
    x: &Array2<Float>,
    repeats: usize,
    seed: u64,
    mut score: impl FnMut(&Array2<Float>) -> Result<f64>,
) -> Result<Vec<f64>> {
    if repeats == 0 || x.nrows() < 2 {
        return Err(Error::value(format!(
            "permutation_importance: expected at least one repeat and two rows, got {repeats} and {}",
            x.nrows()
        )));
    }
    let whole = score(x)?;
    let mut rng = Rng::seed_from_u64(seed);
    let mut shuffled = x.clone();
    let mut losses = Vec::with_capacity(x.ncols());
    for column in 0..x.ncols() {
        let mut sum = 0.0;
        for _ in 0..repeats {
            let mut numbers = x.column(column).to_vec();
            numbers.shuffle(&mut rng);
            shuffled.column_mut(column).assign(&ndarray::aview1(&numbers));
            sum += whole - score(&shuffled)?;
        }
        shuffled.column_mut(column).assign(&x.column(column));
        losses.push(sum / repeats as f64);
    }
    Ok(losses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a score of minus the squared errors of `2a + b`, shuffling a column costs twice the variance of what it adds (Fisher et al. 2019, appendix B).
    #[test]
    fn a_linear_model_owes_twice_the_variance_of_each_term() {
        let x = Array2::from_shape_fn((200, 2), |(row, column)| ((row * (7 + 6 * column)) % 200) as Float / 100.0);
        let truth = 2.0 * &x.column(0) + x.column(1);
        let score = |x: &Array2<Float>| {
            Ok(-f64::from((2.0 * &x.column(0) + x.column(1) - &truth).mapv(|d| d * d).mean().unwrap()))
        };
        let found = permutation_importance(&x, 100, 3, score).unwrap();
        let variance = f64::from(x.column(0).var(0.0));
        assert!((found[0] / (8.0 * variance) - 1.0).abs() < 0.02, "{found:?}");
        assert!((found[1] / (2.0 * variance) - 1.0).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn one_row_cannot_be_shuffled() {
        let message = permutation_importance(&Array2::zeros((1, 2)), 1, 0, |_| Ok(0.0)).unwrap_err().to_string();
        assert_eq!(message, "permutation_importance: expected at least one repeat and two rows, got 1 and 1");
    }
}
