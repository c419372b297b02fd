//! The operation of batch, group and instance normalisation.

use super::per_example;
use crate::autograd::{Dependence, InputGrads, Op};
use crate::buffers::buffer;
use crate::kernels::channel_norm::Blocks;
use crate::tensor::{Float, Tensor, data, tensor};

/// Whose the moments are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moments {
    Given,
    Example,
    Batch,
}

/// `y = gamma (x - mean) / √(variance + ε) + beta`, with mean and variance by block and channel
pub(super) struct ByChannel {
    by: Blocks,
    groups: usize,
    moments: Moments,
    /// Of the rows of channels, those whose moments they are; `None` for all.
    real: Option<Vec<bool>>,
    mean: Vec<Float>,
    inverse: Vec<Float>,
    x: Tensor,
    gamma: Tensor,
}

impl ByChannel {
    /// With moments of the batch, which is one block, or of its `real` rows.
    pub fn batch(by: Blocks, moments: &[Vec<f64>; 2], real: Option<Vec<bool>>, epsilon: Float) -> Self {
        Self { moments: Moments::Batch, real, ..Self::by_example(by, by.channels, moments, epsilon) }
    }

    /// With moments of each example, which are the blocks, and group of channels.
    pub fn by_example(by: Blocks, groups: usize, [mean, variance]: &[Vec<f64>; 2], epsilon: Float) -> Self {
        let mean = mean.iter().map(|mean| *mean as Float).collect();
        let variance: Vec<Float> = variance.iter().map(|variance| *variance as Float).collect();
        Self { groups, moments: Moments::Example, ..Self::given(by, mean, &variance, epsilon) }
    }

    /// With moments from elsewhere.
    pub fn given(by: Blocks, mean: Vec<Float>, variance: &[Float], epsilon: Float) -> Self {
        let inverse = variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
        let empty = Tensor::default(ndarray::IxDyn(&[]));
        Self {
            by,
            groups: by.channels,
            moments: Moments::Given,
            real: None,
            mean,
            inverse,
            x: empty.clone(),
            gamma: empty,
        }
    }

    /// For each block and channel, from the channel's gamma and the inverse deviation.
    fn scale(&self, gamma: &[Float]) -> Vec<Float> {
        let gammas = gamma.iter().cycle();
        self.inverse.iter().zip(gammas).map(|(inverse, gamma)| inverse * gamma).collect()
    }
}

impl Op for ByChannel {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (x, gamma, beta) = (inputs[0], data(inputs[1]), data(inputs[2]));
        let mut y = buffer(x.len());
        self.by.apply(data(x), &self.mean, &self.scale(gamma), beta, &mut y);
        (self.x, self.gamma) = (x.clone(), inputs[1].clone());
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
            let coefficients = [&scale[..], &mean(&beta_sums, 1), &mean(&along, 3)];
            by.gradient(data(&self.x), data(dy), &self.mean, coefficients, &mut out);
            // The others have no part in the moments.
            let rows = out.chunks_exact_mut(by.channels).zip(data(dy).chunks_exact(by.channels));
            for ((out, dy), _) in rows.zip(self.real.iter().flatten()).filter(|(_, real)| !**real) {
                out.iter_mut().zip(dy).zip(&scale).for_each(|((out, dy), scale)| *out = dy * scale);
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
}
