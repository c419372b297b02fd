//! Batch normalisation.

use super::Layer;
use crate::autograd::{Dependence, InputGrads, Op, Tape, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::initializers::{Ones, Zeros};
use crate::kernels::parallel;
use crate::param::{Param, ParamList};
use crate::tensor::{Float, Tensor, data, tensor};

/// Batch normalisation over all axes but the last: `y = gamma · (x - mean) / √(variance + ε) + beta`.
///
/// In training, mean and variance (biased) are those of the batch, and the moving ones follow:
/// `moving ← momentum · moving + (1 - momentum) · batch`. In inference, and in training where the layer is frozen, the
/// moving ones are used and stay as they are.
///
/// # Shapes
/// input and output `[batch, ..., channels]`; gamma, beta, moving_mean, moving_variance `[channels]`
/// # Defaults
/// momentum 0.99, epsilon 1e-3, with gamma (`scale`, ones) and beta (`center`, zeros)
/// # Errors
/// an input of fewer than two axes; other channels than before; a momentum outside of 0 to 1; an epsilon that is not
/// positive
/// # Example
/// ```
/// use gradus::prelude::*;
/// let layer = BatchNorm::new();
/// let y = layer.forward(&Tape::training().input(ndarray::arr2(&[[1.0], [3.0]])))?;
/// assert!((y.value()[[0, 0]] + 1.0).abs() < 1e-3);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Ioffe & Szegedy 2015; Keras `BatchNormalization`
#[doc(alias = "BatchNormalization")]
#[doc(alias = "BatchNorm2d")]
pub struct BatchNorm {
    momentum: Float,
    epsilon: Float,
    gamma: Option<Param>,
    beta: Option<Param>,
    moving_mean: Param,
    moving_variance: Param,
}

impl BatchNorm {
    /// With the defaults.
    pub fn new() -> Self {
        Self {
            momentum: 0.99,
            epsilon: 1e-3,
            gamma: Some(Param::new(Ones).pattern(&[None])),
            beta: Some(Param::new(Zeros).pattern(&[None])),
            moving_mean: Param::state(Zeros).pattern(&[None]),
            moving_variance: Param::state(Ones).pattern(&[None]),
        }
    }

    /// Sets the share of the moving statistics that survives a step.
    pub fn momentum(mut self, momentum: Float) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets what is added to the variance.
    pub fn epsilon(mut self, epsilon: Float) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets whether there is a gamma.
    pub fn scale(mut self, yes: bool) -> Self {
        self.gamma = yes.then(|| Param::new(Ones).pattern(&[None]));
        self
    }

    /// Sets whether there is a beta.
    pub fn center(mut self, yes: bool) -> Self {
        self.beta = yes.then(|| Param::new(Zeros).pattern(&[None]));
        self
    }

    /// Notes where the moving statistics go after this step.
    fn follow(&self, tape: &Tape, param: &Param, old: &Tensor, batch: &[Float]) {
        let new = data(old).iter().zip(batch).map(|(old, new)| self.momentum * old + (1.0 - self.momentum) * new);
        tape.update(param, tensor(&[batch.len()], new.collect()));
    }
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for BatchNorm {
    fn forward(&self, x: &Var) -> Result<Var> {
        let [_, .., channels] = *x.shape() else {
            return Err(Error::shape(format!("expected an input [batch, ..., channels], got {:?}", x.shape())));
        };
        if channels == 0 {
            return Err(Error::shape(format!(
                "expected at least 1 channel in the last axis, got input {:?}",
                x.shape()
            )));
        }
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(Error::value(format!("expected a momentum in 0..=1, got {}", self.momentum)));
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(Error::value(format!("expected an epsilon above 0, got {}", self.epsilon)));
        }
        if let Some(known) = self.moving_mean.shape().filter(|known| *known != [channels]) {
            let shape = x.shape();
            return Err(Error::shape(format!("expected {} channels in the last axis, got input {shape:?}", known[0])));
        }
        let tape = x.tape();
        let mean = self.moving_mean.value_on(tape, &[channels])?;
        let variance = self.moving_variance.value_on(tape, &[channels])?;
        // Kept as variables of their own so that a layer without them has the same operation.
        let constant = |value: Float| tape.constant(Tensor::from_elem(&[channels][..], value));
        let gamma = self.gamma.as_ref().map_or(Ok(constant(1.0)), |gamma| gamma.on(x, &[channels]))?;
        let beta = self.beta.as_ref().map_or(Ok(constant(0.0)), |beta| beta.on(x, &[channels]))?;
        let batch = tape.is_training() && !self.moving_mean.is_frozen();
        let op = if batch {
            if x.value.is_empty() {
                return Err(Error::shape(format!("expected at least one example, got input {:?}", x.shape())));
            }
            let (batch_mean, batch_variance) = moments(data(&x.value), channels);
            self.follow(tape, &self.moving_mean, &mean, &batch_mean);
            self.follow(tape, &self.moving_variance, &variance, &batch_variance);
            Normalize::new(batch_mean, &batch_variance, self.epsilon, true)
        } else {
            Normalize::new(data(&mean).to_vec(), data(&variance), self.epsilon, false)
        };
        Ok(tape.apply(op, &[x, &gamma, &beta]))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.gamma.iter().for_each(|gamma| list.add("gamma", gamma));
        self.beta.iter().for_each(|beta| list.add("beta", beta));
        list.add("moving_mean", &self.moving_mean);
        list.add("moving_variance", &self.moving_variance);
    }
}

/// Rows that are summed as one piece: fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 256;

/// For each channel the sum over rows of what `term` gives for `(row, channel)`, in `f64`.
fn sum_rows<const N: usize>(rows: usize, channels: usize, term: impl Fn(usize) -> [f64; N] + Sync) -> [Vec<f64>; N] {
    let parts = parallel::map_chunks(rows, ROWS, |range| {
        let mut sums: [Vec<f64>; N] = std::array::from_fn(|_| vec![0.0; channels]);
        for row in range {
            for channel in 0..channels {
                let terms = term(row * channels + channel);
                sums.iter_mut().zip(terms).for_each(|(sum, term)| sum[channel] += term);
            }
        }
        sums
    });
    let mut total: [Vec<f64>; N] = std::array::from_fn(|_| vec![0.0; channels]);
    for part in parts {
        for (total, part) in total.iter_mut().zip(part) {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
    }
    total
}

/// Mean and biased variance of each channel.
fn moments(x: &[Float], channels: usize) -> (Vec<Float>, Vec<Float>) {
    let rows = x.len() / channels;
    let [sum] = sum_rows(rows, channels, |i| [f64::from(x[i])]);
    let mean: Vec<f64> = sum.iter().map(|sum| sum / rows as f64).collect();
    let [squares] = sum_rows(rows, channels, |i| [(f64::from(x[i]) - mean[i % channels]).powi(2)]);
    let float = |x: f64| x as Float;
    (mean.iter().copied().map(float).collect(), squares.iter().map(|s| float(s / rows as f64)).collect())
}

/// `y = gamma (x - mean) / √(variance + ε) + beta`
struct Normalize {
    mean: Vec<Float>,
    inverse: Vec<Float>,
    of_batch: bool,
    normal: Tensor,
    gamma: Tensor,
}

impl Normalize {
    fn new(mean: Vec<Float>, variance: &[Float], epsilon: Float, of_batch: bool) -> Self {
        let empty = Tensor::default(ndarray::IxDyn(&[]));
        let inverse = variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
        Self { mean, inverse, of_batch, normal: empty.clone(), gamma: empty }
    }
}

impl Op for Normalize {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (x, gamma, beta) = (inputs[0], data(inputs[1]), data(inputs[2]));
        let channels = gamma.len();
        let mut normal = buffer(x.len());
        let mut y = buffer(x.len());
        let rows = normal.chunks_mut(channels).zip(y.chunks_mut(channels)).zip(data(x).chunks(channels));
        for ((normal, y), x) in rows {
            for c in 0..channels {
                normal[c] = (x[c] - self.mean[c]) * self.inverse[c];
                y[c] = gamma[c] * normal[c] + beta[c];
            }
        }
        (self.normal, self.gamma) = (tensor(x.shape(), normal), inputs[1].clone());
        tensor(x.shape(), y)
    }

    /// with `n` the normalised input: `dbeta = Σ dy`, `dgamma = Σ n dy`,
    /// `dx = gamma/√(variance + ε) · (dy - mean(dy) - n mean(n dy))`, the means only where they are the batch's
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let channels = self.mean.len();
        let (normal, grad) = (data(&self.normal), data(dy));
        let rows = grad.len() / channels;
        let [beta, gamma] =
            sum_rows(rows, channels, |i| [f64::from(grad[i]), f64::from(grad[i]) * f64::from(normal[i])]);
        let narrow = |sums: &[f64]| tensor(&[channels], sums.iter().map(|sum| *sum as Float).collect());
        dx.add(0, || {
            let mut out = buffer(grad.len());
            let share = if self.of_batch { 1.0 / rows as f64 } else { 0.0 };
            let mean = |sums: &[f64]| sums.iter().map(|sum| (sum * share) as Float).collect::<Vec<_>>();
            let (shift, slope) = (mean(&beta), mean(&gamma));
            let scale: Vec<Float> = data(&self.gamma).iter().zip(&self.inverse).map(|(g, i)| g * i).collect();
            let rows = out.chunks_mut(channels).zip(normal.chunks(channels)).zip(grad.chunks(channels));
            for ((out, normal), grad) in rows {
                for c in 0..channels {
                    out[c] = scale[c] * (grad[c] - shift[c] - normal[c] * slope[c]);
                }
            }
            tensor(dy.shape(), out)
        });
        dx.add(1, || narrow(&gamma));
        dx.add(2, || narrow(&beta));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.of_batch { Dependence::across_batch(inputs) } else { Dependence::per_example(inputs) }
    }
}
