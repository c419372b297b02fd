//! Sums and means.

use super::folding::Folding;
use super::resolve;
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// The axes that a reduction takes away, and those that stay.
pub(super) struct Reduced {
    pub(super) removed: Vec<bool>,
    /// The result's shape.
    pub(super) shape: Vec<usize>,
}

impl Reduced {
    /// All axes, to a scalar.
    pub(super) fn all(x: &Var) -> Self {
        Self { removed: vec![true; x.value.shape().len()], shape: Vec::new() }
    }

    pub(super) fn new(who: &str, x: &Var, axes: &[isize], keep: bool) -> Result<Self> {
        let mut removed = vec![false; x.value.shape().len()];
        for axis in axes {
            let axis = resolve(who, *axis, x.value.shape())?;
            if std::mem::replace(&mut removed[axis], true) {
                return Err(Error::shape(format!(
                    "{who}: expected each axis once, got {axes:?} for shape {:?}, where axis {axis} comes twice",
                    x.value.shape()
                )));
            }
        }
        let kept = x.value.shape().iter().zip(&removed);
        let shape = match keep {
            true => kept.map(|(len, removed)| if *removed { 1 } else { *len }).collect(),
            false => kept.filter(|(_, removed)| !**removed).map(|(len, _)| *len).collect(),
        };
        Ok(Self { removed, shape })
    }

    /// The axes that are reduced.
    pub(super) fn axes(&self) -> Vec<usize> {
        (0..self.removed.len()).filter(|axis| self.removed[*axis]).collect()
    }

    pub(super) fn folding(&self, x: &[usize]) -> Folding {
        Folding::new(x, |axis| !self.removed[axis])
    }

    /// Whether axes 0 and 1 stay what they are.
    pub(super) fn keeps_steps(&self) -> bool {
        self.removed.iter().take(2).all(|removed| !removed)
    }

    /// Whether rows of axis 0 stay apart.
    pub(super) fn keeps_rows(&self) -> bool {
        self.removed.first() == Some(&false)
    }
}

/// The three methods of a reduction: over all numbers, over some axes, and over axes that stay with length 1.
macro_rules! reductions {
    (
        $method:ident($kind:expr):
        $(#[$of_all:meta])*
        pub fn $all:ident;
        $(#[$of_axes:meta])*
        pub fn $axes:ident;
        pub fn $keep:ident;
    ) => {
        impl Var {
            $(#[$of_all])*
            #[must_use]
            pub fn $all(&self) -> Self {
                self.$method(Reduced::all(self), $kind)
            }

            $(#[$of_axes])*
            ///
            /// # Errors
            /// An axis that is out of range or comes twice.
            pub fn $axes(&self, axes: &[isize]) -> Result<Self> {
                Ok(self.$method(Reduced::new(stringify!($axes), self, axes, false)?, $kind))
            }

            #[doc = concat!("[`Var::", stringify!($axes), "`] that keeps the axes, with length 1.")]
            ///
            /// # Errors
            #[doc = concat!("Those of [`Var::", stringify!($axes), "`].")]
            pub fn $keep(&self, axes: &[isize]) -> Result<Self> {
                Ok(self.$method(Reduced::new(stringify!($keep), self, axes, true)?, $kind))
            }
        }
    };
}
pub(super) use reductions;

reductions! { reduce(false):
    /// Returns the sum of all numbers, a scalar.
    pub fn sum;
    /// Returns sums over these axes, which disappear. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(x.sum_axes(&[-1])?.value().as_slice().unwrap(), [3.0, 7.0]);
    /// assert_eq!(x.sum_axes_keep(&[0])?.shape(), [1, 2]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn sum_axes;
    pub fn sum_axes_keep;
}
reductions! { reduce(true):
    /// Returns the mean of all numbers, a scalar. Not a number if there are none.
    pub fn mean;
    /// Returns means over these axes, which disappear. Negative axes count from the end.
    pub fn mean_axes;
    pub fn mean_axes_keep;
}

impl Var {
    fn reduce(&self, reduced: Reduced, mean: bool) -> Self {
        self.tape().apply(Sum { reduced, mean, x: Vec::new() }, &[self])
    }
}

/// `y = Σ x` over some axes, or the mean
struct Sum {
    reduced: Reduced,
    mean: bool,
    x: Vec<usize>,
}

impl Sum {
    fn scale(&self, folding: &Folding) -> f64 {
        if self.mean { 1.0 / folding.depth() as f64 } else { 1.0 }
    }
}

impl Op for Sum {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.x = inputs[0].shape().into();
        let folding = self.reduced.folding(&self.x);
        tensor(&self.reduced.shape, folding.sum(data(inputs[0]), self.scale(&folding)))
    }

    /// `dx = dy`, repeated; divided by how many there are for the mean
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let folding = self.reduced.folding(&self.x);
        dx.add(0, || tensor(&self.x, folding.repeat(data(dy), self.scale(&folding) as Float)));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match inputs[0] {
            Dependence::PerExample if self.reduced.keeps_rows() => Dependence::PerExample,
            Dependence::PerExample if self.mean && !self.x.is_empty() => Dependence::BatchMean,
            Dependence::BatchMean => Dependence::BatchMean,
            _ => Dependence::across_batch(inputs),
        }
    }

    fn keeps_steps(&self) -> bool {
        self.reduced.keeps_steps()
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let axes = self.reduced.axes();
        if axes.is_empty() {
            return Some(form.node("Identity", &["in0"], &[]));
        }
        let axes = form.ints(&axes);
        let keep = i64::from(self.reduced.shape.len() == self.x.len());
        let op = if self.mean { "ReduceMean" } else { "ReduceSum" };
        Some(form.node(op, &["in0", &axes], &[("keepdims", OnnxAttribute::Int(keep))]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use crate::autograd::Tape;

    #[test]
    fn reduces_over_chosen_axes() {
        let x = Tape::inference().input(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]]));
        assert_eq!((x.sum().item(), x.mean().item()), (24.0, 4.0));
        assert_eq!(x.mean_axes(&[-1]).unwrap().value().as_slice().unwrap(), [2.0, 6.0]);
        assert_eq!(x.sum_axes(&[0]).unwrap().value().as_slice().unwrap(), [5.0, 7.0, 12.0]);
        assert_eq!(x.mean_axes_keep(&[0, 1]).unwrap().shape(), [1, 1]);
        assert_eq!(x.sum_axes(&[]).unwrap().shape(), [2, 3]);
    }

    #[test]
    fn wrong_axes_are_errors() {
        let x = Tape::inference().input(arr2(&[[1.0, 2.0]]));
        let error = |axes: &[isize]| x.sum_axes(axes).unwrap_err().to_string();
        assert_eq!(
            error(&[2]),
            "sum_axes: expected an axis in -2..2 for shape [1, 2], got axis 2; negative axes count from the end"
        );
        assert!(error(&[1, -1]).contains("axis 1 comes twice"), "{}", error(&[1, -1]));
    }
}
