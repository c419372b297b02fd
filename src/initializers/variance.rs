//! Values whose spread follows from the number of connections.

use super::{Initializer, RandomUniform, Rng, TruncatedNormal, fans};
use crate::tensor::{Float, Tensor};

/// Standard deviation of a unit normal that is cut at two.
const CUT_NORMAL_STD: Float = 0.879_625_661_034_239_8;

fn uniform(variance: Float, shape: &[usize], rng: &mut Rng) -> Tensor {
    let max = (3.0 * variance).sqrt();
    RandomUniform { min: -max, max }.sample(shape, rng)
}

fn normal(variance: Float, shape: &[usize], rng: &mut Rng) -> Tensor {
    TruncatedNormal { mean: 0.0, std: variance.sqrt() / CUT_NORMAL_STD }.sample(shape, rng)
}

macro_rules! scaled {
    ($($(#[$doc:meta])* $name:ident = $draw:ident, |$in:ident, $out:ident| $variance:expr;)+) => { $(
        $(#[$doc])*
        ///
        /// ```
        /// use gradus::prelude::*;
        #[doc = concat!("let layer = Dense::new(3).kernel_initializer(", stringify!($name), ");")]
        /// ```
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        impl Initializer for $name {
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
    #[doc(alias = "KaimingUniform")]
    HeUniform = uniform, |inputs, _outputs| 2.0 / inputs;
    /// Truncated normal with variance `2 / inputs`, for layers with ReLU. He et al. 2015.
    #[doc(alias = "KaimingNormal")]
    HeNormal = normal, |inputs, _outputs| 2.0 / inputs;
    /// Uniform with variance `1 / inputs`. LeCun et al. 1998.
    LecunUniform = uniform, |inputs, _outputs| 1.0 / inputs;
    /// Truncated normal with variance `1 / inputs`. LeCun et al. 1998.
    LecunNormal = normal, |inputs, _outputs| 1.0 / inputs;
}
