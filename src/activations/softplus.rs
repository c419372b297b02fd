//! The smooth rectifier.

use std::sync::Arc;

use super::{Activation, Pointwise, apply_pointwise};
use crate::autograd::Var;
use crate::tensor::Float;

/// Smooth rectifier: `y = ln(1 + exp(x))`, computed as `max(x, 0) + ln(1 + exp(-|x|))`.
///
/// ```
/// use gradus::prelude::*;
/// let y = Softplus.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 1000.0])));
/// assert_eq!(y.value().as_slice().unwrap(), [0.0, 1000.0]);
/// ```
///
/// Dugas et al. 2001.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softplus;

impl Activation for Softplus {
    fn apply(&self, x: &Var) -> Var {
        apply_pointwise(x, *self)
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        Some(Arc::new(*self))
    }
}

impl Pointwise for Softplus {
    fn forward(&self, x: &mut [Float]) {
        x.iter_mut().for_each(|x| *x = x.max(0.0) + (-x.abs()).exp().ln_1p());
    }

    /// `dx = (1 - exp(-y)) dy`
    fn backward(&self, y: &[Float], dy: &mut [Float]) {
        dy.iter_mut().zip(y).for_each(|(dy, y)| *dy *= -(-y).exp_m1());
    }

    fn is_monotone(&self) -> bool {
        true
    }
}
