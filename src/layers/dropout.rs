//! Dropout.

use rand_distr::{Distribution, StandardUniform};

use super::Layer;
use crate::autograd::{Dependence, InputGrads, Op, Tape, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// In training, sets each number to 0 with probability `rate` and divides the others by `1 - rate`; else the identity.
///
/// # Shapes
/// input and output alike, any
/// # Errors
/// a rate outside of 0 to 1 (1 excluded)
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = ndarray::Array2::<f32>::ones((2, 3));
/// let y = Dropout::new(0.5).forward(&Tape::training().input(&x))?;
/// assert!(y.value().iter().all(|y| *y == 0.0 || *y == 2.0));
/// let y = Dropout::new(0.5).forward(&Tape::inference().input(&x))?;
/// assert_eq!(*y.value(), x.into_dyn());
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Srivastava et al. 2014; Keras `Dropout`
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    rate: Float,
}

impl Dropout {
    /// Drops this share of the numbers.
    pub fn new(rate: Float) -> Self {
        Self { rate }
    }
}

impl Layer for Dropout {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(match factors(x.tape(), self.rate, x.shape())? {
            Some(mask) => x.tape().apply(Mask { mask }, &[x]),
            None => x.clone(),
        })
    }
}

/// What dropout multiplies with on this tape: 0 with probability `rate`, else `1 / (1 - rate)`. `None` if it drops nothing.
pub(super) fn factors(tape: &Tape, rate: Float, shape: &[usize]) -> Result<Option<Tensor>> {
    if !(0.0..1.0).contains(&rate) {
        return Err(Error::value(format!("expected a dropout rate in 0..1 (1 excluded), got {rate}")));
    }
    if !tape.is_training() || rate == 0.0 {
        return Ok(None);
    }
    let scale = 1.0 / (1.0 - rate);
    let mut factors = buffer(shape.iter().product());
    tape.random(|rng| {
        for factor in &mut factors {
            let unit: Float = StandardUniform.sample(rng);
            *factor = if unit < rate { 0.0 } else { scale };
        }
    });
    Ok(Some(tensor(shape, factors)))
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
