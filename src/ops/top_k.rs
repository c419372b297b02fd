//! The greatest numbers along an axis, and where they are. Places are whole numbers without a gradient.

use super::{lines, resolve};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

impl Var {
    /// Returns the index of the greatest number along an axis, which disappears: the first of equal ones; NaN wins.
    /// Negative axes count from the end. It has no gradient.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[0.1, 0.7, 0.2], [0.5, 0.4, 0.1]]));
    /// assert_eq!(x.argmax(-1)?.value().as_slice().unwrap(), [1.0, 0.0]);
    /// assert_eq!(x.argmin(-1)?.value().as_slice().unwrap(), [0.0, 2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range, or without a place.
    pub fn argmax(&self, axis: isize) -> Result<Self> {
        let axis = resolve("argmax", axis, self.value.shape())?;
        self.ranked("argmax", 1, axis)?.remove_axis(axis as isize)
    }

    /// Returns the index of the least number along an axis, which disappears: the first of equal ones; NaN wins.
    /// Negative axes count from the end. It has no gradient.
    ///
    /// # Errors
    /// An axis out of range, or without a place.
    pub fn argmin(&self, axis: isize) -> Result<Self> {
        let axis = resolve("argmin", axis, self.value.shape())?;
        (-&self.detach()).ranked("argmin", 1, axis)?.remove_axis(axis as isize)
    }

    /// Returns the `k` greatest numbers along an axis, in descending order, and their indices: of equal ones the first
    /// comes first; NaN wins. Negative axes count from the end. The indices have no gradient.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[0.1, 0.7, 0.2], [0.5, 0.4, 0.1]]));
    /// let (values, indices) = x.top_k(2, -1)?;
    /// assert_eq!(values.value().as_slice().unwrap(), [0.7, 0.2, 0.5, 0.4]);
    /// assert_eq!(indices.value().as_slice().unwrap(), [1.0, 2.0, 0.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range, or with fewer than `k` places.
    pub fn top_k(&self, k: usize, axis: isize) -> Result<(Self, Self)> {
        let axis = resolve("top_k", axis, self.value.shape())?;
        let indices = self.ranked("top_k", k, axis)?;
        Ok((self.take_along_axis(&indices, axis as isize)?, indices))
    }

    /// The indices of the `k` greatest numbers along an axis.
    fn ranked(&self, who: &str, k: usize, axis: usize) -> Result<Self> {
        if self.value.shape()[axis] < k {
            return Err(Error::shape(format!(
                "{who}: expected at least {k} places along axis {axis}, got shape {:?}",
                self.value.shape()
            )));
        }
        Ok(self.tape().apply(Ranking { k, axis }, &[&self.detach()]))
    }
}

/// `y` = the indices of the `k` greatest numbers
struct Ranking {
    k: usize,
    axis: usize,
}

impl Op for Ranking {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (starts, step, len) = lines(inputs[0].shape(), self.axis);
        let x = data(inputs[0]);
        let mut shape = inputs[0].shape().to_vec();
        shape[self.axis] = self.k;
        let mut y = buffer(shape.iter().product());
        let mut ranks: Vec<usize> = Vec::new();
        for (line, start) in starts.enumerate() {
            let value = |i: &usize| x[start + i * step];
            // NaN before everything, then the greater one, then the first one.
            let order = |a: &usize, b: &usize| {
                let (a, b) = (value(a), value(b));
                b.is_nan().cmp(&a.is_nan()).then_with(|| b.partial_cmp(&a).unwrap_or(std::cmp::Ordering::Equal))
            };
            ranks.clear();
            match self.k {
                1 => ranks.extend((0..len).min_by(order)),
                _ => {
                    ranks.extend(0..len);
                    ranks.sort_by(order);
                }
            }
            let first = line / step * self.k * step + line % step;
            ranks.iter().take(self.k).enumerate().for_each(|(i, rank)| y[first + i * step] = *rank as Float);
        }
        tensor(&shape, y)
    }

    /// none: the input is detached
    fn backward(&self, _: &Tensor, _: &mut InputGrads<'_>) {}

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.axis == 0 { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn the_first_of_equal_ones_and_nan_before_all() {
        let tape = Tape::inference();
        let x = tape.input(arr2(&[[2.0, 3.0, 3.0, 1.0], [1.0, Float::NAN, 5.0, 1.0]]));
        assert_eq!(x.argmax(1).unwrap().value().as_slice().unwrap(), [1.0, 1.0]);
        assert_eq!(x.argmin(1).unwrap().value().as_slice().unwrap(), [3.0, 1.0]);
        let (_, indices) = x.top_k(4, 1).unwrap();
        assert_eq!(indices.value().as_slice().unwrap(), [1.0, 2.0, 0.0, 3.0, 1.0, 2.0, 0.0, 3.0]);
        let (values, indices) = x.top_k(1, 0).unwrap();
        assert_eq!(indices.value().as_slice().unwrap(), [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(values.value()[[0, 2]], 5.0);
        assert_eq!(x.top_k(0, 1).unwrap().0.shape(), [2, 0]);
    }

    #[test]
    fn values_have_gradients_and_places_none() {
        let tape = Tape::training();
        let x = tape.variable(arr1(&[1.0, 3.0, 2.0]));
        let (values, indices) = x.top_k(2, 0).unwrap();
        let grads = (&values * &indices).sum().backward().unwrap();
        assert_eq!(grads.of(&x).unwrap().as_slice().unwrap(), [0.0, 1.0, 2.0]);
        assert!(indices.sum().backward().unwrap().of(&x).is_none());
    }
}
