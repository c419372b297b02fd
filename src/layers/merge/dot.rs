//! The dot product of two inputs.

use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::layers::Layer;

described! {
    /// The dot product of two inputs along an axis of each, for each example.
    ///
    /// # Shapes
    /// inputs `[batch, ...]` of at least two axes that are equally long along the two; output `[batch, rest of the first...,
    /// rest of the second...]`, and `[batch, 1]` if nothing rests
    /// # Defaults
    /// products as they are, not normalised
    /// # Errors
    /// an axis out of range, or that of the batch; lengths that differ
    /// # Example
    /// ```
    /// use gradus::layers::Dot;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = (tape.input(ndarray::arr2(&[[3.0, 4.0]])), tape.input(ndarray::arr2(&[[4.0, 3.0]])));
    /// assert_eq!(Dot::new([1, 1]).forward(&x)?.item(), 24.0);
    /// assert!((Dot::new([1, 1]).normalize(true).forward(&x)?.item() - 0.96).abs() < 1e-6); // the cosine
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Dot`
    #[derive(Clone, Copy)]
    pub struct Dot(
        /// The axes of the first and the second input, counting the batch; negative ones count from the end.
        axes: [[isize; 2]],
    ) {
        /// Whether the inputs are divided by their lengths, which gives cosines.
        normalize: [bool] = false,
    }
}

impl Layer<(Var, Var)> for Dot {
    config!();

    fn forward(&self, (a, b): &(Var, Var)) -> Result<Var> {
        let [i, j] = [axis(self.axes[0], a)?, axis(self.axes[1], b)?];
        let (batch, terms) = (a.value.shape()[0], a.value.shape()[i]);
        if b.value.shape()[0] != batch || b.value.shape()[j] != terms {
            return Err(Error::shape(format!(
                "expected inputs of one batch that are equally long along axes {i} and {j}, got {:?} and {:?}",
                a.value.shape(),
                b.value.shape()
            )));
        }
        let rest = |x: &Var, axis: usize| -> Vec<usize> {
            (1..x.value.shape().len()).filter(|other| *other != axis).collect()
        };
        let lengths =
            |x: &Var, axes: &[usize]| -> Vec<usize> { axes.iter().map(|axis| x.value.shape()[*axis]).collect() };
        let (rest_a, rest_b) = (rest(a, i), rest(b, j));
        let (shape_a, shape_b) = (lengths(a, &rest_a), lengths(b, &rest_b));
        let a = self.scaled(a, i)?.permute(&[&[0], &rest_a[..], &[i]].concat())?;
        let b = self.scaled(b, j)?.permute(&[&[0, j], &rest_b[..]].concat())?;
        let rows = |shape: &[usize]| shape.iter().product::<usize>();
        let a = a.reshape(&[batch, rows(&shape_a), terms])?;
        let b = b.reshape(&[batch, terms, rows(&shape_b)])?;
        let mut shape = [&[batch], &shape_a[..], &shape_b[..]].concat();
        if shape.len() == 1 {
            shape.push(1);
        }
        Ok(a.matmul(&b)?.reshape(&shape)?.without_mask())
    }
}

impl Dot {
    fn scaled(&self, x: &Var, axis: usize) -> Result<Var> {
        if !self.normalize {
            return Ok(x.clone());
        }
        let squares = x.square().sum_axes_keep(&[axis as isize])?;
        Ok(x / squares.clip(1e-12, crate::tensor::Float::MAX).sqrt())
    }
}

fn axis(axis: isize, x: &Var) -> Result<usize> {
    let rank = x.value.shape().len() as isize;
    let found = if axis < 0 { axis + rank } else { axis };
    if (1..rank).contains(&found) {
        return Ok(found as usize);
    }
    Err(Error::shape(format!(
        "expected an axis in 1..{rank} after that of the batch, got axis {axis} of {:?}",
        x.value.shape()
    )))
}
