//! How a large array lies over a small one that lacks some of its axes: what sums, extremes and broadcasting share.

use crate::buffers::buffer;
use crate::tensor::{Float, Tensor, data, recycle, tensor};

/// A large array over the small one in which the axes that are not kept have length 1. Neighbouring axes of a kind are
/// one, so that what is left are runs over contiguous memory.
pub(super) struct Folding {
    /// Length of each axis before the run, and its step in the small array.
    outer: Vec<(usize, usize)>,
    run: usize,
    run_is_kept: bool,
    small: usize,
}

impl Folding {
    pub(super) fn new(shape: &[usize], kept: impl Fn(usize) -> bool) -> Self {
        let mut axes: Vec<(usize, bool)> = Vec::with_capacity(shape.len());
        for (axis, len) in shape.iter().enumerate().filter(|(_, len)| **len != 1) {
            match axes.last_mut() {
                Some((joined, kind)) if *kind == kept(axis) => *joined *= len,
                _ => axes.push((*len, kept(axis))),
            }
        }
        let (run, run_is_kept) = axes.pop().unwrap_or((1, true));
        let mut small = if run_is_kept { run } else { 1 };
        let mut outer: Vec<(usize, usize)> = Vec::with_capacity(axes.len());
        for (len, kept) in axes.into_iter().rev() {
            outer.push((len, if kept { small } else { 0 }));
            small *= if kept { len } else { 1 };
        }
        outer.reverse();
        Self { outer, run, run_is_kept, small }
    }

    /// For an array of shape `small` that is broadcast to `large`.
    pub(super) fn broadcast(large: &[usize], small: &[usize]) -> Self {
        let new = large.len() - small.len();
        Self::new(large, |axis| axis >= new && small[axis - new] == large[axis])
    }

    /// Number of elements of the small array.
    pub(super) fn len(&self) -> usize {
        self.small
    }

    /// How many numbers of the large array lie over one of the small one.
    pub(super) fn depth(&self) -> usize {
        let run = if self.run_is_kept { 1 } else { self.run };
        self.outer.iter().filter(|(_, step)| *step == 0).map(|(len, _)| len).product::<usize>() * run
    }

    /// Visits pairs of an element of the large array and the one of the small array under it, in the large one's order.
    pub(super) fn each(&self, mut visit: impl FnMut(usize, usize)) {
        self.runs(|large, small| match self.run_is_kept {
            true => (0..self.run).for_each(|i| visit(large + i, small + i)),
            false => (0..self.run).for_each(|i| visit(large + i, small)),
        });
    }

    /// Visits the starts of the runs in both arrays, in the large one's order.
    fn runs(&self, mut visit: impl FnMut(usize, usize)) {
        let mut index = vec![0; self.outer.len()];
        let mut small = 0;
        for number in 0..self.outer.iter().map(|(len, _)| len).product() {
            visit(number * self.run, small);
            for ((len, step), index) in self.outer.iter().zip(&mut index).rev() {
                *index += 1;
                small += step;
                if *index < *len {
                    break;
                }
                small -= step * len;
                *index = 0;
            }
        }
    }

    /// Sums over what lies on each number of the small array, times `scale`: in `f64`, in the order of memory.
    pub(super) fn sum(&self, large: &[Float], scale: f64) -> Vec<Float> {
        let mut sums = vec![0.0_f64; self.small];
        self.runs(|from, to| {
            let run = &large[from..from + self.run];
            match self.run_is_kept {
                true => sums[to..to + self.run].iter_mut().zip(run).for_each(|(sum, x)| *sum += f64::from(*x)),
                false => sums[to] += run.iter().map(|x| f64::from(*x)).sum::<f64>(),
            }
        });
        let mut out = buffer(self.small);
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = (sum * scale) as Float);
        out
    }

    /// Repeats the small array over the large one, times `scale`.
    pub(super) fn repeat(&self, small: &[Float], scale: Float) -> Vec<Float> {
        let mut out = buffer(self.run * self.outer.iter().map(|(len, _)| len).product::<usize>());
        self.runs(|to, from| {
            let run = &mut out[to..to + self.run];
            match self.run_is_kept {
                true => run.iter_mut().zip(&small[from..]).for_each(|(out, x)| *out = x * scale),
                false => run.fill(small[from] * scale),
            }
        });
        out
    }
}

/// The gradient of an input of this shape that was broadcast: summed over the axes along which it was repeated.
pub(super) fn sum_to(grad: Tensor, shape: &[usize]) -> Tensor {
    if grad.shape() == shape {
        return grad;
    }
    let sum = tensor(shape, Folding::broadcast(grad.shape(), shape).sum(data(&grad), 1.0));
    recycle(grad);
    sum
}

/// A tensor repeated over a shape that it broadcasts to.
pub(super) fn expand(x: &Tensor, shape: &[usize]) -> Tensor {
    if x.shape() == shape {
        return x.clone();
    }
    tensor(shape, Folding::broadcast(shape, x.shape()).repeat(data(x), 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: &[usize]) -> Tensor {
        tensor(shape, (0..shape.iter().product()).map(|i: usize| (i * i % 17) as Float - 5.0).collect())
    }

    #[test]
    fn sums_and_repeats_as_ndarray_does() {
        let x = numbers(&[2, 1, 3, 4]);
        for kept in 0..16 {
            let keeps = |axis: usize| kept >> axis & 1 == 1;
            let mut want = x.to_owned();
            for axis in (0..4).filter(|axis| !keeps(*axis)) {
                want = want.sum_axis(ndarray::Axis(axis)).insert_axis(ndarray::Axis(axis));
            }
            let folding = Folding::new(x.shape(), keeps);
            let sum = folding.sum(data(&x), 1.0);
            assert_eq!(sum, want.iter().copied().collect::<Vec<_>>(), "{kept:b}");
            assert_eq!((folding.len(), folding.depth()), (sum.len(), x.len() / sum.len()));
            let repeated = want.broadcast(x.raw_dim()).map(|view| view.iter().copied().collect::<Vec<_>>());
            assert_eq!(Some(folding.repeat(&sum, 1.0)), repeated, "{kept:b}");
        }
    }

    #[test]
    fn empty_axes_sum_to_zero() {
        let folding = Folding::new(&[0, 3], |axis| axis == 1);
        assert_eq!(folding.sum(&[], 1.0), [0.0; 3]);
        assert!(folding.repeat(&[1.0; 3], 1.0).is_empty());
    }
}
