//! Orthogonal matrices.

use super::{Initializer, RandomNormal};
use crate::config::{config, described};
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
        // Gram-Schmidt in f64, twice, which is enough for any condition that occurs in random matrices.
        let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
        for vector in data(&normal).chunks(len.max(1)) {
            let mut vector: Vec<f64> = vector.iter().map(|x| f64::from(*x)).collect();
            for _ in 0..2 {
                for known in &basis {
                    let along: f64 = known.iter().zip(&vector).map(|(a, b)| a * b).sum();
                    vector.iter_mut().zip(known).for_each(|(x, a)| *x -= along * a);
                }
            }
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            vector.iter_mut().for_each(|x| *x /= norm);
            basis.push(vector);
        }
        let number = |i: usize| {
            let (row, column) = (i / columns, i % columns);
            let value = if rows < columns { basis[row][column] } else { basis[column][row] };
            self.gain * value as Float
        };
        tensor(shape, (0..rows * columns).map(number).collect())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn shorter_side_is_orthonormal() {
        for (rows, columns) in [(5, 3), (3, 5), (4, 4)] {
            let matrix = Orthogonal { gain: 2.0 }.sample(&[rows, columns], &mut Rng::seed_from_u64(3));
            let matrix = matrix.into_shape_with_order((rows, columns)).unwrap();
            let product = if rows < columns { matrix.dot(&matrix.t()) } else { matrix.t().dot(&matrix) };
            for ((i, j), value) in product.indexed_iter() {
                approx::assert_abs_diff_eq!(*value, if i == j { 4.0 } else { 0.0 }, epsilon = 1e-5);
            }
        }
    }
}
