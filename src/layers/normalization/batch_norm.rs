//! Batch normalisation.

use super::by_channel::ByChannel;
use super::{Affine, channels_of, check_channels, check_epsilon};
use crate::autograd::{Param, ParamList, Tape, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, Ones, Zeros};
use crate::kernels::channel_norm::Blocks;
use crate::layers::Layer;
use crate::tensor::{Float, Tensor, data, tensor};

described! {
    /// Batch normalisation over all axes but the last: `y = gamma · (x - mean) / √(variance + ε) + beta`.
    ///
    /// In training, mean and variance (biased) are those of the batch, and the moving ones follow:
    /// `moving ← momentum · moving + (1 - momentum) · batch`. In inference, and in training where the layer is frozen, the
    /// moving ones are used and stay as they are. Steps that a [mask](Var::mask) leaves out count in neither, and are
    /// normalised with the others.
    ///
    /// # Shapes
    /// input and output `[batch, ..., channels]`; gamma, beta, moving_mean, moving_variance `[channels]`
    /// # Defaults
    /// momentum 0.99, epsilon 1e-3, with gamma (`scale`, ones) and beta (`center`, zeros)
    /// # Errors
    /// an input of fewer than two axes; other channels than before; a momentum outside of 0 to 1; an epsilon that is not
    /// positive; in training a batch without examples, or without a step that its mask does not leave out; in inference a
    /// moving variance that is infinite, after batches whose variance is above 3.4e38
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
        /// The share of the moving statistics that survives a step.
        momentum: [Float] = 0.99,
        /// What is added to the variance.
        epsilon: [Float] = 1e-3,
        /// Whether there is a gamma, which the numbers are multiplied with.
        scale: [bool] = true,
        /// Whether there is a beta, which is added to the numbers.
        center: [bool] = true,
    }
    params {
        gamma: gamma_initializer = Ones,
        beta: beta_initializer = Zeros,
    }
    private {
        moving_mean: Param = Param::state(Zeros).pattern(&[None]),
        moving_variance: Param = Param::state(Ones).pattern(&[None]),
    }
}

impl BatchNorm {
    fn affine(&self) -> Affine<'_> {
        Affine::new([&self.gamma, &self.beta], [self.scale, self.center], 1)
    }

    /// Notes where the moving statistics go after this step.
    fn follow(&self, tape: &Tape, param: &Param, old: &Tensor, batch: &[f64]) {
        let momentum = f64::from(self.momentum);
        let follow = |(old, new): (&Float, &f64)| (momentum * f64::from(*old) + (1.0 - momentum) * new) as Float;
        let new = data(old).iter().zip(batch).map(follow);
        tape.update(param, tensor(&[batch.len()], new.collect()));
    }
}

/// Which rows of channels the mask leaves in; `None` if there is no mask.
fn real_rows(x: &Var, rows: usize) -> Option<Vec<bool>> {
    let steps = data(x.mask.as_deref()?);
    let each = rows / steps.len().max(1);
    let mut real = Vec::with_capacity(rows);
    steps.iter().for_each(|step| real.resize(real.len() + each, *step != 0.0));
    Some(real)
}

impl Layer for BatchNorm {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let channels = channels_of(x)?;
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(Error::value(format!("expected a momentum in 0..=1, got {}", self.momentum)));
        }
        check_epsilon(self.epsilon)?;
        check_channels(self.moving_mean.shape(), x, channels)?;
        let tape = x.tape();
        let mean = self.moving_mean.value_on(tape, &[channels])?;
        let variance = self.moving_variance.value_on(tape, &[channels])?;
        let [gamma, beta] = self.affine().on(x, &[channels])?;
        let len: usize = x.value.lengths().iter().product();
        let by = Blocks { blocks: 1, rows: len / channels, channels };
        let op = if tape.is_training() && !self.moving_mean.is_frozen() {
            if len == 0 {
                return Err(Error::shape(format!("expected at least one example, got input {:?}", x.value.shape())));
            }
            let real = real_rows(x, by.rows);
            let moments = match &real {
                None => by.moments(data(&x.value), channels),
                Some(real) => {
                    let rows = data(&x.value).chunks_exact(channels).zip(real).filter(|(_, real)| **real);
                    let mut kept = Vec::new();
                    rows.for_each(|(row, _)| kept.extend_from_slice(row));
                    if kept.is_empty() {
                        return Err(Error::value(
                            "expected at least one step that the mask does not leave out, got none",
                        ));
                    }
                    Blocks { rows: kept.len() / channels, ..by }.moments(&kept, channels)
                }
            };
            self.follow(tape, &self.moving_mean, &mean, &moments[0]);
            self.follow(tape, &self.moving_variance, &variance, &moments[1]);
            ByChannel::batch(by, moments, real, self.epsilon)
        } else {
            if let Some(channel) = data(&variance).iter().position(|variance| variance.is_infinite()) {
                return Err(Error::value(format!(
                    "expected finite moving variances, got that of channel {channel} beyond the largest number; train on \
                     inputs that are scaled down"
                )));
            }
            ByChannel::by_statistics(by, mean, variance, self.epsilon)
        };
        Ok(tape.apply(op, &[x, &gamma, &beta]))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.affine().params(list);
        list.add("moving_mean", &self.moving_mean);
        list.add("moving_variance", &self.moving_variance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_moving_variances_are_errors() {
        let layer = BatchNorm::new();
        layer.forward(&Tape::training().input(ndarray::arr2(&[[-3e19], [3e19]]))).unwrap();
        layer.moving_variance.set(ndarray::arr1(&[Float::INFINITY])).unwrap();
        let error = layer.forward(&Tape::inference().input(ndarray::arr2(&[[1.0]]))).unwrap_err().to_string();
        assert!(error.starts_with("expected finite moving variances, got that of channel 0"), "{error}");
    }
}
