//! A penalty on columns that are not at right angles.

use ndarray::Array2;

use super::{L1, Regularizer};
use crate::autograd::Var;
use crate::config::{config, described_as};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// `factor · mean over pairs of columns of |cosine of their angle|`: keeps the features of a kernel apart.
///
/// # Shapes
/// a kernel of at least two axes; all but the last count as rows
/// # Errors
/// fewer than two axes or columns; a factor that is negative or not finite
/// # Example
/// ```
/// use gradus::regularizers::{OrthogonalColumns, Regularizer};
/// use gradus::prelude::*;
/// let kernel = Tape::inference().input(ndarray::arr2(&[[1.0, 0.0], [0.0, 2.0]]));
/// assert_eq!(OrthogonalColumns(0.1).penalty(&kernel)?.item(), 0.0);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `OrthogonalRegularizer(factor, mode="columns")`, whose default factor is 0.01
#[doc(alias = "OrthogonalRegularizer")]
#[derive(Clone, Copy, Debug)]
pub struct OrthogonalColumns(pub Float);

described_as!(OrthogonalColumns("factor"), new(factor: Float));

impl Regularizer for OrthogonalColumns {
    config!();

    fn penalty(&self, x: &Var) -> Result<Var> {
        let [.., columns] = *x.value.shape() else {
            return Err(Error::shape("OrthogonalColumns: expected a kernel of at least two axes, got a scalar"));
        };
        if x.value.shape().len() < 2 || columns < 2 {
            return Err(Error::shape(format!(
                "OrthogonalColumns: expected a kernel of at least two axes and two columns, got {:?}",
                x.value.shape()
            )));
        }
        let rows = x.reshape(&[x.value.len() / columns, columns])?;
        let lengths = rows.square().sum_axes_keep(&[0])?.clip(1e-12, Float::MAX).sqrt();
        let unit = &rows / &lengths;
        let cosines = unit.transpose()?.matmul(&unit)?;
        let others = Array2::from_shape_fn((columns, columns), |(i, j)| Float::from(u8::from(i != j)));
        // Each pair is there twice.
        L1(self.0 / (columns * (columns - 1)) as Float).penalty(&(cosines * x.tape().constant(others)))
    }
}
