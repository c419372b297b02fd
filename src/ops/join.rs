//! Several variables as one.

use super::{rearranged, resolve};
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Tensor, data, tensor};

impl Var {
    /// Joins variables one after the other along an axis. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let (a, b) = (tape.input(ndarray::arr2(&[[1.0]])), tape.input(ndarray::arr2(&[[2.0, 3.0]])));
    /// assert_eq!(Var::concat(&[&a, &b], 1)?.value().as_slice().unwrap(), [1.0, 2.0, 3.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// No variables; shapes that differ elsewhere; an axis out of range.
    #[doc(alias = "cat")]
    pub fn concat(vars: &[&Self], axis: isize) -> Result<Self> {
        let Some(first) = vars.first() else {
            return Err(Error::shape("concat: expected at least one variable, got none"));
        };
        let axis = resolve("concat", axis, first.value.shape())?;
        let rest = |var: &Self| {
            (
                var.value.shape().len(),
                var.value.shape()[..axis].to_vec(),
                var.value.shape().get(axis + 1..).map(<[_]>::to_vec),
            )
        };
        if let Some(other) = vars.iter().find(|var| var.value.shape().len() <= axis || rest(var) != rest(first)) {
            return Err(Error::shape(format!(
                "concat: expected shapes that differ along axis {axis} only, got {:?} and {:?}",
                first.value.shape(),
                other.value.shape()
            )));
        }
        Ok(first.tape().apply(Concat { axis, shapes: Vec::new() }, vars))
    }

    /// Stacks variables of one shape along a new axis, before `axis` of theirs; -1 puts it last.
    ///
    /// # Errors
    /// No variables; shapes that differ; an axis out of range.
    pub fn stack(vars: &[&Self], axis: isize) -> Result<Self> {
        if let [first, rest @ ..] = vars
            && let Some(other) = rest.iter().find(|var| var.value.shape() != first.value.shape())
        {
            return Err(Error::shape(format!(
                "stack: expected variables of one shape, got {:?} and {:?}; `concat` joins along an axis that they have",
                first.value.shape(),
                other.value.shape()
            )));
        }
        let widened: Vec<Self> = vars.iter().map(|var| var.insert_axis(axis)).collect::<Result<_>>()?;
        Self::concat(&widened.iter().collect::<Vec<_>>(), axis)
    }
}

/// `y = [x₀, x₁, ...]` along an axis
struct Concat {
    axis: usize,
    shapes: Vec<Vec<usize>>,
}

impl Concat {
    /// Length of the run of memory that each input has in the place of one of the result.
    fn runs(&self) -> Vec<usize> {
        self.shapes.iter().map(|shape| shape[self.axis..].iter().product()).collect()
    }
}

impl Op for Concat {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.shapes = inputs.iter().map(|input| input.shape().to_vec()).collect();
        let mut shape = self.shapes[0].clone();
        shape[self.axis] = self.shapes.iter().map(|shape| shape[self.axis]).sum();
        let mut y = buffer(shape.iter().product());
        let runs = self.runs();
        let whole = runs.iter().sum::<usize>().max(1);
        let mut start = 0;
        for (input, run) in inputs.iter().zip(runs) {
            for (y, x) in y.chunks_mut(whole).zip(data(input).chunks(run.max(1))) {
                y[start..start + run].copy_from_slice(x);
            }
            start += run;
        }
        tensor(&shape, y)
    }

    /// to each input its part of `dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let runs = self.runs();
        let whole = runs.iter().sum::<usize>().max(1);
        let mut start = 0;
        for (i, run) in runs.into_iter().enumerate() {
            dx.add(i, || {
                let mut out = buffer(self.shapes[i].iter().product());
                for (out, dy) in out.chunks_mut(run.max(1)).zip(data(dy).chunks(whole)) {
                    out.copy_from_slice(&dy[start..start + run]);
                }
                tensor(&self.shapes[i], out)
            });
            start += run;
        }
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        // A constant beside examples has a row for each of this batch.
        let mixed = inputs.contains(&Dependence::Constant) && inputs.contains(&Dependence::PerExample);
        rearranged(inputs, self.axis != 0 && !mixed)
    }

    fn keeps_steps(&self) -> bool {
        self.axis > 1
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let inputs: Vec<String> = (0..form.len()).map(|i| form.input(i)).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        Some(form.node("Concat", &inputs, &[("axis", OnnxAttribute::Int(self.axis as i64))]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis, concatenate, stack};

    use crate::autograd::{Tape, Var};
    use crate::tensor::Float;

    #[test]
    fn joins_as_ndarray_does() {
        let tape = Tape::inference();
        let a = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 12 + j * 4 + k) as Float);
        let b = &a * -2.0;
        let (x, y) = (tape.input(&a), tape.input(&b));
        for axis in 0..3 {
            let want = concatenate(Axis(axis), &[a.view(), b.view()]).unwrap().into_dyn();
            assert_eq!(*Var::concat(&[&x, &y], axis as isize).unwrap().value(), want);
        }
        for axis in 0..4 {
            let want = stack(Axis(axis), &[a.view(), b.view()]).unwrap().into_dyn();
            assert_eq!(*Var::stack(&[&x, &y], axis as isize - 4).unwrap().value(), want);
        }
    }

    #[test]
    fn errors_show_both_shapes() {
        let tape = Tape::inference();
        let (a, b) = (tape.input(ndarray::arr2(&[[1.0]])), tape.input(ndarray::arr2(&[[1.0], [2.0]])));
        let error = Var::concat(&[&a, &b], 1).unwrap_err().to_string();
        assert_eq!(error, "concat: expected shapes that differ along axis 1 only, got [1, 1] and [2, 1]");
        assert!(Var::stack(&[&a, &b], 0).unwrap_err().to_string().contains("one shape, got [1, 1] and [2, 1]"));
        assert!(Var::concat(&[], 0).is_err() && Var::stack(&[], 0).is_err());
    }
}
