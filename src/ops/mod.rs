//! Small general operations on [`Var`](crate::Var), each with its backward beside its forward. All are methods and
//! operators.

mod arithmetic;
mod broadcast;
#[cfg(test)]
mod dependence_tests;
mod elementwise;
mod extremes;
mod flip;
mod folding;
mod join;
mod matmul;
mod reduce;
mod select;
mod shape;
mod slice;
mod softmax;
mod sparsemax;

pub(crate) use softmax::{log_softmax_over, softmax_over};
pub(crate) use sparsemax::sparsemax_over;

use crate::autograd::Dependence;
use crate::error::{Error, Result};

/// Whether arithmetic takes these shapes.
pub(crate) fn broadcasts(a: &[usize], b: &[usize]) -> bool {
    broadcast::common(a, b).is_some()
}

/// The axis that `axis` stands for in an array of `rank` axes; negative ones count from the end.
pub(crate) fn resolve(who: &str, axis: isize, shape: &[usize]) -> Result<usize> {
    let rank = shape.len() as isize;
    let found = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&found) {
        return Ok(found as usize);
    }
    Err(Error::shape(format!(
        "{who}: expected an axis in {}..{rank} for shape {shape:?}, got axis {axis}; negative axes count from the end",
        -rank
    )))
}

/// Of an operation that only puts numbers into other places, with or without leaving axis 0 to the examples.
fn rearranged(inputs: &[Dependence], keeps_rows: bool) -> Dependence {
    match Dependence::linear(inputs) {
        Dependence::PerExample if !keeps_rows => Dependence::AcrossBatch,
        other => other,
    }
}
