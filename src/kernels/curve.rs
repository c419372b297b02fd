//! Functions of each number alone, and their slopes, in vectors.

use super::parallel;
use super::simd::{Kernel, Lanes, dispatch};
use crate::float::Float;

/// Numbers that a thread works on at a time.
const CHUNK: usize = 1 << 14;

/// A function of one number and its slope. Both are `#[inline(always)]` and without branches, as those of
/// [`math`](super::math) are, so that loops over them become vector instructions.
pub trait Curve: Copy + Send + Sync + 'static {
    fn value(&self, x: Float) -> Float;

    /// The slope, given the value there if the curve is [given by it](Curve::by_value), else given `x`.
    fn slope(&self, at: Float) -> Float;

    /// Whether the value tells the slope; such a curve never falls.
    fn by_value(&self) -> bool;
}

/// `x = f(x)`, on this thread
pub fn values(curve: &impl Curve, x: &mut [Float]) {
    dispatch(Values(curve, x));
}

/// `dy = f' dy`, on this thread
pub fn slopes(curve: &impl Curve, at: &[Float], dy: &mut [Float]) {
    dispatch(Slopes(curve, at, dy));
}

/// Copies `from` into `to` and calls `work` on each piece while it is in cache, with its place, on all threads.
pub fn by_pieces(from: &[Float], to: &mut [Float], work: impl Fn(usize, &mut [Float]) + Sync) {
    let mut pieces: Vec<_> = to.chunks_mut(CHUNK).zip(from.chunks(CHUNK)).enumerate().collect();
    parallel::for_each(&mut pieces, |(i, (to, from))| {
        to.copy_from_slice(from);
        work(*i * CHUNK, to);
    });
}

struct Values<'a, C>(&'a C, &'a mut [Float]);

impl<C: Curve> Kernel for Values<'_, C> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        for x in self.1 {
            *x = self.0.value(*x);
        }
    }
}

struct Slopes<'a, C>(&'a C, &'a [Float], &'a mut [Float]);

impl<C: Curve> Kernel for Slopes<'_, C> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        for (dy, at) in self.2.iter_mut().zip(self.1) {
            *dy *= self.0.slope(*at);
        }
    }
}
