//! Gradients of the examples of a batch, each on its own.

use crate::buffers::zeros;
use crate::kernels::elementwise::{add_scaled, sum_of_squares};
use crate::tensor::{Float, Tensor, recycle, tensor};

/// The gradients of a parameter by each example of a batch: how large they are, and their weighted sum, which may be had without
/// computing each; [`Op::by_example`](crate::Op::by_example) returns them.
///
/// # Reference
/// Goodfellow 2015; Li, Tramer, Liang & Hashimoto 2022 (ghost clipping); Bu, Wang, Zha & Karypis 2023 (book-keeping)
pub struct ExampleGradients {
    pub(super) squares: Vec<f64>,
    pub(super) sum: Box<Sum>,
}

type Sum = dyn FnOnce(&[Float]) -> Tensor;

impl std::fmt::Debug for ExampleGradients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExampleGradients").field("squares", &self.squares).finish_non_exhaustive()
    }
}

impl ExampleGradients {
    /// Creates them of the sum of squares of each example's gradient, and of a function that multiplies each example's gradient by a
    /// factor and adds them up.
    pub fn new(squares: Vec<f64>, sum: impl FnOnce(&[Float]) -> Tensor + 'static) -> Self {
        Self { squares, sum: Box::new(sum) }
    }

    /// Creates them of the gradients themselves, one after the other, for a parameter of this shape.
    pub fn of_rows(shape: &[usize], rows: Vec<Float>) -> Self {
        let (shape, len) = (shape.to_vec(), shape.iter().product::<usize>().max(1));
        Self::new(rows.chunks(len).map(sum_of_squares).collect(), move |factors| {
            let mut sum = zeros(len);
            for (row, factor) in rows.chunks(len).zip(factors) {
                add_scaled(&mut sum, *factor, row);
            }
            recycle(tensor(&[rows.len()], rows));
            tensor(&shape, sum)
        })
    }

    /// The same, with their sum passed on to a linear function.
    pub(crate) fn then(self, last: impl FnOnce(Tensor) -> Tensor + 'static) -> Self {
        Self { sum: Box::new(|factors| last((self.sum)(factors))), ..self }
    }
}
