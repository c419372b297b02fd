//! What the operations behind convolutions share: the layouts of their kernels, and their gradients.

mod convolution;
mod transposed;

pub(super) use convolution::Convolution;
pub(super) use transposed::Transposed;

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use super::kernel_and_bias::activation_gradient;
use super::normalization::Folding;
use crate::activations::{Pointwise, function_of};
use crate::autograd::{Dependence, OnnxAttribute, OnnxForm, Param, Var};
use crate::buffers::{Loan, buffer, zeros};
use crate::kernels::{
    conv::{self, ConvShape, Method, OutputGradient},
    elementwise, parallel,
};
use crate::tensor::{Float, Pooled, Tensor, data, empty, recycle, tensor};

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
struct ForwardLayout<const WINOGRAD: bool>(Arc<PackedKernel>);
struct PooledLayout(PackedKernel);
struct BackwardLayout(Loan);
struct TurnedLayout(Method, Loan);

/// The kernel as a method wants it, and the bias to go with it if both have a normalisation in them.
struct PackedKernel {
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

    fn forward_layout(&self, kernel: &Tensor, rest: &[&Tensor], method: Method) -> Arc<PackedKernel> {
        let make = |kernel: &[Float], bias| {
            Arc::new(PackedKernel { packed: conv::pack_forward(method, &self.shape, kernel), bias })
        };
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
            conv::forward(layout.0, &turned, dz, &layout.1, None, &mut grad, &|_, _| {});
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

    /// Some images have a gradient of their own, unless there are many weights compared to what is summed; then threads divide it.
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
