//! The operation of batch, group and instance normalisation.

use std::any::Any;

use super::super::conv_op::{to_first, to_last};
use super::per_example;
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op};
use crate::buffers::buffer;
use crate::kernels::{channel_norm::Blocks, elementwise::scale as scale_by};
use crate::tensor::{Float, Tensor, data, empty, tensor};

/// Whose the moments are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moments {
    Given,
    Example,
    Batch,
}

/// Numbers that deviate by more are made smaller first: what they are divided by, in the gradient its third power, would have
/// no reciprocal in single precision.
const FAR: f64 = (1_u64 << 40) as f64;

/// `y = gamma (x - mean) / √(variance + ε) + beta`, with mean and variance by block and channel
pub(super) struct ByChannel {
    by: Blocks,
    groups: usize,
    moments: Moments,
    /// Of the rows of channels, those whose moments they are; `None` for all.
    real: Option<Vec<bool>>,
    /// What the input is multiplied with before all else: 1, or a smaller power of two. Mean and deviation are those after it.
    factor: f64,
    mean: Vec<f64>,
    inverse: Vec<Float>,
    x: Tensor,
    gamma: Tensor,
    epsilon: Float,
    /// Mean and variance where they are parameters.
    statistics: Option<[Tensor; 2]>,
}

/// Batch normalisation by statistics that are known, `y = scale x + shift`, as a convolution before it can take it in.
#[derive(Clone)]
pub(in crate::layers) struct Folding {
    mean: Tensor,
    variance: Tensor,
    epsilon: Tensor,
}

impl Folding {
    /// Returns the folding of an operation with this `gamma`; `None` if it is not a batch normalisation by known statistics, or if its
    /// factors are so large that a weight might overflow.
    pub fn of(op: &dyn Any, gamma: &Tensor) -> Option<Self> {
        const LARGE: Float = (1 << 20) as Float;
        let ByChannel { statistics, epsilon, .. } = op.downcast_ref()?;
        let [mean, variance] = statistics.as_ref()?;
        let fits = |(variance, gamma): (&Float, &Float)| gamma.abs() <= LARGE * (variance + epsilon).sqrt();
        let small = |variance: &Float| f64::from(*variance) < FAR * FAR;
        let fits = data(variance).iter().all(small) && data(variance).iter().zip(data(gamma)).all(fits);
        let epsilon = Tensor::from_elem(ndarray::IxDyn(&[]), *epsilon);
        fits.then(|| Self { mean: mean.clone(), variance: variance.clone(), epsilon })
    }

    /// Mean, variance and epsilon.
    pub fn parts(&self) -> [&Tensor; 3] {
        [&self.mean, &self.variance, &self.epsilon]
    }

    /// Kernel and bias of a convolution with the normalisation in them. The last axes of the kernel count filters.
    pub fn fold(&self, kernel: &[Float], bias: Option<&[Float]>, affine: [&[Float]; 2]) -> [Vec<Float>; 2] {
        let [mean, variance, epsilon] = self.parts().map(data);
        let mut scales = Vec::with_capacity(mean.len());
        let mut shifts = Vec::with_capacity(mean.len());
        for i in 0..mean.len() {
            let scale = f64::from(affine[0][i]) / (f64::from(variance[i]) + f64::from(epsilon[0])).sqrt();
            let bias = f64::from(bias.map_or(0.0, |bias| bias[i]));
            scales.push(scale);
            shifts.push((f64::from(affine[1][i]) + (bias - f64::from(mean[i])) * scale) as Float);
        }
        let mut folded = Vec::with_capacity(kernel.len());
        for row in kernel.chunks_exact(scales.len()) {
            folded.extend(row.iter().zip(&scales).map(|(weight, scale)| (f64::from(*weight) * scale) as Float));
        }
        [folded, shifts]
    }
}

impl ByChannel {
    /// With moments of the batch, which is one block, or of its `real` rows.
    pub fn batch(by: Blocks, moments: [Vec<f64>; 2], real: Option<Vec<bool>>, epsilon: Float) -> Self {
        Self { moments: Moments::Batch, real, ..Self::given(by, moments, epsilon) }
    }

    /// With moments of each example, which are the blocks, and group of channels.
    pub fn by_example(by: Blocks, groups: usize, moments: [Vec<f64>; 2], epsilon: Float) -> Self {
        Self { groups, moments: Moments::Example, ..Self::given(by, moments, epsilon) }
    }

    fn given(by: Blocks, moments: [Vec<f64>; 2], epsilon: Float) -> Self {
        let mut op = Self::empty(by, epsilon);
        op.take(moments);
        op
    }

    /// With mean and variance that are parameters.
    pub fn by_statistics(by: Blocks, mean: Tensor, variance: Tensor, epsilon: Float) -> Self {
        Self { statistics: Some([mean, variance]), ..Self::empty(by, epsilon) }
    }

    fn empty(by: Blocks, epsilon: Float) -> Self {
        Self {
            by,
            groups: by.channels,
            moments: Moments::Given,
            real: None,
            factor: 1.0,
            mean: Vec::new(),
            inverse: Vec::new(),
            x: empty(),
            gamma: empty(),
            epsilon,
            statistics: None,
        }
    }

    fn take(&mut self, [mut mean, variance]: [Vec<f64>; 2]) {
        let greatest = variance.iter().copied().filter(|variance| variance.is_finite()).fold(0.0, f64::max).sqrt();
        let factor = if greatest > FAR { (-greatest.log2().floor()).max(-126.0).exp2() } else { 1.0 };
        mean.iter_mut().for_each(|mean| *mean *= factor);
        let inverse = variance.iter().map(|variance| 1.0 / ((variance + f64::from(self.epsilon)).sqrt() * factor));
        (self.factor, self.inverse, self.mean) = (factor, inverse.map(|inverse| inverse as Float).collect(), mean);
    }

    /// For each block and channel, from the channel's gamma and the inverse deviation.
    fn scale(&self, gamma: &[Float]) -> Vec<Float> {
        let gammas = gamma.iter().cycle();
        self.inverse.iter().zip(gammas).map(|(inverse, gamma)| inverse * gamma).collect()
    }

    /// The means as they can be subtracted.
    fn center(&self) -> Vec<Float> {
        self.mean.iter().map(|mean| *mean as Float).collect()
    }

    /// `shift - slope (mean - center)`, by block and channel: far from zero the center has not all digits of the mean.
    fn exact_shift<'a>(&self, center: &[Float], slope: &[Float], shift: impl Iterator<Item = &'a Float>) -> Vec<Float> {
        let mut exact = Vec::with_capacity(center.len());
        for ((mean, center), (slope, shift)) in self.mean.iter().zip(center).zip(slope.iter().zip(shift)) {
            exact.push((f64::from(*shift) - f64::from(*slope) * (mean - f64::from(*center))) as Float);
        }
        exact
    }
}

impl Op for ByChannel {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (x, gamma, beta) = (inputs[0], data(inputs[1]), data(inputs[2]));
        if let Some([mean, variance]) = &self.statistics {
            let wide = |numbers: &Tensor| numbers.iter().map(|x| f64::from(*x)).collect();
            self.take([wide(mean), wide(variance)]);
        }
        let mut y = buffer(x.len());
        self.x = match self.factor {
            1.0 => x.clone(),
            factor => x.mapv(|x| x * factor as Float).into_shared(),
        };
        self.gamma = inputs[1].clone();
        let (center, scale) = (self.center(), self.scale(gamma));
        let shift = self.exact_shift(&center, &scale, beta.iter().cycle());
        self.by.apply(data(&self.x), &center, &scale, &shift, &mut y);
        tensor(x.shape(), y)
    }

    /// with `n` the normalised input: `dbeta = Σ dy`, `dgamma = Σ n dy`,
    /// `dx = (gamma dy - mean(gamma dy) - n mean(n gamma dy)) / √(variance + ε)`, the means only where they are the input's
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let (by, gamma) = (self.by, data(&self.gamma));
        let [beta_sums, along] = by.gradient_sums(data(&self.x), data(dy), &self.mean);
        dx.add(0, || {
            let share = match self.moments {
                Moments::Given => 0.0,
                _ => {
                    let rows = self.real.as_ref().map_or(by.rows, |real| real.iter().filter(|real| **real).count());
                    self.groups as f64 / (rows * by.channels) as f64
                }
            };
            // `power` is that of the deviation by which the mean over the group is divided.
            let mean = |sums: &[f64], power: i32| -> Vec<Float> {
                let gammas = gamma.iter().cycle();
                let mut sums: Vec<f64> = sums.iter().zip(gammas).map(|(sum, gamma)| sum * f64::from(*gamma)).collect();
                by.over_groups(&mut sums, self.groups);
                let inverse = self.inverse.iter().map(|inverse| f64::from(*inverse).powi(power));
                sums.iter().zip(inverse).map(|(sum, inverse)| (sum * share * inverse) as Float).collect()
            };
            let mut out = buffer(dy.len());
            let scale = self.scale(gamma);
            let (center, slope) = (self.center(), mean(&along, 3));
            let shift = self.exact_shift(&center, &slope, mean(&beta_sums, 1).iter());
            by.gradient(data(&self.x), data(dy), &center, [&scale, &shift, &slope], &mut out);
            // The others have no part in the moments.
            let rows = out.chunks_exact_mut(by.channels).zip(data(dy).chunks_exact(by.channels));
            for ((out, dy), _) in rows.zip(self.real.iter().flatten()).filter(|(_, real)| !**real) {
                out.iter_mut().zip(dy).zip(&scale).for_each(|((out, dy), scale)| *out = dy * scale);
            }
            if self.factor != 1.0 {
                scale_by(&mut out, self.factor as Float);
            }
            tensor(dy.shape(), out)
        });
        // Over blocks, of what is there for each channel.
        let total = |of_block: &dyn Fn(usize) -> f64| {
            let sum = |c| (0..by.blocks).map(|b| of_block(b * by.channels + c)).sum::<f64>() as Float;
            tensor(&[by.channels], (0..by.channels).map(sum).collect())
        };
        dx.add(1, || total(&|i| along[i] * f64::from(self.inverse[i])));
        dx.add(2, || total(&|i| beta_sums[i]));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.moments == Moments::Batch { Dependence::across_batch(inputs) } else { per_example(inputs) }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let rank = form.shape(0).len();
        let epsilon = [("epsilon", OnnxAttribute::number(self.epsilon))];
        let x = if rank > 2 { form.permute("in0", to_first(rank)) } else { "in0".into() };
        if let (Moments::Given, Some([mean, variance])) = (self.moments, &self.statistics) {
            let [mean, variance] = [form.numbers(mean.clone()), form.numbers(variance.clone())];
            let y = form.node("BatchNormalization", &[&x, "in1", "in2", &mean, &variance], &epsilon);
            return Some(if rank > 2 { form.permute(&y, to_last(rank)) } else { y });
        }
        if self.moments != Moments::Example {
            return None;
        }
        let own: Vec<usize> = to_first(rank).into_iter().map(|axis| form.shape(0)[axis]).collect();
        let each = own[1..].iter().product::<usize>() / self.groups;
        let flat = form.reshape(&x, &[own[0], self.groups, each]);
        let [ones, zeros] = [1.0, 0.0].map(|number| form.numbers(tensor(&[self.groups], vec![number; self.groups])));
        let y = form.node("InstanceNormalization", &[&flat, &ones, &zeros], &epsilon);
        let y = form.reshape(&y, &own);
        let y = if rank > 2 { form.permute(&y, to_last(rank)) } else { y };
        let y = form.node("Mul", &[&y, "in1"], &[]);
        Some(form.node("Add", &[&y, "in2"], &[]))
    }
}
