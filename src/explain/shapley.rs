//! Shapley values.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::Explained;
use super::gradients::check_baseline;
use crate::autograd::Layer;
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::{Float, Tensor, tensor};

/// Coalitions that the model sees at a time.
const BATCH: usize = 256;

/// Returns how much each feature of an example contributes to the output: its Shapley value, the mean of what it adds over all orders in
/// which features come to a baseline. The values sum to how much the output differs from the baseline's.
///
/// `features` says which feature each number of the example belongs to, counted from 0: `[0, 1, 2]` for three numbers of their own, the
/// number of a patch for each pixel of an image. Up to `samples` coalitions of features are tried: where that are all `2^features`,
/// the values are exact, else they are the weighted least squares of a random choice, which the seed decides.
///
/// ```
/// use gradus::{explain::kernel_shap, prelude::*};
/// let model = Sequential::new().add(Dense::new(1).kernel_initializer(Ones));
/// let x = ndarray::arr1(&[1.0, 2.0, 3.0]).into_tensor();
/// let values = kernel_shap(&model, &x, &Tensor::zeros(x.raw_dim()), 0, &[0, 1, 2], 8, 0)?;
/// assert!(values.iter().zip([1.0, 2.0, 3.0]).all(|(value, exact)| (value - exact).abs() < 1e-5));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Shapes
/// `x` and `baseline`: one example, without the batch's axis
/// # Errors
/// a baseline of another shape; features that are not one for each number, or leave one out; fewer samples than twice the features
/// and 2; those of the model
/// # Reference
/// Lundberg & Lee 2017; captum's and shap's `KernelShap`
pub fn kernel_shap(
    model: &(impl Layer + ?Sized),
    x: &Tensor,
    baseline: &Tensor,
    class: usize,
    features: &[usize],
    samples: usize,
    seed: u64,
) -> Result<Vec<Float>> {
    check_baseline("kernel_shap", x, baseline)?;
    let count = features.iter().max().map_or(0, |last| last.saturating_add(1));
    let is_whole = features.len() == x.len() && (0..count).all(|feature| features.contains(&feature));
    if !is_whole || count == 0 {
        return Err(Error::value(format!(
            "kernel_shap: expected the feature of each of the {} numbers, counted from 0 without a gap, got {} of {count} features",
            x.len(),
            features.len()
        )));
    }
    let all = u32::try_from(count).ok().and_then(|count| 1_usize.checked_shl(count));
    let is_exact = all.is_some_and(|all| all <= samples);
    if !is_exact && samples < 2 * count + 2 {
        return Err(Error::value(format!("kernel_shap: expected at least {} samples, got {samples}", 2 * count + 2)));
    }
    let coalitions = if is_exact { all_coalitions(count) } else { drawn_coalitions(count, samples - 2, seed) };
    let value = |coalitions: &[Vec<bool>]| values(model, x, baseline, class, features, coalitions);
    let ends = value(&[vec![false; count], vec![true; count]])?;
    let (without, whole) = (ends[0], ends[1] - ends[0]);
    if count == 1 {
        return Ok(vec![whole as Float]);
    }
    let only: Vec<Vec<bool>> = coalitions.iter().map(|(coalition, _)| coalition.clone()).collect();
    let gains = value(&only)?;
    // The last feature has what the others leave of the whole: that is the constraint on the sum.
    let (unknown, mut matrix) = (count - 1, vec![vec![0.0; count]; count - 1]);
    for ((coalition, weight), gain) in coalitions.iter().zip(&gains) {
        let number = |feature: usize| f64::from(u8::from(coalition[feature]));
        let last = number(unknown);
        let row: Vec<f64> = (0..unknown).map(|feature| number(feature) - last).collect();
        for (i, equation) in matrix.iter_mut().enumerate() {
            for (j, x) in row.iter().enumerate() {
                equation[j] += weight * row[i] * x;
            }
            equation[unknown] += weight * row[i] * (gain - without - last * whole);
        }
    }
    let mut found = solve(matrix).ok_or_else(|| Error::value("kernel_shap: the samples do not decide; take more"))?;
    found.push(whole - found.iter().sum::<f64>());
    Ok(found.into_iter().map(|value| value as Float).collect())
}

/// The outputs with these features present and the others from the baseline.
fn values(
    model: &(impl Layer + ?Sized),
    x: &Tensor,
    baseline: &Tensor,
    class: usize,
    features: &[usize],
    coalitions: &[Vec<bool>],
) -> Result<Vec<f64>> {
    let mut found = Vec::with_capacity(coalitions.len());
    for some in coalitions.chunks(BATCH) {
        let mut numbers = Vec::with_capacity(some.len() * x.len());
        for coalition in some {
            let pairs = x.iter().zip(baseline).zip(features);
            numbers.extend(pairs.map(|((x, base), feature)| if coalition[*feature] { *x } else { *base }));
        }
        let classes = vec![class; some.len()];
        let batch = tensor(&[&[some.len()], x.shape()].concat(), numbers);
        found.extend(Explained { model, classes: &classes }.outputs(&batch)?.into_iter().map(f64::from));
    }
    Ok(found)
}

/// Every coalition but none and all, with its weight: `(n - 1) / (C(n, k) k (n - k))`.
fn all_coalitions(count: usize) -> Vec<(Vec<bool>, f64)> {
    let mut found = Vec::new();
    for bits in 1..(1_usize << count) - 1 {
        let coalition: Vec<bool> = (0..count).map(|feature| bits >> feature & 1 == 1).collect();
        let size = bits.count_ones() as usize;
        let choose = (0..size).fold(1.0, |product, i| product * (count - i) as f64 / (i + 1) as f64);
        found.push((coalition, (count - 1) as f64 / (choose * (size * (count - size)) as f64)));
    }
    found
}

/// Coalitions by their sizes as often as the weights say, each with its complement.
fn drawn_coalitions(count: usize, samples: usize, seed: u64) -> Vec<(Vec<bool>, f64)> {
    let mut rng = Rng::seed_from_u64(seed);
    let shares: Vec<f64> = (1..count).map(|size| 1.0 / (size * (count - size)) as f64).collect();
    let total: f64 = shares.iter().sum();
    let mut order: Vec<usize> = (0..count).collect();
    let mut found = Vec::new();
    while found.len() < samples {
        let mut left = rng.random::<f64>() * total;
        let drawn = shares.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        let size = drawn.unwrap_or(count - 2) + 1;
        order.shuffle(&mut rng);
        let mut coalition = vec![false; count];
        order[..size].iter().for_each(|feature| coalition[*feature] = true);
        let complement = coalition.iter().map(|is_in| !is_in).collect();
        found.extend([(coalition, 1.0), (complement, 1.0)]);
    }
    found
}

/// Solves linear equations, the right side in the last column, by elimination with pivots; `None` if they do not decide.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let count = rows.len();
    for i in 0..count {
        let pivot = (i..count).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, pivot);
        if rows[i][i].abs() < 1e-12 {
            return None;
        }
        let (done, rest) = rows.split_at_mut(i + 1);
        for row in rest {
            let factor = row[i] / done[i][i];
            for column in i..=count {
                row[column] -= factor * done[i][column];
            }
        }
    }
    let mut found = vec![0.0; count];
    for i in (0..count).rev() {
        let known: f64 = (i + 1..count).map(|j| rows[i][j] * found[j]).sum();
        found[i] = (rows[i][count] - known) / rows[i][i];
    }
    Some(found)
}
