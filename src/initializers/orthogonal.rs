//! Orthogonal matrices.

use super::{Initializer, RandomNormal};
use crate::config::{config, described};
use crate::kernels::parallel;
use crate::random::Rng;
use crate::tensor::{Float, Tensor, data, tensor};

described! {
    /// A random orthogonal matrix times `gain`: the parameter's last axis counts its columns, the others together its
    /// rows; the shorter of the two sides is orthonormal. Saxe et al. 2014, as in Keras.
    ///
    /// ```
    /// use gradus::initializers::Orthogonal;
    /// use gradus::prelude::*;
    /// let layer = Dense::new(3).kernel_initializer(Orthogonal::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Orthogonal {
        /// The factor.
        gain: [Float] = 1.0,
    }
}

impl Initializer for Orthogonal {
    config!();

    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        let columns = shape.last().copied().unwrap_or(1).max(1);
        let rows = shape.iter().product::<usize>() / columns;
        let (count, len) = (rows.min(columns), rows.max(columns));
        let normal = RandomNormal { mean: 0.0, stddev: 1.0 }.sample(&[count, len], rng);
        let vectors = data(&normal).chunks(len.max(1)).map(|vector| vector.iter().map(|x| f64::from(*x)).collect());
        let basis = orthonormal(vectors.collect());
        let number = |i: usize| {
            let (row, column) = (i / columns, i % columns);
            let value = if rows < columns { basis[row][column] } else { basis[column][row] };
            self.gain * value as Float
        };
        tensor(shape, (0..rows * columns).map(number).collect())
    }
}

/// Vectors that are made orthogonal to those before them together, and how many of them by one thread: a vector of the basis is read
/// from memory once for all of these.
const BLOCK: usize = 32;
const TOGETHER: usize = 8;

/// Makes rows orthonormal: Gram-Schmidt, twice, which is enough for any condition that occurs in random matrices.
fn orthonormal(mut rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for start in (0..rows.len()).step_by(BLOCK) {
        let (basis, rest) = rows.split_at_mut(start);
        let len = BLOCK.min(rest.len());
        let block = &mut rest[..len];
        parallel::for_each(&mut block.chunks_mut(TOGETHER).collect::<Vec<_>>(), |vectors| {
            for known in basis.iter().chain(basis.iter()) {
                for vector in vectors.iter_mut() {
                    remove(known, vector);
                }
            }
        });
        for i in 0..block.len() {
            let (known, rest) = block.split_at_mut(i);
            for known in known.iter().chain(known.iter()) {
                remove(known, &mut rest[0]);
            }
            let norm = dot(&rest[0], &rest[0]).sqrt();
            rest[0].iter_mut().for_each(|x| *x /= norm);
        }
    }
    rows
}

/// Takes what is along a vector of length 1 out of another one.
fn remove(known: &[f64], vector: &mut [f64]) {
    let along = dot(known, vector);
    vector.iter_mut().zip(known).for_each(|(x, a)| *x -= along * a);
}

/// The product of two vectors, in lanes.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let ((x_lanes, x_rest), (y_lanes, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (x, y) in x_lanes.iter().zip(y_lanes) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn shorter_side_is_orthonormal() {
        for (rows, columns) in [(5, 3), (3, 5), (4, 4), (70, 90), (90, 70), (70, 70)] {
            let matrix = Orthogonal { gain: 2.0 }.sample(&[rows, columns], &mut Rng::seed_from_u64(3));
            let matrix = matrix.into_shape_with_order((rows, columns)).unwrap();
            let product = if rows < columns { matrix.dot(&matrix.t()) } else { matrix.t().dot(&matrix) };
            for ((i, j), value) in product.indexed_iter() {
                approx::assert_abs_diff_eq!(*value, if i == j { 4.0 } else { 0.0 }, epsilon = 1e-5);
            }
        }
    }
}
