//! The operations behind pooling of all kinds.

use std::any::Any;

use super::conv_op::{to_first, to_last};
use super::window::{fewer_than, three};
use crate::autograd::{ContributionRule, Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::kernels::{
    parallel,
    pool::{self, PoolShape, Span},
};
use crate::tensor::{Float, Tensor, data, tensor};

/// What becomes of a window.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pooling {
    Max,
    /// The maximum of windows over an image, of this height and width, that touch each other and stay inside.
    MaxOfTiles([usize; 2]),
    Average,
}

/// Gives the windows of each axis for its length.
pub(super) type Spans<'a> = &'a dyn Fn(&[usize]) -> Result<Vec<Vec<Span>>>;

/// Pools an input `[batch, lengths.., channels]` of this many lengths by the windows that `spans` gives for them. Without `keep`,
/// each axis has one window and disappears.
pub(super) fn run(pooling: Pooling, x: &Var, axes: usize, keep: bool, spans: Spans<'_>) -> Result<Var> {
    let (shape, after) = plan(x, axes, keep, spans)?;
    let before = x.value.lengths();
    Ok(match pooling {
        Pooling::Max => x.tape().apply(Max { shape, before, after, tiles: None, argmax: Vec::new() }, &[x]),
        Pooling::MaxOfTiles(tiles) => {
            x.tape().apply(Max { shape, before, after, tiles: Some(tiles), argmax: Vec::new() }, &[x])
        }
        Pooling::Average => x.tape().apply(Average { shape, before, after }, &[x]),
    })
}

/// The maxima of the windows, and the cells where they are.
pub(super) fn maxima(x: &Var, axes: usize, spans: Spans<'_>) -> Result<(Var, Var)> {
    let (shape, after) = plan(x, axes, true, spans)?;
    let (batch, cells, channels) = (x.value.shape()[0], shape.size.iter().product(), shape.channels);
    let positions = shape.output_len() / channels;
    fewer_than(24, "cells, which indices count", &[cells])?;
    let mut pool = Max { shape, before: x.value.shape().to_vec(), after, tiles: None, argmax: Vec::new() };
    pool.forward(&[&x.value]);
    if pool.argmax.contains(&u32::MAX) {
        return Err(Error::value("expected windows that cover some of the input, got one of padding only"));
    }
    let indices = pool.argmax.iter().map(|cell| *cell as Float).collect();
    let indices = x.tape().examples(tensor(&[batch, positions, channels], indices));
    let y = x.reshape(&[batch, cells, channels])?.without_mask().take_along_axis(&indices, 1)?;
    Ok((y.reshape(&pool.after)?, indices.reshape(&pool.after)?))
}

/// The windows over an input, and the output's shape.
fn plan(x: &Var, axes: usize, keep: bool, spans: Spans<'_>) -> Result<(PoolShape, Vec<usize>)> {
    let before = x.value.lengths();
    let (batch, input, channels) = super::window::axes(&before, axes)?;
    if channels == 0 {
        return Err(Error::shape(format!("expected at least 1 channel, got {before:?}")));
    }
    fewer_than(32, "cells", input)?;
    let spans = spans(input)?;
    let mut after = vec![batch];
    after.extend(spans.iter().map(Vec::len).filter(|_| keep));
    after.push(channels);
    fewer_than(36, "numbers in the output", &after)?;
    Ok((PoolShape { size: three(input, 1), channels, spans: three(&spans, vec![Span::of(0, 1)]) }, after))
}

/// The window of an axis as ONNX has it: size, stride, and padding before and after, if it is one that slides.
fn window_of(spans: &[Span], len: usize, counts: Option<bool>) -> Option<[usize; 4]> {
    let size = spans.iter().map(|span| span.end.saturating_sub(span.start)).max()?;
    let first = spans.first()?;
    let before = if first.start == 0 { size - (first.end - first.start) } else { return None };
    let stride = spans.get(1).map_or(len.max(1), |second| second.start + before);
    let after = ((spans.len() - 1) * stride + size).saturating_sub(before + len);
    let fits = spans.iter().enumerate().all(|(i, span)| {
        let (start, end) = ((i * stride).saturating_sub(before), (i * stride + size).saturating_sub(before).min(len));
        let count = if counts == Some(true) { size } else { end.saturating_sub(start) };
        [span.start, span.end, span.step] == [start, end, 1] && (counts.is_none() || span.count == count)
    });
    let positions = (len + before + after).checked_sub(size)? / stride.max(1) + 1;
    (fits && stride > 0 && positions == spans.len() && before < size && after < size)
        .then_some([size, stride, before, after])
}

/// A pooling as a node between transpositions, or as a mean or maximum over all axes where each has one window.
fn onnx(form: &mut OnnxForm, [pool, reduce]: [&'static str; 2], shape: &PoolShape, after: usize) -> Option<String> {
    let rank = form.shape(0).len();
    let n = rank - 2;
    let axes = || shape.spans[3 - n..].iter().zip(&shape.size[3 - n..]);
    if axes().all(|(spans, len)| spans[..] == [Span::of(0, *len)]) {
        let list: Vec<usize> = (1..=n).collect();
        let list = form.ints(&list);
        return Some(form.node(reduce, &["in0", &list], &[("keepdims", OnnxAttribute::Int(i64::from(after == rank)))]));
    }
    let counted = |counts: bool| -> Option<Vec<[usize; 4]>> {
        axes().map(|(spans, len)| window_of(spans, *len, (pool == "AveragePool").then_some(counts))).collect()
    };
    let (windows, counts) = match counted(false) {
        Some(windows) => (windows, false),
        None => (counted(true)?, true),
    };
    let ints = |i: usize| windows.iter().map(move |window| window[i] as i64);
    let mut attributes = vec![
        ("kernel_shape", OnnxAttribute::Ints(ints(0).collect())),
        ("strides", OnnxAttribute::Ints(ints(1).collect())),
        ("pads", OnnxAttribute::Ints(ints(2).chain(ints(3)).collect())),
    ];
    if counts {
        attributes.push(("count_include_pad", OnnxAttribute::Int(1)));
    }
    let x = form.permute("in0", to_first(rank));
    let y = form.node(pool, &[&x], &attributes);
    Some(form.permute(&y, to_last(rank)))
}

/// `y = max over windows of x`
struct Max {
    shape: PoolShape,
    before: Vec<usize>,
    after: Vec<usize>,
    tiles: Option<[usize; 2]>,
    argmax: Vec<u32>,
}

/// The windows' height and width of the max pooling that comes after an operation, if they tile the image.
pub(super) fn tiles_of(next: &dyn Any) -> Option<[usize; 2]> {
    next.downcast_ref::<Max>()?.tiles
}

impl Op for Max {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (image, out) = (self.shape.input_len(), self.shape.output_len());
        let mut y = buffer(self.before[0] * out);
        self.argmax = vec![0; y.len()];
        let places = self.argmax.chunks_mut(out);
        let mut work: Vec<_> = data(inputs[0]).chunks(image).zip(y.chunks_mut(out)).zip(places).collect();
        parallel::for_each(&mut work, |((x, y), argmax)| pool::max_pool(&self.shape, x, y, argmax));
        tensor(&self.after, y)
    }

    /// `dx = Σ dy` of the windows whose maximum it is
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let (image, out) = (self.shape.input_len(), self.shape.output_len());
            let mut grad = buffer(self.before[0] * image);
            let gradients = data(dy).chunks(out).zip(self.argmax.chunks(out));
            let mut work: Vec<_> = grad.chunks_mut(image).zip(gradients).collect();
            parallel::for_each(&mut work, |(grad, (dy, argmax))| {
                grad.fill(0.0);
                pool::max_pool_backward(self.shape.channels, dy, argmax, grad);
            });
            tensor(&self.before, grad)
        });
    }

    fn contribution_rule(&self) -> ContributionRule {
        ContributionRule::Maximum
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }

    fn keeps_steps(&self) -> bool {
        self.before.len() == self.after.len()
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        onnx(form, ["MaxPool", "ReduceMax"], &self.shape, self.after.len())
    }
}

/// `y = mean over windows of x`
struct Average {
    shape: PoolShape,
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Average {
    fn map(
        &self,
        from: &[Float],
        to: &mut [Float],
        lens: [usize; 2],
        run: impl Fn(&PoolShape, &[Float], &mut [Float]) + Send + Sync,
    ) {
        let mut work: Vec<_> = from.chunks(lens[0]).zip(to.chunks_mut(lens[1])).collect();
        parallel::for_each(&mut work, |(from, to)| run(&self.shape, from, to));
    }
}

impl Op for Average {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (image, out) = (self.shape.input_len(), self.shape.output_len());
        let mut y = buffer(self.before[0] * out);
        self.map(data(inputs[0]), &mut y, [image, out], pool::average_pool);
        tensor(&self.after, y)
    }

    /// `dx = Σ dy / count` of the windows that cover it
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let (image, out) = (self.shape.input_len(), self.shape.output_len());
            let mut grad = buffer(self.before[0] * image);
            self.map(data(dy), &mut grad, [out, image], |shape, dy, grad| {
                grad.fill(0.0);
                pool::average_pool_backward(shape, dy, grad);
            });
            tensor(&self.before, grad)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }

    fn keeps_steps(&self) -> bool {
        self.before.len() == self.after.len()
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        onnx(form, ["AveragePool", "ReduceMean"], &self.shape, self.after.len())
    }
}
