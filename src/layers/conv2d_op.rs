//! The operation behind `Conv2d`, alone or with the max pooling after it.

use std::sync::Arc;

use crate::activations::{Linear, Pointwise};
use crate::autograd::{Dependence, InputGrads, Op};
use crate::buffers::{buffer, recycle, zeros};
use crate::kernels::conv2d::{self, Conv2dShape, OutputGradient};
use crate::kernels::{elementwise, parallel};
use crate::param::Param;
use crate::tensor::{Float, Tensor, data, tensor};

/// Images that a thread works on at a time: fixed, so that sums do not depend on the number of threads.
const IMAGES: usize = 8;
/// Outputs of fewer pixels are activated several images at a time.
const MANY_PIXELS: usize = 64;

/// `y = f(x * kernel + bias)`, or `y = f(max over windows of x * kernel + bias)`
pub(super) struct Convolution {
    shape: Conv2dShape,
    pool: Option<[usize; 2]>,
    /// Whose value the kernel is, so that its other layouts are made once a step and not once a part of the batch.
    param: Param,
    activation: Arc<dyn Pointwise>,
    x: Tensor,
    kernel: Tensor,
    y: Tensor,
    /// Place of each maximum in its window.
    argmax: Vec<u8>,
}

/// The kernel's layout for the forward pass.
struct ForwardLayout(Vec<Float>);
/// The kernel's layout for the forward pass with pooling.
struct PooledLayout(Vec<Float>);
/// The kernel's layout for the input gradient.
struct BackwardLayout(Vec<Float>);

impl Convolution {
    pub(super) fn new(
        shape: Conv2dShape,
        pool: Option<[usize; 2]>,
        param: &Param,
        activation: Option<Arc<dyn Pointwise>>,
    ) -> Self {
        let empty = || Tensor::default(ndarray::IxDyn(&[]));
        Self {
            shape,
            pool,
            param: param.clone(),
            activation: activation.unwrap_or_else(|| Arc::new(Linear)),
            x: empty(),
            kernel: empty(),
            y: empty(),
            argmax: Vec::new(),
        }
    }

    /// Height and width of the output.
    fn out(&self) -> [usize; 2] {
        let [height, width] = self.shape.out();
        let [rows, columns] = self.pool.unwrap_or([1, 1]);
        [height / rows, width / columns]
    }
}

impl Op for Convolution {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (shape, x, kernel) = (&self.shape, inputs[0], inputs[1]);
        let bias = inputs.get(2).map(|bias| data(bias));
        let (plain, pooled);
        let layout = match self.pool {
            None => {
                plain = self.param.derived(kernel, |kernel| ForwardLayout(conv2d::pack_forward(shape, data(kernel))));
                &plain.0
            }
            Some(pool) => {
                let pack = |kernel: &Tensor| PooledLayout(conv2d::pack_forward_max_pool(shape, pool, data(kernel)));
                pooled = self.param.derived(kernel, pack);
                &pooled.0
            }
        };
        let [height, width] = self.out();
        let (image, out) = (shape.input_len(), height * width * shape.filters);
        let batch = x.shape()[0];
        let mut y = buffer(batch * out);
        let mut argmax = vec![0; if self.pool.is_some() { y.len() } else { 0 }];
        let step = if height * width < MANY_PIXELS { IMAGES } else { 1 };
        let places = argmax.chunks_mut(IMAGES * out).map(Some).chain(std::iter::repeat_with(|| None));
        let mut work: Vec<_> = data(x).chunks(IMAGES * image).zip(y.chunks_mut(IMAGES * out)).zip(places).collect();
        parallel::for_each(&mut work, |((x, y), places)| {
            let mut places = places.as_deref_mut().unwrap_or_default();
            for (x, y) in x.chunks(step * image).zip(y.chunks_mut(step * out)) {
                match self.pool {
                    None => conv2d::forward(shape, x, layout, bias, y),
                    Some(pool) => {
                        let (own, rest) = std::mem::take(&mut places).split_at_mut(y.len());
                        conv2d::forward_max_pool(shape, pool, x, layout, bias, y, own);
                        places = rest;
                    }
                }
                self.activation.forward(y);
            }
        });
        self.argmax = argmax;
        (self.x, self.kernel) = (x.clone(), kernel.clone());
        self.y = tensor(&[batch, height, width, shape.filters], y);
        self.y.clone()
    }

    /// with `dz = f'(z) dy`, put back where the maxima were: `dx[p + t] = Σ dz[p] · kernel[t]ᵀ`,
    /// `dkernel[t] = Σ x[p + t]ᵀ · dz[p]`, `dbias = Σ dz`, over output pixels `p` and kernel pixels `t`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let shape = &self.shape;
        let [height, width] = self.out();
        let (image, out) = (shape.input_len(), height * width * shape.filters);
        let mut dz = buffer(dy.len());
        dz.copy_from_slice(data(dy));
        self.activation.backward(data(&self.y), &mut dz);
        let gradient = |range: std::ops::Range<usize>| OutputGradient {
            dy: &dz[range.clone()],
            max_pool: self.pool.map(|pool| (pool, &self.argmax[range])),
        };
        dx.add(0, || {
            let layout =
                self.param.derived(&self.kernel, |kernel| BackwardLayout(conv2d::pack_backward(shape, data(kernel))));
            let mut grad = buffer(self.x.len());
            let mut work: Vec<_> = grad.chunks_mut(IMAGES * image).enumerate().collect();
            parallel::for_each(&mut work, |(i, grad)| {
                let first = *i * IMAGES * out;
                let range = first..first + grad.len() / image * out;
                conv2d::input_gradient(shape, gradient(range), &layout.0, grad);
            });
            tensor(self.x.shape(), grad)
        });
        if dx.wants(1) || dx.wants(2) {
            let mut sums = parallel::map_chunks(self.x.shape()[0], IMAGES, |images| {
                let mut kernel = zeros(self.kernel.len());
                let mut bias = vec![0.0; shape.filters];
                let x = &data(&self.x)[images.start * image..images.end * image];
                let range = images.start * out..images.end * out;
                conv2d::weight_gradient(shape, x, gradient(range), &mut kernel, Some(&mut bias));
                (kernel, bias)
            })
            .into_iter();
            let (mut kernel, mut bias) =
                sums.next().unwrap_or_else(|| (zeros(self.kernel.len()), vec![0.0; shape.filters]));
            for (part, part_bias) in sums {
                elementwise::add_assign(&mut kernel, &part);
                elementwise::add_assign(&mut bias, &part_bias);
                recycle(tensor(self.kernel.shape(), part));
            }
            dx.add(1, || tensor(self.kernel.shape(), kernel));
            dx.add(2, || tensor(&[shape.filters], bias));
        }
        recycle(tensor(dy.shape(), dz));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match inputs {
            [_, rest @ ..] if rest.iter().any(|input| *input != Dependence::Constant) => {
                Dependence::across_batch(inputs)
            }
            _ => Dependence::per_example(inputs),
        }
    }
}
