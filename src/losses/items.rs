//! The one operation behind all losses: a number for each item, and its gradient.

use super::{Each, check_same_shape};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::tensor::{Float, Pooled, Tensor, data, empty, tensor};

/// Numbers that a thread takes at a time.
const CHUNK: usize = 1 << 14;

/// The losses of items, each of which is a run of the numbers of `x`; `shape` says how many there are.
///
/// `loss` takes the number of an item and its numbers, writes the gradient by each of them, and returns the loss. `x` is
/// what the prediction was computed from, or the prediction itself.
pub(super) fn items(
    who: &str,
    prediction: &Var,
    x: &Var,
    shape: &[usize],
    loss: impl Fn(usize, &[Float], &mut [Float]) -> f64 + Sync + 'static,
) -> Result<Each> {
    let losses = move |first, x: &[Float], y: &mut [Float], slope: &mut [Float]| {
        let width = x.len() / y.len();
        let items = y.iter_mut().zip(slope.chunks_mut(width)).zip(x.chunks(width)).enumerate();
        // A loop: the adapters would be compiled again for each loss.
        for (i, ((y, slope), x)) in items {
            *y = loss(first + i, x, slope) as Float;
        }
    };
    of_all(who, prediction, x, shape, Box::new(losses))
}

fn of_all(who: &str, prediction: &Var, x: &Var, shape: &[usize], losses: Box<Losses>) -> Result<Each> {
    if prediction.mask.as_deref().is_some_and(|mask| shape.get(..2) != Some(mask.shape())) {
        return Err(Error::shape(format!(
            "{who}: the prediction {:?} has a padding mask, but losses of shape {shape:?} have no time steps to leave \
             out; give predictions [batch, time, features], or take the mask off by `without_mask`",
            prediction.value.shape()
        )));
    }
    let op = Items { losses, shape: shape.into(), slope: empty().into() };
    Ok(Each::new(x.tape().apply(op, &[x]).with_mask_of(prediction)))
}

/// The losses of pairs of a prediction and a target, averaged over the last axis. `loss` gives the loss of a pair, and its
/// slope by the prediction.
pub(super) fn pairs(
    who: &str,
    prediction: &Var,
    target: &Tensor,
    loss: impl Fn(f64, f64) -> (f64, f64) + Sync + 'static,
) -> Result<Each> {
    pairs_with(who, prediction, prediction, target, loss)
}

/// The same where the losses are computed from `x`, which the prediction was computed from.
pub(super) fn pairs_with(
    who: &str,
    prediction: &Var,
    x: &Var,
    target: &Tensor,
    loss: impl Fn(f64, f64) -> (f64, f64) + Sync + 'static,
) -> Result<Each> {
    check_same_shape(who, prediction, target)?;
    let target = standard(target);
    items(who, prediction, x, leading(prediction.value.shape()), move |i, x, slope| {
        let share = 1.0 / x.len() as f64;
        let mut sum = 0.0;
        for ((x, t), slope) in x.iter().zip(&data(&target)[i * x.len()..]).zip(slope) {
            let (loss, by_x) = loss(f64::from(*x), f64::from(*t));
            sum += loss;
            *slope = (by_x * share) as Float;
        }
        sum * share
    })
}

/// `a b`, and 0 where `a` is even if `b` is infinite: what has no share in a loss does not matter.
pub(super) fn product(a: f64, b: f64) -> f64 {
    if a == 0.0 && b.is_infinite() { 0.0 } else { a * b }
}

/// All axes but the last; a single one stays.
pub(super) fn leading(shape: &[usize]) -> &[usize] {
    if shape.len() < 2 { shape } else { &shape[..shape.len() - 1] }
}

/// The numbers in row-major order.
pub(super) fn standard(target: &Tensor) -> Tensor {
    if target.is_standard_layout() { target.clone() } else { target.as_standard_layout().into_owned().into_shared() }
}

/// The losses of consecutive items, given the number of the first and their numbers, and the slopes.
type Losses = dyn Fn(usize, &[Float], &mut [Float], &mut [Float]) + Sync;

/// `y[i] = loss(x[i])`. Not generic: all of it would be compiled for each loss.
struct Items {
    losses: Box<Losses>,
    shape: Vec<usize>,
    /// The gradient of each item's loss by its numbers.
    slope: Pooled,
}

impl Op for Items {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let x = data(inputs[0]);
        let count: usize = self.shape.iter().product();
        let width = x.len() / count;
        let (mut y, mut slope) = (buffer(count), buffer(x.len()));
        let items = (CHUNK / width).max(1);
        let parts = y.chunks_mut(items).zip(slope.chunks_mut(items * width)).zip(x.chunks(items * width));
        let losses = &self.losses;
        parallel::for_each(&mut parts.enumerate().collect::<Vec<_>>(), |(part, ((y, slope), x))| {
            losses(*part * items, x, y, slope);
        });
        self.slope = tensor(inputs[0].shape(), slope).into();
        tensor(&self.shape, y)
    }

    /// `dx[i] = slope[i] dy[i]`, and 0 where `dy` is: an item that does not count may have any slope
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let mut out = buffer(self.slope.len());
            let width = out.len() / dy.len();
            let rows = out.chunks_mut(width).zip(data(&self.slope).chunks(width)).zip(data(dy));
            for ((out, slope), dy) in rows {
                if *dy == 0.0 {
                    out.fill(0.0);
                } else {
                    out.iter_mut().zip(slope).for_each(|(out, slope)| *out = slope * dy);
                }
            }
            tensor(self.slope.shape(), out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        // One item for the whole batch looks at all examples.
        if self.shape.is_empty() { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
    }
}
