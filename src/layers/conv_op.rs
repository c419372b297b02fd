//! The operations behind convolutions: one way, alone or with the max pooling after it, and the other way.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use super::kernel_and_bias::activation_gradient;
use super::normalization::Folding;
use super::pool_op::tiles_of;
use super::residual::Sum;
use crate::activations::{Pointwise, function_of};
use crate::autograd::{Dependence, Fusible, InputGrads, OnnxAttribute, OnnxForm, Op, Param, Var};
use crate::buffers::{Loan, buffer, zeros};
use crate::kernels::{
    columns::add_columns,
    conv::{self, ConvShape, Method, OutputGradient},
    elementwise, parallel,
};
use crate::tensor::{Float, Pooled, Tensor, data, recycle, tensor};

/// Images that a thread works on at a time where they are small: fixed, so that sums do not depend on the number of threads.
const IMAGES: usize = 8;
/// Of larger outputs, one is enough.
const MANY_PIXELS: usize = 64;
/// Multiplications that are worth a gradient of its own, to be added to the others.
const WORK: usize = 1 << 21;

/// What both operations hold.
struct Convolved {
    shape: ConvShape,
    /// Whose value the kernel is, so that its other layouts are made once a step and not once a part of the batch.
    param: Param,
    activation: Option<Arc<dyn Pointwise>>,
    norm: Option<Folding>,
    x: Tensor,
    kernel: Tensor,
    y: Tensor,
}

/// The kernel's layouts: for the convolution, for that with pooling, for the other way, and for the turned convolution.
struct ForwardLayout<const WINOGRAD: bool>(Arc<Layout>);
struct PooledLayout(Layout);
struct BackwardLayout(Loan);
struct TurnedLayout(Method, Loan);

/// The kernel as a method wants it, and the bias to go with it if both have a normalisation in them.
struct Layout {
    packed: Loan,
    bias: Option<Vec<Float>>,
}

/// The order of axes with the channels, which are last, after the batch, and back.
pub(super) fn to_first(rank: usize) -> Vec<usize> {
    [0, rank - 1].into_iter().chain(1..rank - 1).collect()
}

pub(super) fn to_last(rank: usize) -> Vec<usize> {
    [0].into_iter().chain(2..rank).chain([1]).collect()
}

impl Convolved {
    /// The convolution or its transpose as a node between transpositions, and the activation; `pool` comes last.
    fn onnx(
        &self,
        form: &mut OnnxForm,
        op: &'static str,
        pool: Option<[usize; 2]>,
        more: &[(&'static str, OnnxAttribute)],
    ) -> Option<String> {
        let rank = form.shape(0).len();
        let (n, shape) = (rank - 2, &self.shape);
        let last = |lengths: [usize; 3]| lengths[3 - n..].to_vec();
        let ints = |lengths: Vec<usize>| OnnxAttribute::Ints(lengths.into_iter().map(|len| len as i64).collect());
        let kernel = [&last(shape.kernel)[..], &[shape.channels / shape.groups, shape.filters]].concat();
        let own = if form.shape(1) == kernel { "in1".into() } else { form.reshape("in1", &kernel) };
        let kernel = form.permute(&own, [n + 1, n].into_iter().chain(0..n));
        let mut pads = Vec::new();
        for side in [0, 1] {
            pads.extend(shape.padding[3 - n..].iter().map(|pads| pads[side]));
        }
        let mut attributes = vec![
            ("kernel_shape", ints(last(shape.kernel))),
            ("strides", ints(last(shape.stride))),
            ("dilations", ints(last(shape.dilation))),
            ("pads", ints(pads)),
            ("group", OnnxAttribute::Int(shape.groups as i64)),
        ];
        attributes.extend_from_slice(more);
        let x = form.permute("in0", to_first(rank));
        let inputs: &[&str] = if form.len() > 2 { &[&x, &kernel, "in2"] } else { &[&x, &kernel] };
        let mut y = form.node(op, inputs, &attributes);
        if let Some(activation) = &self.activation {
            y = crate::activations::onnx::form(&**activation, form, &y)?;
        }
        if let Some(pool) = pool {
            let window = ints(pool.to_vec());
            y = form.node("MaxPool", &[&y], &[("kernel_shape", window.clone()), ("strides", window)]);
        }
        Some(form.permute(&y, to_last(rank)))
    }

    fn new(shape: ConvShape, param: &Param, activation: Option<Arc<dyn Pointwise>>) -> Self {
        let empty = || Tensor::default(ndarray::IxDyn(&[]));
        Self { shape, param: param.clone(), activation, norm: None, x: empty(), kernel: empty(), y: empty() }
    }

    /// Keeps what the backward pass reads, with an output of these lengths and channels.
    fn keep(&mut self, inputs: &[&Tensor], out: [usize; 3], channels: usize, y: Vec<Float>) -> Tensor {
        let (x, spatial) = (inputs[0], inputs[0].ndim() - 2);
        let shape = [&x.shape()[..1], &out[3 - spatial..], &[channels]].concat();
        (self.x, self.kernel, self.y) = (x.clone(), inputs[1].clone(), tensor(&shape, y));
        self.y.clone()
    }

    /// Something made of the kernel with the normalisation in it, kept while neither changes, and the bias to go with it; `rest`
    /// are bias, gamma and beta, where present.
    fn folded<T: Any + Send + Sync>(
        &self,
        kernel: &Tensor,
        rest: &[&Tensor],
        make: impl Fn(&[Float], Option<Vec<Float>>) -> T,
    ) -> Arc<T> {
        let (Some(norm), [bias @ .., gamma, beta]) = (&self.norm, rest) else {
            return self.param.derived(kernel, |kernel| make(data(kernel), None));
        };
        self.param.derived_with(kernel, &[rest, &norm.parts()].concat(), |kernel| {
            let bias = bias.first().map(|bias| data(bias));
            let [kernel, bias] = norm.fold(data(kernel), bias, [data(gamma), data(beta)]);
            make(&kernel, Some(bias))
        })
    }

    fn forward_layout(&self, kernel: &Tensor, rest: &[&Tensor], method: Method) -> Arc<Layout> {
        let make =
            |kernel: &[Float], bias| Arc::new(Layout { packed: conv::pack_forward(method, &self.shape, kernel), bias });
        // The method depends on the size of the image, too.
        match method {
            Method::Winograd => {
                self.folded(kernel, rest, |kernel, bias| ForwardLayout::<true>(make(kernel, bias))).0.clone()
            }
            _ => self.folded(kernel, rest, |kernel, bias| ForwardLayout::<false>(make(kernel, bias))).0.clone(),
        }
    }

    fn backward_layout(&self, kernel: &Tensor) -> Arc<BackwardLayout> {
        self.param.derived(kernel, |kernel| BackwardLayout(conv::pack_backward(&self.shape, data(kernel))))
    }

    fn turned_layout(&self, turned: &ConvShape, kernel: &Tensor) -> Arc<TurnedLayout> {
        let method = turned.method();
        let make = |kernel: &Tensor| TurnedLayout(method, conv::pack_turned(method, turned, data(kernel)));
        let layout = self.param.derived(kernel, make);
        if layout.0 == method { layout } else { Arc::new(make(kernel)) }
    }

    /// The gradient of the convolution's input, of `images`, from that of its output.
    fn input_gradient(&self, kernel: &Tensor, dz: &[Float], images: usize) -> Vec<Float> {
        let (shape, mut grad) = (&self.shape, buffer(images * self.shape.input_len()));
        if let Some(turned) = shape.turned().filter(|turned| turned.method() != Method::Patches) {
            let layout = self.turned_layout(&turned, kernel);
            by_pieces(&turned, dz, &mut grad, |shape, dz, _, grad| {
                conv::forward(layout.0, shape, dz, &layout.1, None, grad, &|_, _| {});
            });
            return grad;
        }
        let layout = self.backward_layout(kernel);
        in_parts(shape, dz, &mut grad, [shape.output_len(), shape.input_len()], |dz, grad| {
            conv::input_gradient(shape, OutputGradient { dy: dz, max_pool: None }, &layout.0, grad);
        });
        grad
    }

    /// The same with an activation after it.
    fn with(&self, next: &dyn Any) -> Option<Self> {
        let activation = function_of(next).filter(|_| self.activation.is_none())?;
        Some(Self::new(self.shape, &self.param, Some(activation.clone())))
    }

    /// Batch, lengths and channels of an output.
    fn output(inputs: &[Var], out: [usize; 3], channels: usize) -> Vec<usize> {
        let x = inputs[0].value.lengths();
        [&x[..1], &out[3 - (x.len() - 2)..], &[channels]].concat()
    }

    /// `dz = f'(z) dy`
    fn activation_gradient(&self, dy: &Tensor) -> Pooled {
        activation_gradient(self.activation.as_deref(), &self.y, dy)
    }

    fn activate(&self, y: &mut [Float]) {
        if let Some(activation) = &self.activation {
            activation.forward(y);
        }
    }

    /// Gradients of the kernel and of the bias, which `part` adds to for some of the images.
    fn weight_gradients(
        &self,
        filters: usize,
        part: impl Fn(Range<usize>, &mut [Float], &mut [f64]) + Sync,
    ) -> (Vec<Float>, Vec<Float>) {
        let empty = || (zeros(self.kernel.len()), vec![0.0; filters]);
        let sum = |images: Range<usize>| {
            let (mut kernel, mut bias) = empty();
            part(images, &mut kernel, &mut bias);
            (kernel, bias)
        };
        let (all, some) = (self.x.shape()[0], self.images_per_gradient());
        let mut sums = match some >= all {
            // Alone it may use all threads inside.
            true => {
                let _flush = parallel::FlushDenormals::new();
                vec![sum(0..all)]
            }
            false => parallel::map_chunks(all, some, sum),
        }
        .into_iter();
        let (mut kernel, mut bias) = sums.next().unwrap_or_else(empty);
        for (part, part_bias) in sums {
            elementwise::add_assign(&mut kernel, &part);
            bias.iter_mut().zip(part_bias).for_each(|(bias, part)| *bias += part);
            recycle(tensor(self.kernel.shape(), part));
        }
        (kernel, bias.iter().map(|bias| *bias as Float).collect())
    }

    /// A gradient of its own is made for some images, unless weights are many beside what is summed; then threads divide it.
    fn images_per_gradient(&self) -> usize {
        let (shape, images) = (&self.shape, self.x.shape()[0]);
        let numbers = images * (shape.input_len() + shape.output_len());
        let multiplications = images * shape.output_len() * (self.kernel.len() / shape.filters.max(1));
        let most = (numbers / (4 * self.kernel.len()).max(1)).min(multiplications / WORK).min(IMAGES);
        images.div_ceil(most.max(1))
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
fn in_parts(
    shape: &ConvShape,
    x: &[Float],
    y: &mut [Float],
    lens: [usize; 2],
    work: impl Fn(&[Float], &mut [Float]) + Sync,
) {
    let images = if shape.out().iter().product::<usize>() < MANY_PIXELS { IMAGES } else { 1 };
    let mut parts: Vec<_> = x.chunks(images * lens[0]).zip(y.chunks_mut(images * lens[1])).collect();
    parallel::for_each(&mut parts, |(x, y)| work(x, y));
}

/// Calls `work` on all threads for pieces of a batch and what becomes of them, with the shape of the piece and its place in `y`.
fn by_pieces(
    shape: &ConvShape,
    x: &[Float],
    mut y: &mut [Float],
    work: impl Fn(&ConvShape, &[Float], usize, &mut [Float]) + Sync,
) {
    let (mut pieces, mut at) = (Vec::new(), 0);
    for piece in conv::pieces(shape, [1, 1], x.len() / shape.input_len().max(1)) {
        let (own, rest) = y.split_at_mut(piece.y);
        y = rest;
        pieces.push((piece.shape, &x[piece.x], at, own));
        at += piece.y;
    }
    parallel::for_each(&mut pieces, |(shape, x, at, y)| work(shape, x, *at, y));
}

/// `y = f(x * kernel + bias)`, or `y = f(max over windows of x * kernel + bias)`; without a gradient also
/// `y = f(norm(x * kernel + bias) + other)`.
///
/// Its inputs are x and kernel, then bias, gamma and beta, and other, where present.
pub(super) struct Convolution {
    inner: Convolved,
    pool: Option<[usize; 2]>,
    /// Whether the last input is added.
    adds: bool,
    /// Place of each maximum in its window.
    argmax: Vec<u8>,
    /// Whether a gradient may come back.
    has_gradient: bool,
}

impl Convolution {
    pub(super) fn new(shape: ConvShape, param: &Param, has_gradient: bool) -> Self {
        let inner = Convolved::new(shape, param, None);
        Self { inner, pool: None, adds: false, argmax: Vec::new(), has_gradient }
    }

    /// The same operation, before its value is computed.
    fn again(&self) -> Self {
        let Convolved { shape, param, activation, norm, .. } = &self.inner;
        let inner = Convolved { norm: norm.clone(), ..Convolved::new(*shape, param, activation.clone()) };
        Self { inner, pool: self.pool, adds: self.adds, argmax: Vec::new(), has_gradient: self.has_gradient }
    }

    /// The same with a normalisation or a sum after it, whose other inputs are `more`: where there is no gradient.
    fn without_gradient(&self, next: &dyn Any, more: &[&Var]) -> Option<Self> {
        let is_last = self.inner.activation.is_some() || self.pool.is_some() || self.adds;
        match more {
            _ if self.has_gradient || is_last || more.iter().any(|input| input.is_recorded()) => None,
            [gamma, _] if self.inner.norm.is_none() => {
                let norm = Some(Folding::of(next, &gamma.value)?);
                let new = self.again();
                Some(Self { inner: Convolved { norm, ..new.inner }, ..new })
            }
            [_] => Sum::is_plain(next).then(|| Self { adds: true, ..self.again() }),
            _ => None,
        }
    }

    /// Depth, height and width of the output.
    fn out(&self) -> [usize; 3] {
        let [depth, height, width] = self.inner.shape.out();
        let [rows, columns] = self.pool.unwrap_or([1, 1]);
        [depth, height / rows, width / columns]
    }
}

impl Convolution {
    /// Computes the maxima and gives their places.
    fn forward_max_pool(&self, pool: [usize; 2], inputs: &[&Tensor], y: &mut [Float]) -> Vec<u8> {
        let (shape, rest) = (&self.inner.shape, &inputs[2..]);
        let pack = |kernel: &[Float]| conv::pack_forward_max_pool(shape, pool, kernel);
        let layout =
            self.inner.folded(inputs[1], rest, |kernel, bias| PooledLayout(Layout { packed: pack(kernel), bias }));
        let layout = &layout.0;
        let bias = layout.bias.as_deref().or(rest.first().map(|bias| data(bias)));
        let mut argmax = vec![0; y.len()];
        let (mut pieces, mut rest) = (Vec::new(), (y, &mut argmax[..]));
        for piece in conv::pieces(shape, pool, inputs[0].shape()[0]) {
            let (y, argmax) = (rest.0.split_at_mut(piece.y), rest.1.split_at_mut(piece.y));
            rest = (y.1, argmax.1);
            pieces.push((piece.shape, &data(inputs[0])[piece.x], y.0, argmax.0));
        }
        parallel::for_each(&mut pieces, |(shape, x, y, argmax)| {
            conv::forward_max_pool(shape, pool, x, &layout.packed, bias, y, argmax);
            self.inner.activate(y);
        });
        argmax
    }

    /// Computes the convolution, and what comes after it while its output is in cache.
    fn forward_alone(&self, inputs: &[&Tensor], y: &mut [Float]) {
        let (x, kernel) = (inputs[0], inputs[1]);
        // Rounding decides which units of a deep network are 0 and which are a maximum, and their gradients with them: a pass
        // that has a gradient rounds like the definition.
        let method = match self.inner.shape.method() {
            Method::Winograd if self.has_gradient => Method::Patches,
            method => method,
        };
        let (rest, other) = match inputs[2..].split_last() {
            Some((other, rest)) if self.adds => (rest, Some(data(other))),
            _ => (&inputs[2..], None),
        };
        let layout = self.inner.forward_layout(kernel, rest, method);
        let bias = layout.bias.as_deref().or(rest.first().map(|bias| data(bias)));
        by_pieces(&self.inner.shape, data(x), y, |shape, x, first, y| {
            conv::forward(method, shape, x, &layout.packed, bias, y, &|at, y| {
                if let Some(other) = other {
                    elementwise::add_assign(y, &other[first + at..][..y.len()]);
                }
                self.inner.activate(y);
            });
        });
    }
}

impl Fusible for Convolution {
    fn shape(&self, inputs: &[Var]) -> Vec<usize> {
        Convolved::output(inputs, self.out(), self.inner.shape.filters)
    }

    /// With a max pooling whose windows tile the image, the convolution's output is never stored, nor computed where no
    /// window covers it. The activation then comes after the maximum, so it must be monotone.
    fn with(&self, next: &dyn Any, inputs: &[Var], more: &[&Var]) -> Option<Box<dyn Fusible>> {
        if !more.is_empty() {
            return Some(Box::new(self.without_gradient(next, more)?));
        }
        if self.pool.is_some() {
            return None;
        }
        let (new, Convolved { shape, activation, .. }) = (self.again(), &self.inner);
        if let Some(function) = function_of(next).filter(|_| activation.is_none()) {
            let activation = Some(function.clone());
            return Some(Box::new(Self { inner: Convolved { activation, ..new.inner }, ..new }));
        }
        let pool = tiles_of(next)?;
        let is_monotone = activation.as_ref().is_none_or(|activation| activation.is_monotone());
        let [height, width] = shape.grid();
        let fits =
            height >= pool[0] && width >= pool[1] && !shape.is_depthwise() && inputs[0].value.lengths().len() == 4;
        (is_monotone && fits && !self.adds).then(|| Box::new(Self { pool: Some(pool), ..new }) as Box<dyn Fusible>)
    }
}

impl Op for Convolution {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let image = self.out().iter().product::<usize>() * self.inner.shape.filters;
        let mut y = buffer(inputs[0].shape()[0] * image);
        match self.pool {
            Some(pool) => self.argmax = self.forward_max_pool(pool, inputs, &mut y),
            None => self.forward_alone(inputs, &mut y),
        }
        self.inner.keep(inputs, self.out(), self.inner.shape.filters, y)
    }

    /// with `dz = f'(z) dy`, put back where the maxima were: `dx[p + t] = Σ dz[p] · kernel[t]ᵀ`,
    /// `dkernel[t] = Σ x[p + t]ᵀ · dz[p]`, `dbias = Σ dz`, over output pixels `p` and kernel pixels `t`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let Convolved { shape, x, kernel, .. } = &self.inner;
        let (image, out) = (shape.input_len(), self.out().iter().product::<usize>() * shape.filters);
        let gradient_of_sum = self.inner.activation_gradient(dy);
        let dz = data(&gradient_of_sum);
        let gradient = |images: Range<usize>| {
            let range = images.start * out..images.end * out;
            OutputGradient { dy: &dz[range.clone()], max_pool: self.pool.map(|pool| (pool, &self.argmax[range])) }
        };
        dx.add(0, || {
            if self.pool.is_none() {
                return tensor(x.shape(), self.inner.input_gradient(kernel, dz, x.shape()[0]));
            }
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
            let has_bias = dx.wants(2);
            let (dw, db) = self.inner.weight_gradients(shape.filters, |images, dw, db| {
                let x = &data(x)[images.start * image..images.end * image];
                conv::weight_gradient(shape, x, gradient(images), dw, has_bias.then_some(db));
            });
            dx.add(1, || tensor(kernel.shape(), dw));
            dx.add(2, || tensor(&[shape.filters], db));
        }
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Convolved::dependence(inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        self.inner.onnx(form, "Conv", self.pool, &[])
    }
}

/// `y = f(x *ᵀ kernel + bias)`, where `x *ᵀ kernel` is the input gradient of the convolution `shape` whose output
/// gradient is `x`
pub(super) struct Transposed(Convolved);

impl Transposed {
    pub(super) fn new(shape: ConvShape, param: &Param) -> Self {
        Self(Convolved::new(shape, param, None))
    }
}

impl Fusible for Transposed {
    fn shape(&self, inputs: &[Var]) -> Vec<usize> {
        Convolved::output(inputs, self.0.shape.size, self.0.shape.channels)
    }

    fn with(&self, next: &dyn Any, _: &[Var], _: &[&Var]) -> Option<Box<dyn Fusible>> {
        Some(Box::new(Self(self.0.with(next)?)))
    }
}

impl Op for Transposed {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let shape = &self.0.shape;
        let mut y = self.0.input_gradient(inputs[1], data(inputs[0]), inputs[0].shape()[0]);
        let image = shape.input_len().max(1);
        let mut images: Vec<_> = y.chunks_mut(image).collect();
        parallel::for_each(&mut images, |y| {
            if let Some(bias) = inputs.get(2) {
                elementwise::add_row(y, data(bias));
            }
            self.0.activate(y);
        });
        let (size, channels) = (shape.size, shape.channels);
        self.0.keep(inputs, size, channels, y)
    }

    /// with `dz = f'(z) dy`: `dx[p] = Σ dz[p + t] · kernel[t]`, `dkernel[t] = Σ dz[p + t]ᵀ · x[p]`, `dbias = Σ dz`, over
    /// input pixels `p` and kernel pixels `t`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let Convolved { shape, x, kernel, .. } = &self.0;
        let [small, large] = [shape.output_len(), shape.input_len()];
        let gradient_of_sum = self.0.activation_gradient(dy);
        let dz = data(&gradient_of_sum);
        dx.add(0, || {
            let method = shape.method();
            let layout = self.0.forward_layout(kernel, &[], method);
            let mut grad = buffer(x.len());
            by_pieces(shape, dz, &mut grad, |shape, dz, _, grad| {
                conv::forward(method, shape, dz, &layout.packed, None, grad, &|_, _| {});
            });
            tensor(x.shape(), grad)
        });
        if dx.wants(1) || dx.wants(2) {
            let has_bias = dx.wants(2);
            let (dw, db) = self.0.weight_gradients(shape.channels, |images, dw, db| {
                let dz = &dz[images.start * large..images.end * large];
                let x = &data(x)[images.start * small..images.end * small];
                conv::weight_gradient(shape, dz, OutputGradient { dy: x, max_pool: None }, dw, None);
                if has_bias {
                    add_columns(db, dz);
                }
            });
            dx.add(1, || tensor(kernel.shape(), dw));
            dx.add(2, || tensor(&[shape.channels], db));
        }
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Convolved::dependence(inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let shape = &self.0.shape;
        let (n, input) = (form.shape(0).len() - 2, form.shape(0).to_vec());
        let extra = (0..n).map(|axis| {
            let i = 3 - n + axis;
            let full = shape.stride[i] * (input[1 + axis] - 1) + (shape.kernel[i] - 1) * shape.dilation[i] + 1;
            (shape.size[i] + shape.padding[i][0] + shape.padding[i][1]) as i64 - full as i64
        });
        let extra: Vec<i64> = extra.collect();
        if extra.iter().any(|extra| *extra < 0) {
            return None;
        }
        self.0.onnx(form, "ConvTranspose", None, &[("output_padding", OnnxAttribute::Ints(extra))])
    }
}
