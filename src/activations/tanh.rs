//! The hyperbolic tangent.

use std::sync::Arc;

use super::{Activation, Pointwise, apply_pointwise};
use crate::autograd::Var;
use crate::tensor::Float;

/// Hyperbolic tangent: `y = tanh(x)`.
///
/// ```
/// use gradus::prelude::*;
/// let y = Tanh.apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
/// assert_eq!(y.value().as_slice().unwrap(), [-1.0, 0.0, 1.0]);
/// ```
///
/// LeCun et al. 1998, "Efficient BackProp".
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

impl Activation for Tanh {
    fn apply(&self, x: &Var) -> Var {
        apply_pointwise(x, *self)
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        Some(Arc::new(*self))
    }
}

impl Pointwise for Tanh {
    fn forward(&self, x: &mut [Float]) {
        x.iter_mut().for_each(|x| *x = x.tanh());
    }

    /// `dx = (1 - y²) dy`
    fn backward(&self, y: &[Float], dy: &mut [Float]) {
        dy.iter_mut().zip(y).for_each(|(dy, y)| *dy *= 1.0 - y * y);
    }

    fn is_monotone(&self) -> bool {
        true
    }
}
