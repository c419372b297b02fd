//! Group and instance normalisation.

use super::by_channel::ByChannel;
use super::{Affine, channels_of, check_channels, check_epsilon};
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, Ones, Zeros};
use crate::kernels::channel_norm::Blocks;
use crate::layers::Layer;
use crate::tensor::{Float, data};

described! {
    /// Group normalisation: `y = gamma · (x - mean) / √(variance + ε) + beta`, with mean and variance (biased) of each
    /// example and group of neighbouring channels, over all axes between batch and channels.
    ///
    /// # Shapes
    /// input and output `[batch, ..., channels]`; gamma and beta `[channels]`
    /// # Defaults
    /// epsilon 1e-3 (PyTorch's is 1e-5), with gamma (`scale`, ones) and beta (`center`, zeros)
    /// # Errors
    /// an input of fewer than two axes; channels that the groups do not divide, or other ones than before; 0 groups; an
    /// epsilon that is not positive
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = GroupNorm::new(2);
    /// let y = layer.forward(&Tape::inference().input(ndarray::arr2(&[[1.0, 3.0, 50.0, 70.0]])))?;
    /// assert!((y.value()[[0, 0]] + 1.0).abs() < 1e-3 && (y.value()[[0, 3]] - 1.0).abs() < 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Wu & He 2018; Keras `GroupNormalization`, PyTorch `GroupNorm`
    #[doc(alias = "GroupNormalization")]
    pub struct GroupNorm(
        /// The number of groups of channels.
        groups: [usize] = 32,
    ) {
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
}

impl GroupNorm {
    fn affine(&self) -> Affine<'_> {
        Affine::new([&self.gamma, &self.beta], [self.scale, self.center], 1)
    }
}

impl Layer for GroupNorm {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let channels = channels_of(x)?;
        if self.groups == 0 || channels % self.groups != 0 {
            return Err(Error::value(format!(
                "expected a number of groups that divides the {channels} channels of input {:?}, got {}",
                x.value.shape(),
                self.groups
            )));
        }
        normalize(x, self.groups, self.epsilon, &self.affine())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.affine().params(list);
    }
}

described! {
    /// Instance normalisation: `y = (x - mean) / √(variance + ε)`, with mean and variance (biased) of each example and
    /// channel, over all axes between batch and channels.
    ///
    /// # Shapes
    /// input and output `[batch, ..., channels]` of at least three axes; gamma and beta `[channels]`
    /// # Defaults
    /// epsilon 1e-5, neither gamma (`scale`) nor beta (`center`)
    /// # Errors
    /// an input of fewer than three axes; other channels than before; an epsilon that is not positive
    /// # Example
    /// ```
    /// use gradus::layers::InstanceNorm;
    /// use gradus::prelude::*;
    /// let layer = InstanceNorm::new().scale(true).center(true);
    /// let y = layer.forward(&Tape::inference().input(ndarray::arr3(&[[[1.0, 5.0], [3.0, 5.0]]])))?;
    /// assert!((y.value()[[0, 0, 0]] + 1.0).abs() < 1e-3 && y.value()[[0, 0, 1]] == 0.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Ulyanov, Vedaldi & Lempitsky 2016; PyTorch `InstanceNorm2d`, Keras `GroupNormalization` with -1 groups
    #[doc(alias = "InstanceNorm2d")]
    pub struct InstanceNorm {
        /// What is added to the variance.
        epsilon: [Float] = 1e-5,
        /// Whether there is a gamma, which the numbers are multiplied with.
        scale: [bool] = false,
        /// Whether there is a beta, which is added to the numbers.
        center: [bool] = false,
    }
    params {
        gamma: gamma_initializer = Ones,
        beta: beta_initializer = Zeros,
    }
}

impl InstanceNorm {
    fn affine(&self) -> Affine<'_> {
        Affine::new([&self.gamma, &self.beta], [self.scale, self.center], 1)
    }
}

impl Layer for InstanceNorm {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let channels = channels_of(x)?;
        if x.value.shape().len() < 3 {
            return Err(Error::shape(format!(
                "expected an input [batch, ..., channels] with an axis between, got {:?}; a channel of one number has \
                 no variance",
                x.value.shape()
            )));
        }
        normalize(x, channels, self.epsilon, &self.affine())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.affine().params(list);
    }
}

fn normalize(x: &Var, groups: usize, epsilon: Float, affine: &Affine<'_>) -> Result<Var> {
    check_epsilon(epsilon)?;
    let channels = channels_of(x)?;
    check_channels(affine.shape(), x, channels)?;
    let [gamma, beta] = affine.on(x, &[channels])?;
    let blocks = x.value.shape()[0];
    let by = Blocks { blocks, rows: x.value.len() / channels / blocks.max(1), channels };
    let moments = by.moments(data(&x.value), groups);
    Ok(x.tape().apply(ByChannel::by_example(by, groups, moments, epsilon), &[x, &gamma, &beta]))
}
