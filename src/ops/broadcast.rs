//! Broadcasting as in numpy: shapes are aligned at their last axes, and axes of length 1 are repeated.

use super::folding::expand;
use crate::autograd::Dependence;
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, recycle, tensor};

/// The shape that both broadcast to; `None` if they do not.
pub(super) fn common(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let new = long.len() - short.len();
    let mut shape = long.to_vec();
    for (out, len) in shape[new..].iter_mut().zip(short) {
        match (*out, *len) {
            (x, y) if x == y => {}
            (1, y) => *out = y,
            (_, 1) => {}
            _ => return None,
        }
    }
    Some(shape)
}

/// [`common`], or an error that names the method.
pub(super) fn checked(who: &str, a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    common(a, b).ok_or_else(|| {
        Error::shape(format!(
            "{who}: expected shapes that broadcast, got {a:?} and {b:?}; aligned at the last axis, lengths must be equal \
             or 1"
        ))
    })
}

/// `f` of the numbers of two tensors that broadcast to `shape`.
pub(super) fn zip(a: &Tensor, b: &Tensor, shape: &[usize], f: impl Fn(Float, Float) -> Float) -> Tensor {
    by_runs(a, b, shape, &|x, y, out| out.iter_mut().zip(x.iter().zip(y)).for_each(|(out, (x, y))| *out = f(*x, *y)))
}

/// Of runs of equal length: of `a`, of `b`, of the result.
type Work<'a> = dyn Fn(&[Float], &[Float], &mut [Float]) + 'a;

/// Not generic: all of it would be compiled for each function.
fn by_runs(a: &Tensor, b: &Tensor, shape: &[usize], work: &Work) -> Tensor {
    let repeats = |small: &Tensor, large: &Tensor| large.shape() == shape && is_row(small.shape(), shape);
    if a.shape() != b.shape() && !repeats(a, b) && !repeats(b, a) {
        let (a, b) = (expand(a, shape), expand(b, shape));
        let out = by_runs(&a, &b, shape, work);
        recycle(a);
        recycle(b);
        return out;
    }
    let mut out = buffer(shape.iter().product());
    let (x, y) = (data(a), data(b));
    let run = x.len().min(y.len()).max(1);
    let runs = x.chunks(run).cycle().zip(y.chunks(run).cycle());
    out.chunks_mut(run).zip(runs).for_each(|(out, (x, y))| work(x, y, out));
    tensor(shape, out)
}

/// Whether `small` repeats as a whole over `shape`, and is long enough for a loop over it to pay.
fn is_row(small: &[usize], shape: &[usize]) -> bool {
    let ones = small.iter().take_while(|len| **len == 1).count();
    let small = &small[ones..];
    !small.is_empty() && !small.contains(&0) && shape.ends_with(small)
}

/// Of an operation on each number of inputs of these shapes, broadcast.
///
/// Rows stay apart only where axis 0 of the result is the batch's, which nothing else may have been laid along: a
/// constant must be repeated over it.
pub(super) fn dependence(inputs: &[Dependence], shapes: &[&[usize]]) -> Dependence {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let rows = shapes.iter().filter(|shape| shape.len() == rank).filter_map(|shape| shape.first()).max();
    let apart = inputs.iter().zip(shapes).all(|(input, shape)| match input {
        Dependence::PerExample => shape.len() == rank && rank > 0 && shape.first() == rows,
        Dependence::Constant => shape.len() < rank || shape.first().is_none_or(|len| *len == 1),
        _ => false,
    });
    if apart { Dependence::per_example(inputs) } else { Dependence::across_batch(inputs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_align_at_the_end() {
        assert_eq!(common(&[2, 3], &[3]), Some(vec![2, 3]));
        assert_eq!(common(&[2, 1], &[4, 1, 5]), Some(vec![4, 2, 5]));
        assert_eq!(common(&[], &[2]), Some(vec![2]));
        assert_eq!(common(&[0, 1], &[1, 3]), Some(vec![0, 3]));
        assert_eq!(common(&[2, 3], &[2]), None);
    }

    #[test]
    fn all_ways_of_zipping_agree_with_ndarray() {
        let make = |shape: &[usize]| tensor(shape, (0..shape.iter().product()).map(|i: usize| i as Float).collect());
        for (a, b) in [
            (vec![2, 3], vec![2, 3]),
            (vec![2, 3], vec![3]),
            (vec![1, 3], vec![2, 3]),
            (vec![2, 3], vec![2, 1]),
            (vec![2, 3], vec![]),
            (vec![2, 1, 3], vec![4, 1]),
            (vec![0, 3], vec![3]),
            (vec![2, 0], vec![2, 1]),
        ] {
            let (a, b) = (make(&a), make(&b));
            let shape = common(a.shape(), b.shape()).unwrap();
            assert_eq!(zip(&a, &b, &shape, |x, y| x - 2.0 * y), &a - &(&b * 2.0), "{a:?} {b:?}");
        }
    }
}
