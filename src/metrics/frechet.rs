//! How far apart two sets of images are, by their features.

use ndarray::{Array1, Array2, Axis};

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Returns the Fréchet distance between the normal distributions of two sets of features:
/// `|mean_a - mean_b|² + tr(A + B - 2 (A B)^½)` with the covariances `A` and `B`, which divide by `count - 1`.
///
/// Of images that a generator has made and of real ones it is known as the Fréchet inception distance (FID) where the features are those of
/// Inception v3. Features of another network give distances of another size, which compare with each other alone.
///
/// Takes time with the cube of the number of features: an instant for 100, minutes for 2048.
///
/// # Shapes
/// `a` and `b` `[count, features]`, of counts that may differ
/// # Errors
/// other shapes; fewer than two rows; numbers that are not finite
/// # Example
/// ```
/// use gradus::metrics::frechet_distance;
/// use gradus::prelude::*;
/// let a = ndarray::arr2(&[[0.0], [2.0]]).into_tensor();
/// let b = ndarray::arr2(&[[1.0], [7.0]]).into_tensor();
/// // Means 1 and 4, standard deviations √2 and √18.
/// assert!((frechet_distance(&a, &b)? - (9.0 + 8.0)).abs() < 1e-9);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium"; Dowson & Landau 1982
#[doc(alias = "FID")]
#[doc(alias = "FrechetInceptionDistance")]
pub fn frechet_distance(a: &Tensor, b: &Tensor) -> Result<f64> {
    let ((mean_a, cov_a), (mean_b, cov_b)) = (moments("first", a)?, moments("second", b)?);
    if mean_a.len() != mean_b.len() {
        let (a, b) = (mean_a.len(), mean_b.len());
        return Err(Error::shape(format!(
            "frechet_distance: expected as many features in both sets, got {a} and {b}; compute both by the same network"
        )));
    }
    // The eigenvalues of A B are those of the symmetric A^½ B A^½.
    let (values, vectors) = eigen(cov_a.clone());
    let root = (&vectors * &values.mapv(|value| value.max(0.0).sqrt())).dot(&vectors.t());
    let (products, _) = eigen(root.dot(&cov_b).dot(&root));
    let overlap: f64 = products.iter().map(|value| value.max(0.0).sqrt()).sum();
    let distance = (&mean_a - &mean_b).mapv(|d| d * d).sum();
    Ok(distance + cov_a.diag().sum() + cov_b.diag().sum() - 2.0 * overlap)
}

/// The mean and the covariance of rows of features.
fn moments(which: &str, features: &Tensor) -> Result<(Array1<f64>, Array2<f64>)> {
    let shape = features.shape();
    let [count, size] = *shape else {
        return Err(Error::shape(format!(
            "frechet_distance: expected features [count, features], got {shape:?} as the {which} set; flatten or average them first"
        )));
    };
    if count < 2 || size == 0 {
        return Err(Error::shape(format!(
            "frechet_distance: expected at least two rows of at least one feature, got {shape:?} as the {which} set"
        )));
    }
    if let Some(wrong) = features.iter().find(|x| !x.is_finite()) {
        return Err(Error::value(format!(
            "frechet_distance: expected finite features, got {wrong} in the {which} set"
        )));
    }
    let mut rows = Array2::from_shape_fn((count, size), |place| f64::from(features[[place.0, place.1]]));
    let mean = rows.sum_axis(Axis(0)) / count as f64;
    rows -= &mean;
    let covariance = rows.t().dot(&rows) / (count - 1) as f64;
    Ok((mean, covariance))
}

/// The eigenvalues of a symmetric matrix and, in columns, its eigenvectors, by Jacobi's rotations.
fn eigen(mut matrix: Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let size = matrix.nrows();
    let mut vectors = Array2::eye(size);
    let small = 1e-16 * matrix.diag().mapv(f64::abs).sum();
    // Ten sweeps are enough for any matrix that is known.
    for _ in 0..50 {
        let mut is_diagonal = true;
        for p in 0..size {
            for q in p + 1..size {
                let beside = matrix[[p, q]];
                if beside.abs() <= small {
                    continue;
                }
                is_diagonal = false;
                let slope = (matrix[[q, q]] - matrix[[p, p]]) / (2.0 * beside);
                let tan = slope.signum() / (slope.abs() + slope.hypot(1.0));
                let cos = 1.0 / tan.hypot(1.0);
                rotate(matrix.view_mut(), p, q, cos, tan * cos);
                rotate(matrix.view_mut().reversed_axes(), p, q, cos, tan * cos);
                rotate(vectors.view_mut().reversed_axes(), p, q, cos, tan * cos);
            }
        }
        if is_diagonal {
            break;
        }
    }
    (matrix.diag().to_owned(), vectors)
}

/// Turns two rows into each other.
fn rotate(mut rows: ndarray::ArrayViewMut2<f64>, p: usize, q: usize, cos: f64, sin: f64) {
    for i in 0..rows.ncols() {
        let (a, b) = (rows[[p, i]], rows[[q, i]]);
        rows[[p, i]] = cos * a - sin * b;
        rows[[q, i]] = sin * a + cos * b;
    }
}
