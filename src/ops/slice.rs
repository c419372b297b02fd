//! Parts of an axis.

use std::ops::{Bound, Range, RangeBounds};

use super::{rearranged, resolve};
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::kernels::elementwise::add_assign;
use crate::tensor::{Tensor, data, tensor};

impl Var {
    /// Returns the part of an axis in this range. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0, 3.0]]));
    /// assert_eq!(x.slice(-1, 1..)?.value().as_slice().unwrap(), [2.0, 3.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis or a range out of range.
    pub fn slice(&self, axis: isize, range: impl RangeBounds<usize>) -> Result<Self> {
        let axis = resolve("slice", axis, self.value.shape())?;
        let len = self.value.shape()[axis];
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => len,
        };
        if start > end || end > len {
            return Err(Error::shape(format!(
                "slice: expected a range within 0..{len} for axis {axis} of shape {:?}, got {start}..{end}",
                self.value.shape()
            )));
        }
        Ok(self.tape().apply(Slice { axis, range: start..end, x: Vec::new() }, &[self]))
    }

    /// Returns what is at one place of an axis, which disappears. Negative axes count from the end.
    ///
    /// # Errors
    /// An axis or an index out of range.
    pub fn index_axis(&self, axis: isize, index: usize) -> Result<Self> {
        let axis = resolve("index_axis", axis, self.value.shape())?;
        if index >= self.value.shape()[axis] {
            return Err(Error::shape(format!(
                "index_axis: expected an index in 0..{} for axis {axis} of shape {:?}, got {index}",
                self.value.shape()[axis],
                self.value.shape()
            )));
        }
        self.slice(axis as isize, index..=index)?.remove_axis(axis as isize)
    }

    /// Returns parts of these lengths, one after the other along an axis. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0, 3.0]]));
    /// let parts = x.split(&[1, 2], -1)?;
    /// assert_eq!(parts[1].value().as_slice().unwrap(), [2.0, 3.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range; lengths that do not add up to that of the axis.
    pub fn split(&self, lengths: &[usize], axis: isize) -> Result<Vec<Self>> {
        let axis = resolve("split", axis, self.value.shape())?;
        if lengths.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len)) != Some(self.value.shape()[axis]) {
            return Err(Error::shape(format!(
                "split: expected lengths that add up to the {} places along axis {axis} of shape {:?}, got {lengths:?}",
                self.value.shape()[axis],
                self.value.shape()
            )));
        }
        let mut start = 0;
        let part = |len: &usize| {
            start += len;
            self.slice(axis as isize, start - len..start)
        };
        lengths.iter().map(part).collect()
    }
}

/// `y = x[.., range, ..]`
struct Slice {
    axis: usize,
    range: Range<usize>,
    x: Vec<usize>,
}

impl Slice {
    /// Lengths of the runs of memory that `x` and `y` have in each other's place, and where that of `y` starts.
    fn runs(&self) -> (usize, usize, usize) {
        let inner: usize = self.x[self.axis + 1..].iter().product();
        (self.x[self.axis] * inner, self.range.len() * inner, self.range.start * inner)
    }
}

impl Op for Slice {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.x = inputs[0].shape().into();
        let (from, to, start) = self.runs();
        let mut shape = self.x.clone();
        shape[self.axis] = self.range.len();
        let mut y = buffer(shape.iter().product());
        for (y, x) in y.chunks_mut(to.max(1)).zip(data(inputs[0]).chunks(from.max(1))) {
            y.copy_from_slice(&x[start..start + to]);
        }
        tensor(&shape, y)
    }

    /// `dx = dy` in the range, else 0
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let (from, to, start) = self.runs();
        dx.add_part(0, &self.x, |sum| {
            for (sum, dy) in sum.chunks_mut(from.max(1)).zip(data(dy).chunks(to.max(1))) {
                add_assign(&mut sum[start..start + to], dy);
            }
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        // Whoever cuts the batch may mean certain examples, even if the range is all of this batch.
        rearranged(inputs, self.axis != 0)
    }

    fn keeps_steps(&self) -> bool {
        self.axis > 1
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let [start, end, axis] = [self.range.start, self.range.end, self.axis].map(|number| form.ints([&number]));
        Some(form.node("Slice", &["in0", &start, &end, &axis], &[]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn parts_of_each_axis() {
        let tape = Tape::inference();
        let array = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 12 + j * 4 + k) as Float);
        let x = tape.input(&array);
        for axis in 0..3 {
            let want = array.slice_axis(ndarray::Axis(axis), (1..2).into()).into_dyn().to_owned();
            assert_eq!(*x.slice(axis as isize, 1..2).unwrap().value(), want);
            let want = array.index_axis(ndarray::Axis(axis), 1).into_dyn().to_owned();
            assert_eq!(*x.index_axis(axis as isize - 3, 1).unwrap().value(), want);
        }
        assert_eq!(x.slice(1, 2..2).unwrap().shape(), [2, 0, 4]);
        assert_eq!(x.slice(1, ..=1).unwrap().shape(), [2, 2, 4]);
    }

    #[test]
    fn errors_name_the_range() {
        let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0, 3.0]]));
        let error = x.slice(1, 2..5).unwrap_err().to_string();
        assert_eq!(error, "slice: expected a range within 0..3 for axis 1 of shape [1, 3], got 2..5");
        let error = x.index_axis(-1, 3).unwrap_err().to_string();
        assert_eq!(error, "index_axis: expected an index in 0..3 for axis 1 of shape [1, 3], got 3");
    }
}
