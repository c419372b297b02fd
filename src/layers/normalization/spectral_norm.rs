//! Spectral normalisation.

use crate::autograd::{InputGrads, Op, Param, ParamList, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::RandomNormal;
use crate::kernels::{elementwise::sum_of_squares, sums};
use crate::layers::Layer;
use crate::tensor::{Float, Tensor, data, empty, tensor};

/// Iterations on a new kernel, so that its first norm is about right.
const FIRST: usize = 15;
/// No norm is smaller.
const EPSILON: Float = 1e-12;

described! {
    /// Wraps a layer and divides its kernel by its spectral norm (the greatest singular value), so that the layer stretches
    /// no input more than once.
    ///
    /// The kernel is taken as a matrix with a column for each output; two vectors follow its greatest singular vectors by
    /// power iteration, a step in each training pass. They are state; the gradient flows through the norm.
    ///
    /// # Shapes
    /// those of the layer; spectral_u `[outputs]`, spectral_v `[other axes of the kernel together]`
    /// # Defaults
    /// 1 power iteration, the parameter `kernel`
    /// # Errors
    /// those of the layer; a layer without such a parameter, or in which it has fewer than two axes; 0 power iterations
    /// # Example
    /// ```
    /// use gradus::initializers::Constant;
    /// use gradus::layers::SpectralNorm;
    /// use gradus::prelude::*;
    /// let layer = SpectralNorm::new(Dense::new(2).use_bias(false).kernel_initializer(Constant(5.0)));
    /// let y = layer.forward(&Tape::training().input(ndarray::arr2(&[[3.0, 4.0]])))?;
    /// assert!((y.value()[[0, 0]] - 3.5).abs() < 1e-5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Miyato et al. 2018; PyTorch `parametrizations.spectral_norm`; Keras' `SpectralNormalization`, which overwrites the
    /// kernel instead, and keeps the gradient out of the norm
    #[doc(alias = "SpectralNormalization")]
    pub struct SpectralNorm(
        /// The layer inside.
        layer: [dyn Layer],
    ) {
        /// Which parameter of the layer is divided, by its path.
        parameter: [into String] = "kernel".into(),
        /// How many power iterations a training pass makes.
        power_iterations: [usize] = 1,
    }
    private {
        u: Param = vector(),
        v: Param = vector(),
    }
}

/// A singular vector that is not known yet.
fn vector() -> Param {
    Param::state(RandomNormal { mean: 0.0, stddev: 1.0 }).pattern(&[None])
}

impl Layer for SpectralNorm {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        if self.power_iterations == 0 {
            return Err(Error::value("expected at least 1 power iteration, got 0"));
        }
        let parameters = ParamList::of(self.layer.as_ref()).into_vec();
        let Some((_, kernel)) = parameters.iter().find(|(path, _)| *path == self.parameter) else {
            let paths: Vec<_> = parameters.iter().map(|(path, _)| path.as_str()).collect();
            return Err(Error::value(format!(
                "expected a layer with a parameter `{}`, got one with {paths:?}; say which one with `parameter`",
                self.parameter
            )));
        };
        let (u, v, iterations) = (self.u.clone(), self.v.clone(), self.power_iterations);
        let change = move |kernel: Var| normalize(&kernel, &u, &v, iterations);
        x.tape().with_param(kernel, change, || self.layer.forward(x))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(self.layer.as_ref());
        list.add("spectral_u", &self.u);
        list.add("spectral_v", &self.v);
    }
}

/// The kernel over its norm, and the vectors for the next pass.
fn normalize(kernel: &Var, u: &Param, v: &Param, iterations: usize) -> Result<Var> {
    let outputs = match kernel.value.shape() {
        [_, .., outputs] if !kernel.value.is_empty() => *outputs,
        other => {
            return Err(Error::shape(format!("expected a kernel of two or more axes and some numbers, got {other:?}")));
        }
    };
    let (tape, others) = (kernel.tape(), kernel.value.len() / outputs);
    let is_new = u.value().is_none() || v.value().is_none();
    let [mut next_u, mut next_v] =
        [u.value_on(tape, &[outputs])?, v.value_on(tape, &[others])?].map(|v| data(&v).to_vec());
    let mut iterate = |times: usize| {
        for _ in 0..times {
            next_u = unit(with_rows(data(&kernel.value), &next_v, outputs));
            next_v = unit(with_columns(data(&kernel.value), &next_u));
        }
        (tensor(&[outputs], next_u.clone()), tensor(&[others], next_v.clone()))
    };
    if is_new {
        let (first_u, first_v) = iterate(FIRST);
        u.set(first_u)?;
        v.set(first_v)?;
    }
    let follows = tape.is_training() && !u.is_frozen();
    let (next_u, next_v) = iterate(if follows { iterations } else { 0 });
    if follows {
        tape.update(u, next_u.clone());
        tape.update(v, next_v.clone());
    }
    let op = Quotient { u: next_u, v: next_v, norm: 1.0, y: empty() };
    Ok(tape.apply(op, &[kernel]))
}

/// `v · kernel`
fn with_rows(kernel: &[Float], v: &[Float], outputs: usize) -> Vec<Float> {
    let mut sum = vec![0.0_f64; outputs];
    for (row, v) in kernel.chunks_exact(outputs).zip(v) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(v * x));
    }
    sum.iter().map(|sum| *sum as Float).collect()
}

/// `kernel · u`
fn with_columns(kernel: &[Float], u: &[Float]) -> Vec<Float> {
    kernel.chunks_exact(u.len()).map(|row| dot(row, u)).collect()
}

/// Compiled once, where speed matters less.
#[inline(never)]
fn dot(a: &[Float], b: &[Float]) -> Float {
    sums::dot(a, b)
}

fn unit(mut x: Vec<Float>) -> Vec<Float> {
    let length = (sum_of_squares(&x).sqrt() as Float).max(EPSILON);
    x.iter_mut().for_each(|x| *x /= length);
    x
}

/// `y = x / norm` with `norm = v · x · u`
struct Quotient {
    u: Tensor,
    v: Tensor,
    norm: Float,
    y: Tensor,
}

impl Op for Quotient {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let x = inputs[0];
        self.norm = dot(&with_columns(data(x), data(&self.u)), data(&self.v));
        if self.norm.abs() < EPSILON {
            self.norm = EPSILON;
        }
        let mut y = buffer(x.len());
        y.iter_mut().zip(data(x)).for_each(|(y, x)| *y = x / self.norm);
        self.y = tensor(x.shape(), y);
        self.y.clone()
    }

    /// `dx = (dy - (Σ dy y) v uᵀ) / norm`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let along = dot(data(dy), data(&self.y));
            let (u, v) = (data(&self.u), data(&self.v));
            let mut out = buffer(dy.len());
            let rows = out.chunks_exact_mut(u.len()).zip(data(dy).chunks_exact(u.len()));
            for ((out, dy), v) in rows.zip(v) {
                let terms = out.iter_mut().zip(dy).zip(u);
                terms.for_each(|((out, dy), u)| *out = (dy - along * v * u) / self.norm);
            }
            tensor(dy.shape(), out)
        });
    }
}
