//! Layers that disturb their input in training, and pass it on in inference.

mod alpha_dropout;
mod dropout;
mod gaussian;
mod spatial_dropout;

pub use alpha_dropout::AlphaDropout;
pub use dropout::Dropout;
pub use gaussian::{GaussianDropout, GaussianNoise};
pub use spatial_dropout::{SpatialDropout1d, SpatialDropout2d, SpatialDropout3d};

use rand_distr::{Distribution, StandardUniform};

use crate::autograd::{Dependence, InputGrads, Op, Tape, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// Declares a layer with one setting, how strongly it disturbs its input: what that may be, and what happens where it disturbs.
macro_rules! noise_layer {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($(#[$doc:meta])* $strength:ident: [Float]);
        check $check:expr;
        |$layer:ident, $x:ident| $disturbed:expr
    ) => {
        $crate::config::described! {
            $(#[$meta])*
            #[derive(Clone)]
            pub struct $name(
                $(#[$doc])*
                $strength: [$crate::tensor::Float],
            ) {}
            private {
                noise: $crate::autograd::Noise = $crate::autograd::Noise::default(),
            }
        }

        impl $crate::layers::Layer for $name {
            $crate::config::config!();

            fn forward(&self, $x: &$crate::autograd::Var) -> $crate::error::Result<$crate::autograd::Var> {
                let $layer = self;
                $check?;
                if !$x.tape().is_noisy() || self.noise.of(self.$strength) == 0.0 {
                    return Ok($x.clone());
                }
                Ok($disturbed)
            }

            fn params<'a>(&'a self, list: &mut $crate::autograd::ParamList<'a>) {
                list.noise(&self.noise);
            }
        }
    };
}
use noise_layer;

fn check_rate(rate: Float) -> Result<()> {
    if (0.0..1.0).contains(&rate) {
        return Ok(());
    }
    Err(Error::value(format!("expected a dropout rate in 0..1 (1 excluded), got {rate}")))
}

/// Numbers that are `kept` with probability `1 - rate`, else `dropped`.
fn coins(tape: &Tape, len: usize, rate: Float, [kept, dropped]: [Float; 2]) -> Vec<Float> {
    let mut coins = buffer(len);
    tape.random(|rng| {
        for coin in &mut coins {
            let unit: Float = StandardUniform.sample(rng);
            *coin = if unit < rate { dropped } else { kept };
        }
    });
    coins
}

/// What dropout multiplies with on this tape: 0 with probability `rate`, else `1 / (1 - rate)`. `None` if it drops nothing.
pub(super) fn dropout_factors(tape: &Tape, rate: Float, shape: &[usize]) -> Result<Option<Tensor>> {
    check_rate(rate)?;
    if !tape.is_noisy() || rate == 0.0 {
        return Ok(None);
    }
    Ok(Some(tensor(shape, coins(tape, shape.iter().product(), rate, [1.0 / (1.0 - rate), 0.0]))))
}

/// `x` times as many factors.
fn multiply(x: &Var, factors: Vec<Float>) -> Var {
    x.tape().apply(Mask { mask: tensor(x.value.shape(), factors) }, &[x])
}

/// `x` plus as many numbers.
fn add(x: &Var, numbers: Vec<Float>) -> Var {
    x + x.tape().examples(tensor(x.value.shape(), numbers))
}

/// `y = mask x`
struct Mask {
    mask: Tensor,
}

impl Mask {
    fn times(&self, x: &Tensor) -> Tensor {
        let mut y = buffer(x.len());
        for ((y, x), factor) in y.iter_mut().zip(data(x)).zip(data(&self.mask)) {
            *y = x * factor;
        }
        tensor(x.shape(), y)
    }
}

impl Op for Mask {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.times(inputs[0])
    }

    /// `dx = mask dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.times(dy));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}
