//! Places as vectors of zeros and a one.

use super::take::{checked_size, places};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::error::Result;
use crate::tensor::{Tensor, one_hot};

impl Var {
    /// 1 at the place that each number names, else 0, along a new last axis of `classes` places; negative numbers count
    /// from the end. It has no gradient.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let labels = Tape::inference().input(ndarray::arr1(&[2, 0]));
    /// assert_eq!(labels.one_hot(3)?.value().as_slice().unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// A number that is not whole or out of range.
    pub fn one_hot(&self, classes: usize) -> Result<Self> {
        checked_size("one_hot", &[self.value.len(), classes])?;
        let ones = places("one_hot", self, 0, &[classes])?;
        Ok(self.tape().apply(OneHot { classes, ones }, &[&self.detach()]))
    }
}

/// `y[i, ones[i]] = 1`, else 0
struct OneHot {
    classes: usize,
    ones: Vec<usize>,
}

impl Op for OneHot {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        one_hot(inputs[0].shape(), self.classes, self.ones.iter().copied())
    }

    /// none: the input is detached
    fn backward(&self, _: &Tensor, _: &mut InputGrads<'_>) {}

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}
