//! Axes in another order, and vectors repeated.

use super::Layer;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};

described! {
    /// Puts the axes after the batch's into another order: axis `i` of the output, counted from 1, is axis `axes[i - 1]` of
    /// the input. The batch stays axis 0.
    ///
    /// # Shapes
    /// input `[batch, ...]`, output the same lengths in another order
    /// # Errors
    /// axes that are not each of 1, 2, .. once
    /// # Example
    /// ```
    /// use gradus::layers::Permute;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::zeros((2, 5, 7, 3)));
    /// assert_eq!(Permute::new([3, 1, 2]).forward(&x)?.shape(), [2, 3, 5, 7]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Permute`
    #[derive(Clone)]
    pub struct Permute(
        /// The order of the axes after the batch's, which is axis 0.
        dims: [into Vec<usize>],
    ) {}
}

impl Layer for Permute {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..x.value.shape().len()) {
            return Err(Error::shape(format!(
                "expected each axis of input {:?} but the batch's once (1..{}), got {:?}",
                x.value.shape(),
                x.value.shape().len(),
                self.dims
            )));
        }
        x.permute(&[&[0], &self.dims[..]].concat())
    }
}

described! {
    /// Repeats each example's vector `times` over time.
    ///
    /// # Shapes
    /// input `[batch, features]`, output `[batch, times, features]`
    /// # Errors
    /// an input of other than two axes; 0 times
    /// # Example
    /// ```
    /// use gradus::layers::RepeatVector;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array2::<f32>::zeros((2, 5)));
    /// assert_eq!(RepeatVector::new(4).forward(&x)?.shape(), [2, 4, 5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `RepeatVector`
    #[derive(Clone, Copy)]
    pub struct RepeatVector(
        /// How often.
        n: [usize],
    ) {}
}

impl Layer for RepeatVector {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let [batch, features] = *x.value.shape() else {
            return Err(Error::shape(format!("expected an input [batch, features], got {:?}", x.value.shape())));
        };
        super::window::at_least_1("number of times", &[self.n])?;
        super::window::fewer_than(36, "numbers in the output", &[batch, self.n, features])?;
        x.insert_axis(1)?.broadcast_to(&[batch, self.n, features])
    }
}
