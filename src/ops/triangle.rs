//! Triangles of matrices.

use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::tensor::{Float, tensor};

impl Var {
    /// Returns the lower triangle of the matrices in the last two axes, 0 above it: what is on the main diagonal (0),
    /// on one above it (positive) or below it (negative), and all below.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(x.tril(0)?.value().as_slice().unwrap(), [1.0, 0.0, 3.0, 4.0]);
    /// assert_eq!(x.triu(1)?.value().as_slice().unwrap(), [0.0, 2.0, 0.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than two axes.
    pub fn tril(&self, diagonal: isize) -> Result<Self> {
        self.triangle("tril", &|row, column| column <= row.saturating_add(diagonal))
    }

    /// Returns the upper triangle of the matrices in the last two axes, 0 below it: what is on the main diagonal (0),
    /// on one above it (positive) or below it (negative), and all above.
    ///
    /// # Errors
    /// Fewer than two axes.
    pub fn triu(&self, diagonal: isize) -> Result<Self> {
        self.triangle("triu", &|row, column| column >= row.saturating_add(diagonal))
    }

    fn triangle(&self, who: &str, keeps: &dyn Fn(isize, isize) -> bool) -> Result<Self> {
        let [.., rows, columns] = *self.value.shape() else {
            return Err(Error::shape(format!("{who}: expected at least two axes, got shape {:?}", self.value.shape())));
        };
        let mut mask = Vec::with_capacity(rows * columns);
        for row in 0..rows as isize {
            for column in 0..columns as isize {
                mask.push(Float::from(u8::from(keeps(row, column))));
            }
        }
        self.tape().constant(tensor(&[rows, columns], mask)).select(self, &self.tape().constant(0.0))
    }
}
