//! Small general operations on [`Var`](crate::Var), each with its backward beside its forward. All are methods and
//! operators.

mod arithmetic;
mod bitwise;
mod broadcast;
mod compare;
mod cumulative;
#[cfg(test)]
mod dependence_tests;
mod einsum;
mod elementwise;
mod folding;
mod gather;
mod join;
mod matmul;
mod max;
mod norm;
mod one_hot;
mod pad;
mod powers;
mod reduce;
mod rounding;
mod select;
mod shape;
mod slice;
mod softmax;
mod sparsemax;
mod take;
mod top_k;
mod triangle;
mod trigonometry;

pub use pad::PadMode;
pub(crate) use softmax::Distribution;
pub(crate) use take::FILL;

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

/// The places of each line along an axis: its first one, and then a step and a length that all have in common.
fn lines(shape: &[usize], axis: usize) -> (impl Iterator<Item = usize> + use<>, usize, usize) {
    let step: usize = shape[axis + 1..].iter().product();
    let len = shape[axis];
    let total: usize = shape.iter().product();
    let starts = (0..total / (step * len).max(1)).flat_map(move |block| (0..step).map(move |i| block * step * len + i));
    (starts, step, len)
}
