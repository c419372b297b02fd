//! Values whose spread follows from the number of connections.

use super::{Initializer, RandomNormal, RandomUniform, TruncatedNormal, fans};
use crate::config::{config, described, named};
use crate::random::Rng;
use crate::tensor::{Float, Tensor};

/// Standard deviation of a unit normal that is cut at two.
const CUT_NORMAL_STD: Float = 0.879_625_661_034_239_8;

fn uniform(variance: Float, shape: &[usize], rng: &mut Rng) -> Tensor {
    let max = (3.0 * variance).sqrt();
    RandomUniform { minval: -max, maxval: max }.sample(shape, rng)
}

fn normal(variance: Float, shape: &[usize], rng: &mut Rng) -> Tensor {
    TruncatedNormal { mean: 0.0, stddev: variance.sqrt() / CUT_NORMAL_STD }.sample(shape, rng)
}

macro_rules! scaled {
    ($($(#[$doc:meta])* $name:ident = $draw:ident, |$in:ident, $out:ident| $variance:expr;)+) => { $(
        described! {
            $(#[$doc])*
            ///
            /// ```
            /// use gradus::{initializers::*, prelude::*};
            #[doc = concat!("let layer = Dense::new(3).kernel_initializer(", stringify!($name), ");")]
            /// ```
            pub struct $name;
        }

        impl Initializer for $name {
            config!();

            fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
                let ($in, $out) = fans(shape);
                $draw($variance, shape, rng)
            }
        }
    )+ };
}

scaled! {
    /// Uniform with variance `2 / (inputs + outputs)`: the default of kernels. Glorot & Bengio 2010.
    #[doc(alias = "GlorotUniform")]
    XavierUniform = uniform, |inputs, outputs| 2.0 / (inputs + outputs);
    /// Truncated normal with variance `2 / (inputs + outputs)`. Glorot & Bengio 2010.
    #[doc(alias = "GlorotNormal")]
    XavierNormal = normal, |inputs, outputs| 2.0 / (inputs + outputs);
    /// Uniform with variance `2 / inputs`, for layers with ReLU. He et al. 2015.
    HeUniform = uniform, |inputs, _outputs| 2.0 / inputs;
    /// Truncated normal with variance `2 / inputs`, for layers with ReLU. He et al. 2015.
    HeNormal = normal, |inputs, _outputs| 2.0 / inputs;
    /// Uniform with variance `1 / inputs`. LeCun et al. 1998.
    LecunUniform = uniform, |inputs, _outputs| 1.0 / inputs;
    /// Truncated normal with variance `1 / inputs`. LeCun et al. 1998.
    LecunNormal = normal, |inputs, _outputs| 1.0 / inputs;
}

/// What a variance is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "Keras has these, and no others")]
pub enum Fan {
    /// The number of inputs.
    #[default]
    In,
    /// The number of outputs.
    Out,
    /// The average of both.
    Average,
}

named!(Fan { In = "fan_in", Out = "fan_out", Average = "fan_avg" });

impl Fan {
    fn of(self, shape: &[usize]) -> Float {
        let (inputs, outputs) = fans(shape);
        let fan: Float = match self {
            Self::In => inputs,
            Self::Out => outputs,
            Self::Average => (inputs + outputs) / 2.0,
        };
        fan.max(1.0)
    }
}

/// How values of a certain variance are distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "Keras has these, and no others")]
pub enum Spread {
    /// Normal, cut at two standard deviations (before the cut).
    #[default]
    TruncatedNormal,
    /// Normal.
    Normal,
    /// Uniform.
    Uniform,
}

named!(Spread { TruncatedNormal = "truncated_normal", Normal = "untruncated_normal", Uniform = "uniform" });

impl Spread {
    fn sample(self, variance: Float, shape: &[usize], rng: &mut Rng) -> Tensor {
        match self {
            Self::TruncatedNormal => normal(variance, shape, rng),
            Self::Normal => RandomNormal { mean: 0.0, stddev: variance.sqrt() }.sample(shape, rng),
            Self::Uniform => uniform(variance, shape, rng),
        }
    }
}

described! {
    /// Variance `scale / fan`; by default scale 1, the number of inputs, truncated normal, as in Keras. A negative scale
    /// counts as 0.
    ///
    /// ```
    /// use gradus::initializers::{Fan, Spread, VarianceScaling};
    /// use gradus::prelude::*;
    /// let initializer = VarianceScaling { scale: 2.0, mode: Fan::Average, distribution: Spread::Uniform };
    /// let layer = Dense::new(3).kernel_initializer(initializer);
    /// ```
    #[derive(Clone, Copy)]
    pub struct VarianceScaling {
        /// The factor.
        scale: [Float] = 1.0,
        /// What the factor is divided by.
        mode: [Fan] = Fan::In,
        /// The distribution.
        distribution: [Spread] = Spread::TruncatedNormal,
    }
}

impl Initializer for VarianceScaling {
    config!();

    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        self.distribution.sample(self.scale.max(0.0) / self.mode.of(shape), shape, rng)
    }
}

macro_rules! kaiming {
    ($($(#[$doc:meta])* $name:ident = $distribution:ident;)+) => { $(
        described! {
            $(#[$doc])*
            /// He et al. 2015, as in PyTorch.
            ///
            /// ```
            /// use gradus::{initializers::*, prelude::*};
            #[doc = concat!("let layer = Dense::new(3).kernel_initializer(", stringify!($name), " { a: 0.1, mode: Fan::Out });")]
            /// ```
            #[derive(Clone, Copy)]
            pub struct $name {
                /// The slope of the leaky rectifier after the layer. PyTorch's own layers have √5 here.
                a: [Float] = 0.0,
                /// What the variance is divided by.
                mode: [Fan] = Fan::In,
            }
        }

        impl Initializer for $name {
            config!();

            fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
                Spread::$distribution.sample(2.0 / (1.0 + self.a * self.a) / self.mode.of(shape), shape, rng)
            }
        }
    )+ };
}

kaiming! {
    /// Uniform with variance `2 / (1 + a²) / fan`, for layers with a leaky rectifier.
    KaimingUniform = Uniform;
    /// Normal with variance `2 / (1 + a²) / fan`, for layers with a leaky rectifier.
    KaimingNormal = Normal;
}
