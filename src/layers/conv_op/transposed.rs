//! The operation behind a transposed convolution.

use std::any::Any;

use super::Convolved;
use crate::autograd::{Dependence, Fusible, InputGrads, OnnxAttribute, OnnxForm, Op, Param, Var};
use crate::buffers::buffer;
use crate::kernels::{
    columns::add_columns,
    conv::{self, ConvShape, OutputGradient},
    elementwise, parallel,
};
use crate::tensor::{Tensor, data, tensor};

/// `y = f(x *ᵀ kernel + bias)`, where `x *ᵀ kernel` is the input gradient of the convolution `shape` whose output
/// gradient is `x`
pub(in crate::layers) struct Transposed(Convolved);

impl Transposed {
    pub(in crate::layers) fn new(shape: ConvShape, param: &Param) -> Self {
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
            conv::forward(method, shape, dz, &layout.packed, None, &mut grad, &|_, _| {});
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

    /// A step is made of its neighbours, too.
    fn keeps_steps(&self) -> bool {
        false
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
