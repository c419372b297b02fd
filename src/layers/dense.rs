//! Fully connected layer.

use std::any::Any;
use std::sync::Arc;

use super::Layer;
use super::kernel_and_bias::{KernelAndBias, activation_gradient};
use crate::activations::{Activation, Linear, Pointwise, function_of};
use crate::autograd::{Dependence, ExampleGradients, Fusible, InputGrads, OnnxForm, Op, Param, ParamList, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, XavierUniform, Zeros};
use crate::kernels::{
    columns::sum_columns,
    dense,
    elementwise::{scale, sum_of_squares},
    gemm::Matrix,
    packed::Packed,
};
use crate::tensor::{Float, Tensor, data, empty, tensor};

described! {
    /// Fully connected layer: `y = activation(x · kernel + bias)`.
    ///
    /// # Shapes
    /// input `[batch, ..., features]`, output `[batch, ..., units]`; kernel `[features, units]`, bias `[units]`
    /// # Defaults
    /// no activation, with a bias, kernel Xavier uniform, bias zeros
    /// # Errors
    /// an input of fewer than two axes; a last axis that differs from the one that the kernel was made for; 0 units
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = Dense::new(64).activation(Relu);
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array2::<f32>::ones((32, 784))))?;
    /// assert_eq!(y.shape(), [32, 64]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Dense`, PyTorch `Linear`; Glorot & Bengio 2010 for the initial kernel
    #[doc(alias = "Linear")]
    pub struct Dense(
        /// The number of outputs.
        units: [usize],
    ) {
        /// The activation.
        activation: [dyn Activation] = Linear,
        /// Whether there is a bias.
        use_bias: [bool] = true,
    }
    params {
        kernel: kernel_initializer = XavierUniform,
        bias: bias_initializer = Zeros,
    }
}

impl Dense {
    fn known_units(&self) -> Option<usize> {
        (self.units > 0).then_some(self.units)
    }

    /// Creates a layer with as many outputs as each [`Dense::project`] says.
    pub(in crate::layers) fn open() -> Self {
        Self::new(0)
    }

    /// Returns the kernel, `[features, units]`.
    pub fn kernel(&self) -> &Param {
        self.kernel.shaped(&[None, self.known_units()])
    }

    /// Returns the bias, `[units]`.
    pub fn bias(&self) -> Option<&Param> {
        self.use_bias.then(|| self.bias.shaped(&[self.known_units()]))
    }

    /// The forward pass with this many outputs.
    pub(in crate::layers) fn project(&self, x: &Var, units: usize) -> Result<Var> {
        let [_, .., features] = *x.value.shape() else {
            return Err(Error::shape(format!(
                "expected an input [batch, ..., features], got {:?}; one example is `x.insert_axis(Axis(0))`, one number for each \
                 example `x.insert_axis(Axis(1))`",
                x.value.shape()
            )));
        };
        if units == 0 {
            return Err(Error::value("expected at least 1 unit, got 0"));
        }
        if features == 0 {
            let shape = x.value.shape();
            return Err(Error::shape(format!("expected at least 1 feature in the last axis, got input {shape:?}")));
        }
        if let Some(known) = self.kernel.shape().filter(|shape| shape[0] != features) {
            let flat: usize = x.value.shape()[1..].iter().product();
            let hint = if flat == known[0] {
                "; add `Flatten` before it"
            } else {
                "; feed what it was made for, or make a new layer"
            };
            return Err(Error::shape(format!(
                "expected {} features in the last axis, got input {:?}{hint}",
                known[0],
                x.value.shape()
            )));
        }
        let (kernel, bias, activation) = (&self.kernel, self.bias(), self.activation.as_ref());
        let weights = KernelAndBias { kernel, bias, activation, outputs: units };
        weights.apply(x, &[features, units], |has_gradient| Affine::new(kernel, has_gradient))
    }
}

impl Layer for Dense {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.project(x, self.units)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("kernel", self.kernel());
        self.bias().into_iter().for_each(|bias| list.add("bias", bias));
    }

    config!();
}

/// `y = f(x · kernel + bias)`
struct Affine {
    /// Whose value the kernel is.
    param: Param,
    /// Whether a gradient may come back.
    has_gradient: bool,
    activation: Option<Arc<dyn Pointwise>>,
    x: Tensor,
    kernel: Tensor,
    y: Tensor,
}

impl Affine {
    fn new(param: &Param, has_gradient: bool) -> Self {
        Self { param: param.clone(), has_gradient, activation: None, x: empty(), kernel: empty(), y: empty() }
    }
}

impl Fusible for Affine {
    fn shape(&self, inputs: &[Var]) -> Vec<usize> {
        let mut shape = inputs[0].value.lengths();
        shape.pop();
        shape.push(inputs[1].value.shape()[1]);
        shape
    }

    fn with(&self, next: &dyn Any, _: &[Var], _: &[&Var]) -> Option<Box<dyn Fusible>> {
        let activation = function_of(next).filter(|_| self.activation.is_none())?;
        Some(Box::new(Self { activation: Some(activation.clone()), ..Self::new(&self.param, self.has_gradient) }))
    }
}

impl Op for Affine {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (x, kernel, bias) = (inputs[0], inputs[1], inputs.get(2));
        let [features, units] = [kernel.shape()[0], kernel.shape()[1]];
        let mut y = buffer(x.len() / features.max(1) * units);
        let activate = |part: &mut [Float]| {
            if let Some(activation) = &self.activation {
                activation.forward(part);
            }
        };
        let (sizes, bias) = ([features, units], bias.map(|bias| data(bias)));
        // A step would throw a packed kernel away.
        if !self.has_gradient && dense::wants_packed(sizes, x.len() / features.max(1)) {
            let pack = |kernel: &Tensor| Packed::new(sizes, Matrix::new(data(kernel), units));
            dense::forward_packed(sizes, data(x), &self.param.derived(kernel, pack), bias, &mut y, activate);
        } else {
            dense::forward(sizes, data(x), data(kernel), bias, &mut y, activate);
        }
        let shape = [&x.shape()[..x.ndim() - 1], &[units]].concat();
        (self.x, self.kernel, self.y) = (x.clone(), kernel.clone(), tensor(&shape, y));
        self.y.clone()
    }

    /// `dz = f'(z) dy`, `dx = dz · kernelᵀ`, `dkernel = xᵀ · dz`, `dbias = Σ dz`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let [features, units] = [self.kernel.shape()[0], self.kernel.shape()[1]];
        let dz = activation_gradient(self.activation.as_deref(), &self.y, dy);
        let dz = data(&dz);
        dx.add(0, || {
            let mut out = buffer(self.x.len());
            dense::input_gradient([features, units], dz, data(&self.kernel), &mut out);
            tensor(self.x.shape(), out)
        });
        dx.add(1, || {
            let mut out = buffer(self.kernel.len());
            dense::kernel_gradient([features, units], data(&self.x), dz, &mut out);
            tensor(self.kernel.shape(), out)
        });
        dx.add(2, || {
            let mut out = buffer(units);
            sum_columns(dz, &mut out);
            tensor(&[units], out)
        });
    }

    /// `|xᵀ dz|² = |x|² |dz|²` where an example has one row
    fn by_example(&self, dy: &Tensor, i: usize) -> Option<ExampleGradients> {
        let [features, units] = [self.kernel.shape()[0], self.kernel.shape()[1]];
        let examples = self.x.shape()[0];
        let rows = (dy.len() / (examples * units).max(1)).max(1);
        let dz = (*activation_gradient(self.activation.as_deref(), &self.y, dy)).clone();
        let x = self.x.clone();
        if i == 2 {
            let mut sums = buffer(examples * units);
            for (sums, dz) in sums.chunks_mut(units).zip(data(&dz).chunks(rows * units)) {
                sum_columns(dz, sums);
            }
            return Some(ExampleGradients::of_rows(&[units], sums));
        }
        let mut squares = Vec::with_capacity(examples);
        let mut one = buffer(if rows == 1 { 0 } else { features * units });
        for (x, dz) in data(&x).chunks(rows * features).zip(data(&dz).chunks(rows * units)) {
            squares.push(if rows == 1 {
                sum_of_squares(x) * sum_of_squares(dz)
            } else {
                dense::kernel_gradient([features, units], x, dz, &mut one);
                sum_of_squares(&one)
            });
        }
        Some(ExampleGradients::new(squares, move |factors| {
            let mut scaled = buffer(dz.len());
            scaled.copy_from_slice(data(&dz));
            for (dz, factor) in scaled.chunks_mut(rows * units).zip(factors) {
                scale(dz, *factor);
            }
            let mut out = buffer(features * units);
            dense::kernel_gradient([features, units], data(&x), &scaled, &mut out);
            tensor(&[features, units], out)
        }))
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match inputs {
            [_, rest @ ..] if rest.iter().any(|input| *input != Dependence::Constant) => {
                Dependence::across_batch(inputs)
            }
            _ => Dependence::per_example(inputs),
        }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let flat = form.shape(0).len() == 2;
        let sum = match (form.len(), flat) {
            (3, true) => form.node("Gemm", &["in0", "in1", "in2"], &[]),
            (3, false) => {
                let product = form.node("MatMul", &["in0", "in1"], &[]);
                form.node("Add", &[&product, "in2"], &[])
            }
            _ => form.node("MatMul", &["in0", "in1"], &[]),
        };
        match &self.activation {
            Some(activation) => crate::activations::onnx::form(&**activation, form, &sum),
            None => Some(sum),
        }
    }
}

#[cfg(all(test, not(float64)))]
mod tests {
    use super::*;
    use crate::autograd::Tape;
    use crate::layers::{Conv1d, ConvTranspose1d, DepthwiseConv1d, GlobalAvgPool1d, LayerNorm, SimpleRnn};

    /// The gradient of each parameter, where that of the output is 0.1 everywhere.
    fn gradients(layer: &dyn Layer, x: &Var) -> Vec<Vec<Float>> {
        let y = layer.forward(x).unwrap();
        let gradients = (y * 0.1).sum().backward().unwrap();
        let params = ParamList::of(layer).into_vec();
        params.iter().map(|(_, param)| data(gradients.get(param).unwrap()).to_vec()).collect()
    }

    /// Within the error of some hundred equal terms one after the other, which products add up.
    fn near(found: &[Float], want: f64) {
        let off = |x: &Float| (f64::from(*x) / want - 1.0).abs();
        assert!(found.iter().all(|x| off(x) < 1e-5), "{found:?}, not {want}");
    }

    #[test]
    fn a_packed_kernel_follows_the_kernel_and_gives_the_same_bits_on_any_threads() {
        let layer = Dense::new(1024).activation(crate::activations::Relu);
        let x = ndarray::Array2::from_shape_fn((40, 1024), |(i, j)| ((i * 7 + j * 3) % 11) as Float - 5.0);
        let run = |tape: Tape| layer.forward(&tape.input(x.clone())).unwrap().value().clone();
        let check = || {
            let on = |threads: usize| crate::kernels::parallel::on_threads(threads, || run(Tape::inference()));
            let (one, plain) = (on(1), run(Tape::inference().recording()));
            assert!(one == on(2) && one == on(3));
            assert!(one.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-4));
            one
        };
        let first = check();
        layer.kernel().set(-layer.kernel().value().unwrap()).unwrap();
        let second = check();
        layer.kernel().modify(|kernel| kernel.reverse());
        assert!(first != second && second != check());
    }

    /// PyTorch gives 40,000 too; one sum after the other gives 40,020.8.
    #[test]
    fn gradients_of_many_rows_lose_nothing() {
        let rows = 400_000;
        let ones = |shape: &[usize]| Tape::training().input(Tensor::ones(shape));
        let flat = gradients(&Dense::new(1), &ones(&[rows, 1]));
        assert_eq!(flat[1], [40_000.0]);
        near(&flat[0], 40_000.0);
        let layers: [&dyn Layer; 3] = [&Conv1d::new(3, 1), &ConvTranspose1d::new(2, 1), &DepthwiseConv1d::new(1)];
        for layer in layers {
            let found = gradients(layer, &ones(&[1, rows, 1]));
            assert!(found[1].iter().all(|x| *x == 40_000.0), "{:?}", found[1]);
            near(&found[0], 40_000.0);
        }
        let rnn = SimpleRnn::new(1).activation(Linear).recurrent_initializer(Zeros).return_sequences(true);
        let found = gradients(&rnn, &ones(&[100, rows / 100, 1]));
        assert_eq!(found[2], [40_000.0]);
        near(&found[0], 40_000.0);
        let x = Tape::training().input(ndarray::Array2::from_shape_fn((rows, 2), |(_, i)| 1.0 - 2.0 * i as Float));
        let norm = gradients(&LayerNorm::new().epsilon(1e-9), &x);
        near(&norm[1], 40_000.0);
        near(&[norm[0][0], -norm[0][1]], 40_000.0);
        near(data(GlobalAvgPool1d.forward(&(ones(&[1, rows, 1]) * 0.1)).unwrap().value()), 0.1);
    }
}
