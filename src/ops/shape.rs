//! Other shapes over the same numbers.

use super::folding::{expand, sum_to};
use super::{broadcast, rearranged, resolve};
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::kernels::permute::permute;
use crate::tensor::{Tensor, data, reshaped, tensor};

impl Var {
    /// The same numbers, in row-major order, in another shape.
    ///
    /// # Errors
    /// A shape with another number of elements.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        let len = self.value.len();
        match shape.iter().try_fold(1_usize, |want, len| want.checked_mul(*len)) {
            Some(want) if want == len => {}
            want => {
                return Err(Error::shape(format!(
                    "reshape: expected a shape with the {len} elements of {:?}, got {shape:?}{}",
                    self.value.shape(),
                    want.map_or(String::new(), |want| format!(" with {want}"))
                )));
            }
        }
        Ok(self.reshape_to(shape.into(), self.value.shape().first() == shape.first()))
    }

    /// The numbers of each example in another shape: `[batch, ...]` becomes `[batch, shape...]`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array2::<Float>::zeros((32, 12)));
    /// assert_eq!(x.reshape_examples(&[3, 4])?.shape(), [32, 3, 4]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// A shape with another number of elements; a scalar, which has no examples.
    pub fn reshape_examples(&self, shape: &[usize]) -> Result<Self> {
        let own = self.value.shape();
        let wanted = shape.iter().try_fold(1_usize, |wanted, len| wanted.checked_mul(*len));
        if own.is_empty() || Some(own[1..].iter().product()) != wanted {
            return Err(Error::shape(format!(
                "reshape_examples: expected a shape with the elements of one example of {own:?}, got {shape:?}"
            )));
        }
        Ok(self.regroup([&own[..1], shape].concat()))
    }

    /// [`Var::reshape`] into a shape whose axis 0 counts parts of examples instead of examples, or back: what treats
    /// each row on its own in between still treats each example on its own.
    pub(crate) fn regroup(&self, shape: Vec<usize>) -> Self {
        self.reshape_to(shape, true)
    }

    /// A new axis of length 1 before `axis`; -1 puts it last.
    ///
    /// # Errors
    /// An axis out of range.
    #[doc(alias = "unsqueeze")]
    #[doc(alias = "expand_dims")]
    pub fn insert_axis(&self, axis: isize) -> Result<Self> {
        let mut shape = self.value.shape().to_vec();
        shape.push(1);
        let axis = resolve("insert_axis: counting the new axis", axis, &shape)?;
        shape.pop();
        shape.insert(axis, 1);
        Ok(self.reshape_to(shape, axis != 0))
    }

    /// Takes away an axis of length 1.
    ///
    /// # Errors
    /// An axis out of range; one of another length.
    #[doc(alias = "squeeze")]
    pub fn remove_axis(&self, axis: isize) -> Result<Self> {
        let axis = resolve("remove_axis", axis, self.value.shape())?;
        let mut shape = self.value.shape().to_vec();
        if shape.remove(axis) != 1 {
            return Err(Error::shape(format!(
                "remove_axis: expected axis {axis} to have length 1, got shape {:?}; `index_axis` takes one of several, \
                 `mean_axes` reduces them",
                self.value.shape()
            )));
        }
        Ok(self.reshape_to(shape, axis != 0))
    }

    fn reshape_to(&self, to: Vec<usize>, keeps_rows: bool) -> Self {
        self.tape().apply(Reshape { from: Vec::new(), to, keeps_rows }, &[self]).constant_as(self)
    }

    /// The axes in another order: axis `i` of the result is axis `axes[i]` of this.
    ///
    /// # Errors
    /// Axes that are not each of them once.
    pub fn permute(&self, axes: &[usize]) -> Result<Self> {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..self.value.shape().len()) {
            return Err(Error::shape(format!(
                "permute: expected each axis of shape {:?} once (0..{}), got {axes:?}",
                self.value.shape(),
                self.value.shape().len()
            )));
        }
        Ok(self.tape().apply(Permute { axes: axes.into() }, &[self]))
    }

    /// Swaps the last two axes.
    ///
    /// # Errors
    /// Fewer than two axes.
    pub fn transpose(&self) -> Result<Self> {
        let rank = self.value.shape().len();
        if rank < 2 {
            return Err(Error::shape(format!(
                "transpose: expected at least two axes, got shape {:?}; `insert_axis` adds one",
                self.value.shape()
            )));
        }
        let mut axes: Vec<usize> = (0..rank).collect();
        axes.swap(rank - 2, rank - 1);
        self.permute(&axes)
    }

    /// Repeated along axes of length 1 and new leading ones, as arithmetic does by itself.
    ///
    /// # Errors
    /// A shape that this does not broadcast to.
    #[doc(alias = "expand")]
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self> {
        if broadcast::common(self.value.shape(), shape).as_deref() != Some(shape) {
            return Err(Error::shape(format!(
                "broadcast_to: expected a shape that {:?} broadcasts to (aligned at the last axis, lengths equal or 1 \
                 in the former), got {shape:?}",
                self.value.shape()
            )));
        }
        Ok(self.tape().apply(Broadcast { from: Vec::new(), to: shape.into() }, &[self]))
    }
}

/// `y = x` in another shape
struct Reshape {
    from: Vec<usize>,
    to: Vec<usize>,
    keeps_rows: bool,
}

impl Op for Reshape {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.from = inputs[0].shape().into();
        reshaped(inputs[0], &self.to)
    }

    /// `dx = dy` in the old shape
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || reshaped(dy, &self.from));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        rearranged(inputs, self.keeps_rows)
    }

    fn keeps_steps(&self) -> bool {
        self.from.get(..2) == self.to.get(..2)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        Some(form.reshape("in0", &self.to))
    }
}

/// `y = x` with the axes in another order
struct Permute {
    axes: Vec<usize>,
}

fn permuted(x: &Tensor, axes: &[usize]) -> Tensor {
    let mut out = buffer(x.len());
    permute(data(x), x.shape(), axes, &mut out);
    tensor(&axes.iter().map(|axis| x.shape()[*axis]).collect::<Vec<_>>(), out)
}

impl Op for Permute {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        permuted(inputs[0], &self.axes)
    }

    /// `dx = dy` with the axes in the old order
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let mut back = vec![0; self.axes.len()];
            self.axes.iter().enumerate().for_each(|(to, from)| back[*from] = to);
            permuted(dy, &back)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        rearranged(inputs, self.axes.first() == Some(&0))
    }

    fn keeps_steps(&self) -> bool {
        self.axes.starts_with(&[0, 1])
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        Some(form.permute("in0", self.axes.iter().copied()))
    }
}

/// `y = x`, repeated
struct Broadcast {
    from: Vec<usize>,
    to: Vec<usize>,
}

impl Op for Broadcast {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.from = inputs[0].shape().into();
        expand(inputs[0], &self.to)
    }

    /// `dx = dy`, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || sum_to(dy.clone(), &self.from));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        let keeps_rows = self.from.len() == self.to.len() && self.from.first() == self.to.first();
        match inputs[0] {
            // One constant for each example, as many as the layer saw: a part of the batch has fewer, of the same.
            Dependence::Constant if !keeps_rows => Dependence::PerExample,
            _ => rearranged(inputs, keeps_rows),
        }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let shape = form.ints(&self.to);
        Some(form.node("Expand", &["in0", &shape], &[]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, arr2};

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn rearranges_as_ndarray_does() {
        let tape = Tape::inference();
        let array = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 12 + j * 4 + k) as Float);
        let x = tape.input(&array);
        let permuted = array.view().permuted_axes([2, 0, 1]).into_dyn().to_owned();
        assert_eq!(*x.permute(&[2, 0, 1]).unwrap().value(), permuted);
        assert_eq!(x.transpose().unwrap().shape(), [2, 4, 3]);
        assert_eq!(x.reshape(&[6, 4]).unwrap().value()[[4, 1]], array[[1, 1, 1]]);
        assert_eq!(x.insert_axis(-1).unwrap().shape(), [2, 3, 4, 1]);
        assert_eq!(x.insert_axis(1).unwrap().remove_axis(1).unwrap().shape(), [2, 3, 4]);
    }

    #[test]
    fn errors_show_both_shapes() {
        let x = Tape::inference().input(arr2(&[[1.0, 2.0, 3.0]]));
        for (error, want) in [
            (x.reshape(&[2, 2]), "reshape: expected a shape with the 3 elements of [1, 3], got [2, 2] with 4"),
            (x.permute(&[0, 0]), "permute: expected each axis of shape [1, 3] once (0..2), got [0, 0]"),
            (x.remove_axis(1), "remove_axis: expected axis 1 to have length 1, got shape [1, 3]"),
            (x.broadcast_to(&[3, 1]), "broadcast_to: expected a shape that [1, 3] broadcasts to"),
        ] {
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with(want), "{error}");
        }
    }
}
