//! A place of its own for each number: gathering along an axis and scattering back.

use super::resolve;
use super::take::places;
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

impl Var {
    /// Returns, for each place of `indices`, the number that is at that index of an axis:
    /// `y[i, j] = x[i, indices[i, j]]` along the last of two. The indices are whole, negative ones count from the end, and
    /// they have no gradient.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = tape.input(ndarray::arr2(&[[0.1, 0.7, 0.2], [0.5, 0.4, 0.1]]));
    /// let labels = tape.input(ndarray::arr2(&[[1], [0]]));
    /// assert_eq!(x.take_along_axis(&labels, -1)?.value().as_slice().unwrap(), [0.7, 0.5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range; shapes that differ elsewhere; an index that is not whole or out of range.
    #[doc(alias = "gather")]
    pub fn take_along_axis(&self, indices: &Self, axis: isize) -> Result<Self> {
        let (axis, targets) = self.targets("take_along_axis", indices, axis)?;
        let op = TakeAlong { axis, targets, shape: indices.value.shape().into(), x: Vec::new() };
        Ok(self.tape().apply(op, &[self, &indices.detach()]))
    }

    /// With the numbers of `updates` at the places that `indices` name along an axis: `x[i, indices[i, j]] =
    /// updates[i, j]` along the last of two. Of several for one place the last one stays, and has the gradient.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = tape.input(ndarray::arr1(&[1.0, 2.0, 3.0]));
    /// let (places, numbers) = (tape.input(ndarray::arr1(&[2, 0])), tape.input(ndarray::arr1(&[30.0, 10.0])));
    /// assert_eq!(x.scatter(&places, &numbers, 0)?.value().as_slice().unwrap(), [10.0, 2.0, 30.0]);
    /// assert_eq!(x.scatter_add(&places, &numbers, 0)?.value().as_slice().unwrap(), [11.0, 2.0, 33.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range; shapes that differ elsewhere; updates of another shape than the indices; an index that is
    /// not whole or out of range.
    pub fn scatter(&self, indices: &Self, updates: &Self, axis: isize) -> Result<Self> {
        self.scattered("scatter", indices, updates, axis, Rule::Set)
    }

    /// [`Var::scatter`] that adds the updates to what is there.
    ///
    /// # Errors
    /// Those of [`Var::scatter`].
    pub fn scatter_add(&self, indices: &Self, updates: &Self, axis: isize) -> Result<Self> {
        self.scattered("scatter_add", indices, updates, axis, Rule::Add)
    }

    /// [`Var::scatter`] that keeps the greater number; the first of equal ones has the gradient.
    ///
    /// # Errors
    /// Those of [`Var::scatter`].
    pub fn scatter_max(&self, indices: &Self, updates: &Self, axis: isize) -> Result<Self> {
        self.scattered("scatter_max", indices, updates, axis, Rule::Max)
    }

    /// [`Var::scatter`] that keeps the lesser number; the first of equal ones has the gradient.
    ///
    /// # Errors
    /// Those of [`Var::scatter`].
    pub fn scatter_min(&self, indices: &Self, updates: &Self, axis: isize) -> Result<Self> {
        self.scattered("scatter_min", indices, updates, axis, Rule::Min)
    }

    fn scattered(&self, who: &str, indices: &Self, updates: &Self, axis: isize, rule: Rule) -> Result<Self> {
        if indices.value.shape() != updates.value.shape() {
            return Err(Error::shape(format!(
                "{who}: expected an index for each of the updates {:?}, got {:?}",
                updates.value.shape(),
                indices.value.shape()
            )));
        }
        let (axis, targets) = self.targets(who, indices, axis)?;
        let op = Scatter { axis, rule, targets, takers: Vec::new(), updates: updates.value.shape().into() };
        Ok(self.tape().apply(op, &[self, &indices.detach(), updates]))
    }

    /// The axis, and for each of the indices the place in this whole variable that it stands for.
    fn targets(&self, who: &str, indices: &Self, axis: isize) -> Result<(usize, Vec<usize>)> {
        let axis = resolve(who, axis, self.value.shape())?;
        let (x, shape) = (self.value.shape(), indices.value.shape());
        if shape.len() != x.len() || shape[..axis] != x[..axis] || shape[axis + 1..] != x[axis + 1..] {
            return Err(Error::shape(format!(
                "{who}: expected indices whose shape differs from {x:?} along axis {axis} only, got {shape:?}"
            )));
        }
        let mut targets = places(who, indices, axis, x)?;
        let inner: usize = x[axis + 1..].iter().product();
        for (i, target) in targets.iter_mut().enumerate() {
            let block = i / (inner * shape[axis]);
            *target = (block * x[axis] + *target) * inner + i % inner;
        }
        Ok((axis, targets))
    }
}

/// Of an operation that works within each example, if all its inputs are batches of them.
fn within_rows(inputs: &[Dependence], axis: usize) -> Dependence {
    match inputs.iter().all(|input| *input == Dependence::PerExample) && axis != 0 {
        true => Dependence::PerExample,
        false => Dependence::across_batch(inputs),
    }
}

/// `y = x[targets]`
struct TakeAlong {
    axis: usize,
    targets: Vec<usize>,
    shape: Vec<usize>,
    x: Vec<usize>,
}

impl Op for TakeAlong {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.x = inputs[0].shape().into();
        let x = data(inputs[0]);
        let mut y = buffer(self.targets.len());
        y.iter_mut().zip(&self.targets).for_each(|(y, target)| *y = x[*target]);
        tensor(&self.shape, y)
    }

    /// `dx[targets] += dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let mut out = zeros(self.x.iter().product());
            data(dy).iter().zip(&self.targets).for_each(|(dy, target)| out[*target] += dy);
            tensor(&self.x, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        within_rows(inputs, self.axis)
    }
}

/// What becomes of two numbers for one place.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Set,
    Add,
    Max,
    Min,
}

/// `y = x`, then `y[targets] = updates`, or another rule
struct Scatter {
    axis: usize,
    rule: Rule,
    targets: Vec<usize>,
    /// For each place of `y` which update it is from; `usize::MAX` where it is from `x`. Empty for sums.
    takers: Vec<usize>,
    updates: Vec<usize>,
}

impl Op for Scatter {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let mut y = buffer(inputs[0].len());
        y.copy_from_slice(data(inputs[0]));
        if self.rule != Rule::Add {
            self.takers = vec![usize::MAX; y.len()];
        }
        for (i, (target, update)) in self.targets.iter().zip(data(inputs[2])).enumerate() {
            let old: Float = y[*target];
            let replaces = match self.rule {
                Rule::Set => true,
                Rule::Max => !old.is_nan() && (*update > old || update.is_nan()),
                Rule::Min => !old.is_nan() && (*update < old || update.is_nan()),
                Rule::Add => {
                    y[*target] += update;
                    false
                }
            };
            if replaces {
                (y[*target], self.takers[*target]) = (*update, i);
            }
        }
        tensor(inputs[0].shape(), y)
    }

    /// `dy` to whatever came to be at each place; to all of them for sums
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let sums = self.rule == Rule::Add;
        let grad = data(dy);
        dx.add(0, || {
            let mut out = buffer(dy.len());
            out.copy_from_slice(grad);
            let replaced = out.iter_mut().zip(&self.takers).filter(|(_, taker)| **taker != usize::MAX);
            replaced.for_each(|(out, _)| *out = 0.0);
            tensor(dy.shape(), out)
        });
        dx.add(2, || {
            let mut out = buffer(self.targets.len());
            for (i, (out, target)) in out.iter_mut().zip(&self.targets).enumerate() {
                *out = if sums || self.takers[*target] == i { grad[*target] } else { 0.0 };
            }
            tensor(&self.updates, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        within_rows(inputs, self.axis)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::autograd::Tape;

    #[test]
    fn gradients_go_where_the_numbers_came_from() {
        let tape = Tape::training();
        let x = tape.variable(arr1(&[1.0, 5.0, 3.0]));
        let u = tape.variable(arr1(&[4.0, 2.0, 9.0]));
        let places = tape.constant(arr1(&[0, -2, 0]));
        for (y, value, dx, du) in [
            (x.scatter(&places, &u, 0), [9.0, 2.0, 3.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0]),
            (x.scatter_add(&places, &u, 0), [14.0, 7.0, 3.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
            (x.scatter_max(&places, &u, 0), [9.0, 5.0, 3.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]),
            (x.scatter_min(&places, &u, 0), [1.0, 2.0, 3.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]),
        ] {
            let y = y.unwrap();
            assert_eq!(y.value().as_slice().unwrap(), value);
            let grads = y.sum().backward().unwrap();
            assert_eq!(grads.of(&x).unwrap().as_slice().unwrap(), dx);
            assert_eq!(grads.of(&u).unwrap().as_slice().unwrap(), du);
        }
    }

    #[test]
    fn takes_along_each_axis() {
        let tape = Tape::inference();
        let x = tape.input(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        let rows = tape.constant(arr2(&[[0, 1, 0]]));
        assert_eq!(x.take_along_axis(&rows, 0).unwrap().value().as_slice().unwrap(), [1.0, 5.0, 3.0]);
        let columns = tape.constant(arr2(&[[2, -3], [1, 1]]));
        assert_eq!(x.take_along_axis(&columns, 1).unwrap().value().as_slice().unwrap(), [3.0, 1.0, 5.0, 5.0]);
    }
}
