//! The operations behind convolutions: one way, alone or with the max pooling after it, and the other way.

use std::ops::Range;
use std::sync::Arc;

use crate::activations::{Linear, Pointwise};
use crate::autograd::{Dependence, InputGrads, Op};
use crate::buffers::{buffer, recycle, zeros};
use crate::kernels::columns::add_columns;
use crate::kernels::conv::{self, ConvShape, OutputGradient};
use crate::kernels::{elementwise, parallel};
use crate::param::Param;
use crate::tensor::{Float, Tensor, data, tensor};

/// Images that a thread works on at a time: fixed, so that sums do not depend on the number of threads.
const IMAGES: usize = 8;
/// Outputs of fewer pixels are activated several images at a time.
const MANY_PIXELS: usize = 64;

/// What both operations hold.
struct Convolved {
    shape: ConvShape,
    /// Whose value the kernel is, so that its other layouts are made once a step and not once a part of the batch.
    param: Param,
    activation: Arc<dyn Pointwise>,
    x: Tensor,
    kernel: Tensor,
    y: Tensor,
}

/// The kernel's layout for the convolution.
struct ForwardLayout(Vec<Float>);
/// The kernel's layout for the convolution with pooling.
struct PooledLayout(Vec<Float>);
/// The kernel's layout for the other way.
struct BackwardLayout(Vec<Float>);

impl Convolved {
    fn new(shape: ConvShape, param: &Param, activation: Option<Arc<dyn Pointwise>>) -> Self {
        let empty = || Tensor::default(ndarray::IxDyn(&[]));
        let activation = activation.unwrap_or_else(|| Arc::new(Linear));
        Self { shape, param: param.clone(), activation, x: empty(), kernel: empty(), y: empty() }
    }

    /// Keeps what the backward pass reads, with an output of these lengths and channels.
    fn keep(&mut self, inputs: &[&Tensor], out: [usize; 3], channels: usize, y: Vec<Float>) -> Tensor {
        let (x, spatial) = (inputs[0], inputs[0].ndim() - 2);
        let shape = [&x.shape()[..1], &out[3 - spatial..], &[channels]].concat();
        (self.x, self.kernel, self.y) = (x.clone(), inputs[1].clone(), tensor(&shape, y));
        self.y.clone()
    }

    fn forward_layout(&self, kernel: &Tensor) -> Arc<ForwardLayout> {
        self.param.derived(kernel, |kernel| ForwardLayout(conv::pack_forward(&self.shape, data(kernel))))
    }

    fn backward_layout(&self, kernel: &Tensor) -> Arc<BackwardLayout> {
        self.param.derived(kernel, |kernel| BackwardLayout(conv::pack_backward(&self.shape, data(kernel))))
    }

    /// `dz = f'(z) dy`
    fn activation_gradient(&self, dy: &Tensor) -> Vec<Float> {
        let mut dz = buffer(dy.len());
        dz.copy_from_slice(data(dy));
        self.activation.backward(data(&self.y), &mut dz);
        dz
    }

    /// Gradients of the kernel and of the bias, which `part` adds to for some of the images.
    fn weight_gradients(
        &self,
        filters: usize,
        part: impl Fn(Range<usize>, &mut [Float], &mut [f64]) + Sync,
    ) -> (Vec<Float>, Vec<Float>) {
        let empty = || (zeros(self.kernel.len()), vec![0.0; filters]);
        let mut sums = parallel::map_chunks(self.x.shape()[0], IMAGES, |images| {
            let (mut kernel, mut bias) = empty();
            part(images, &mut kernel, &mut bias);
            (kernel, bias)
        })
        .into_iter();
        let (mut kernel, mut bias) = sums.next().unwrap_or_else(empty);
        for (part, part_bias) in sums {
            elementwise::add_assign(&mut kernel, &part);
            bias.iter_mut().zip(part_bias).for_each(|(bias, part)| *bias += part);
            recycle(tensor(self.kernel.shape(), part));
        }
        (kernel, bias.iter().map(|bias| *bias as Float).collect())
    }

    fn dependence(inputs: &[Dependence]) -> Dependence {
        match inputs {
            [_, rest @ ..] if rest.iter().any(|input| *input != Dependence::Constant) => {
                Dependence::across_batch(inputs)
            }
            _ => Dependence::per_example(inputs),
        }
    }
}

/// Calls `work` on some images and what becomes of them at a time, on all threads; `lens` are the lengths of one.
fn in_parts(x: &[Float], y: &mut [Float], lens: [usize; 2], work: impl Fn(&[Float], &mut [Float]) + Sync) {
    let mut parts: Vec<_> = x.chunks(IMAGES * lens[0]).zip(y.chunks_mut(IMAGES * lens[1])).collect();
    parallel::for_each(&mut parts, |(x, y)| work(x, y));
}

/// `y = f(x * kernel + bias)`, or `y = f(max over windows of x * kernel + bias)`
pub(super) struct Convolution {
    inner: Convolved,
    pool: Option<[usize; 2]>,
    /// Place of each maximum in its window.
    argmax: Vec<u8>,
}

impl Convolution {
    pub(super) fn new(
        shape: ConvShape,
        pool: Option<[usize; 2]>,
        param: &Param,
        activation: Option<Arc<dyn Pointwise>>,
    ) -> Self {
        Self { inner: Convolved::new(shape, param, activation), pool, argmax: Vec::new() }
    }

    /// Depth, height and width of the output.
    fn out(&self) -> [usize; 3] {
        let [depth, height, width] = self.inner.shape.out();
        let [rows, columns] = self.pool.unwrap_or([1, 1]);
        [depth, height / rows, width / columns]
    }
}

impl Op for Convolution {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (shape, x, kernel) = (&self.inner.shape, inputs[0], inputs[1]);
        let bias = inputs.get(2).map(|bias| data(bias));
        let (plain, pooled);
        let layout = match self.pool {
            None => {
                plain = self.inner.forward_layout(kernel);
                &plain.0
            }
            Some(pool) => {
                let pack = |kernel: &Tensor| PooledLayout(conv::pack_forward_max_pool(shape, pool, data(kernel)));
                pooled = self.inner.param.derived(kernel, pack);
                &pooled.0
            }
        };
        let pixels = self.out().iter().product::<usize>();
        let (image, out) = (shape.input_len(), pixels * shape.filters);
        let mut y = buffer(x.shape()[0] * out);
        let mut argmax = vec![0; if self.pool.is_some() { y.len() } else { 0 }];
        let step = if pixels < MANY_PIXELS { IMAGES } else { 1 };
        let places = argmax.chunks_mut(IMAGES * out).map(Some).chain(std::iter::repeat_with(|| None));
        let mut work: Vec<_> = data(x).chunks(IMAGES * image).zip(y.chunks_mut(IMAGES * out)).zip(places).collect();
        parallel::for_each(&mut work, |((x, y), places)| {
            let mut places = places.as_deref_mut().unwrap_or_default();
            for (x, y) in x.chunks(step * image).zip(y.chunks_mut(step * out)) {
                match self.pool {
                    None => conv::forward(shape, x, layout, bias, y),
                    Some(pool) => {
                        let (own, rest) = std::mem::take(&mut places).split_at_mut(y.len());
                        conv::forward_max_pool(shape, pool, x, layout, bias, y, own);
                        places = rest;
                    }
                }
                self.inner.activation.forward(y);
            }
        });
        self.argmax = argmax;
        self.inner.keep(inputs, self.out(), self.inner.shape.filters, y)
    }

    /// with `dz = f'(z) dy`, put back where the maxima were: `dx[p + t] = Σ dz[p] · kernel[t]ᵀ`,
    /// `dkernel[t] = Σ x[p + t]ᵀ · dz[p]`, `dbias = Σ dz`, over output pixels `p` and kernel pixels `t`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let Convolved { shape, x, kernel, .. } = &self.inner;
        let (image, out) = (shape.input_len(), self.out().iter().product::<usize>() * shape.filters);
        let dz = self.inner.activation_gradient(dy);
        let gradient = |images: Range<usize>| {
            let range = images.start * out..images.end * out;
            OutputGradient { dy: &dz[range.clone()], max_pool: self.pool.map(|pool| (pool, &self.argmax[range])) }
        };
        dx.add(0, || {
            let layout = self.inner.backward_layout(kernel);
            let mut grad = buffer(x.len());
            let mut work: Vec<_> = grad.chunks_mut(IMAGES * image).enumerate().collect();
            parallel::for_each(&mut work, |(i, grad)| {
                let first = *i * IMAGES;
                conv::input_gradient(shape, gradient(first..first + grad.len() / image), &layout.0, grad);
            });
            tensor(x.shape(), grad)
        });
        if dx.wants(1) || dx.wants(2) {
            let (dw, db) = self.inner.weight_gradients(shape.filters, |images, dw, db| {
                let x = &data(x)[images.start * image..images.end * image];
                conv::weight_gradient(shape, x, gradient(images), dw, Some(db));
            });
            dx.add(1, || tensor(kernel.shape(), dw));
            dx.add(2, || tensor(&[shape.filters], db));
        }
        recycle(tensor(dy.shape(), dz));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Convolved::dependence(inputs)
    }
}

/// `y = f(x *ᵀ kernel + bias)`, where `x *ᵀ kernel` is the input gradient of the convolution `shape` whose output
/// gradient is `x`
pub(super) struct Transposed(Convolved);

impl Transposed {
    pub(super) fn new(shape: ConvShape, param: &Param, activation: Option<Arc<dyn Pointwise>>) -> Self {
        Self(Convolved::new(shape, param, activation))
    }
}

impl Op for Transposed {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (shape, layout) = (&self.0.shape, self.0.backward_layout(inputs[1]));
        let [small, large] = [shape.output_len(), shape.input_len()];
        let mut y = buffer(inputs[0].shape()[0] * large);
        in_parts(data(inputs[0]), &mut y, [small, large], |x, y| {
            conv::input_gradient(shape, OutputGradient { dy: x, max_pool: None }, &layout.0, y);
            if let Some(bias) = inputs.get(2) {
                elementwise::add_row(y, data(bias));
            }
            self.0.activation.forward(y);
        });
        let (size, channels) = (shape.size, shape.channels);
        self.0.keep(inputs, size, channels, y)
    }

    /// with `dz = f'(z) dy`: `dx[p] = Σ dz[p + t] · kernel[t]`, `dkernel[t] = Σ dz[p + t]ᵀ · x[p]`, `dbias = Σ dz`, over
    /// input pixels `p` and kernel pixels `t`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let Convolved { shape, x, kernel, .. } = &self.0;
        let [small, large] = [shape.output_len(), shape.input_len()];
        let dz = self.0.activation_gradient(dy);
        dx.add(0, || {
            let layout = self.0.forward_layout(kernel);
            let mut grad = buffer(x.len());
            in_parts(&dz, &mut grad, [large, small], |dz, grad| conv::forward(shape, dz, &layout.0, None, grad));
            tensor(x.shape(), grad)
        });
        if dx.wants(1) || dx.wants(2) {
            let (dw, db) = self.0.weight_gradients(shape.channels, |images, dw, db| {
                let dz = &dz[images.start * large..images.end * large];
                let x = &data(x)[images.start * small..images.end * small];
                conv::weight_gradient(shape, dz, OutputGradient { dy: x, max_pool: None }, dw, None);
                add_columns(db, dz);
            });
            dx.add(1, || tensor(kernel.shape(), dw));
            dx.add(2, || tensor(&[shape.channels], db));
        }
        recycle(tensor(dy.shape(), dz));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Convolved::dependence(inputs)
    }
}
