//! The operation behind a convolution, alone or with the max pooling after it.

use std::any::Any;
use std::ops::Range;

use super::{Convolved, IMAGES, PackedKernel, PooledLayout};
use crate::activations::function_of;
use crate::autograd::{Dependence, ExampleGradients, Fusible, InputGrads, OnnxForm, Op, Param, Var};
use crate::buffers::{buffer, zeros};
use crate::kernels::{
    columns::sum_columns,
    conv::{self, ConvShape, Method, OutputGradient},
    elementwise, parallel,
};
use crate::layers::normalization::Folding;
use crate::layers::pool_op::tiles_of;
use crate::layers::residual::Sum;
use crate::tensor::{Float, Tensor, data, tensor};

/// The most numbers in gradients by example.
const MOST_BY_EXAMPLE: usize = 1 << 22;

/// `y = f(x * kernel + bias)`, or `y = f(max over windows of x * kernel + bias)`; without a gradient also
/// `y = f(norm(x * kernel + bias) + other)`.
///
/// Its inputs are x and kernel, then bias, gamma and beta, and other, where present.
pub(in crate::layers) struct Convolution {
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
    pub(in crate::layers) fn new(shape: ConvShape, param: &Param, has_gradient: bool) -> Self {
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
        let layout = self
            .inner
            .folded(inputs[1], rest, |kernel, bias| PooledLayout(PackedKernel { packed: pack(kernel), bias }));
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
        conv::forward(method, &self.inner.shape, data(x), &layout.packed, bias, y, &|at, y| {
            if let Some(other) = other {
                elementwise::add_assign(y, &other[at..][..y.len()]);
            }
            self.inner.activate(y);
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

    fn by_example(&self, dy: &Tensor, i: usize) -> Option<ExampleGradients> {
        let Convolved { shape, x, kernel, .. } = &self.inner;
        let (images, len) = (x.shape()[0], if i == 1 { kernel.len() } else { shape.filters });
        // Kernels of many channels have gradients too large to keep one for each image.
        if images.saturating_mul(len) > MOST_BY_EXAMPLE || x.is_empty() {
            return None;
        }
        let out = self.out().iter().product::<usize>() * shape.filters;
        let dz = self.inner.activation_gradient(dy);
        let (mut rows, x) = (zeros(images * len), data(x));
        let argmax = |at: Range<usize>| self.pool.map(|pool| (pool, &self.argmax[at]));
        let is_turned =
            i == 1 && conv::is_turned(shape, OutputGradient { dy: data(&dz), max_pool: argmax(0..dz.len()) });
        let mut work: Vec<_> = rows.chunks_mut(len).zip(data(&dz).chunks(out)).enumerate().collect();
        parallel::for_each(&mut work, |(image, (row, dz))| {
            if i == 2 {
                return sum_columns(dz, row);
            }
            let gradient = OutputGradient { dy: dz, max_pool: argmax(*image * out..(*image + 1) * out) };
            let x = &x[*image * shape.input_len()..][..shape.input_len()];
            match is_turned {
                true => conv::add_turned_gradient(shape, x, gradient, row),
                false => conv::weight_gradient(shape, x, gradient, row, None),
            }
        });
        let filters = [shape.filters];
        let found = ExampleGradients::of_rows(if i == 1 { kernel.shape() } else { &filters }, rows);
        if !is_turned {
            return Some(found);
        }
        let shape = *shape;
        Some(found.then(move |turned| {
            let mut sum = zeros(turned.len());
            conv::turn_back(&shape, data(&turned), &mut sum);
            tensor(turned.shape(), sum)
        }))
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Convolved::dependence(inputs)
    }

    /// A step is made of its neighbours, too.
    fn keeps_steps(&self) -> bool {
        false
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        self.inner.onnx(form, "Conv", self.pool, &[])
    }
}
