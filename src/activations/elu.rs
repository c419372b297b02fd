//! The exponential linear unit.

use std::sync::Arc;

use super::{Activation, Pointwise, apply_pointwise, apply_sloped};
use crate::autograd::Var;
use crate::tensor::Float;

/// Exponential linear unit: `y = x` for positive `x`, else `y = alpha (exp(x) - 1)`.
///
/// ```
/// use gradus::prelude::*;
/// let y = Elu::default().apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
/// assert_eq!(y.value().as_slice().unwrap(), [-1.0, 0.0, 1000.0]);
/// ```
///
/// Clevert, Unterthiner & Hochreiter 2016.
#[derive(Clone, Copy, Debug)]
pub struct Elu {
    /// What negative numbers approach, with the other sign, 1.
    pub alpha: Float,
}

impl Elu {
    /// With this `alpha`.
    pub fn new(alpha: Float) -> Self {
        Self { alpha }
    }
}

impl Default for Elu {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Activation for Elu {
    fn apply(&self, x: &Var) -> Var {
        let alpha = self.alpha;
        match self.is_monotone() {
            true => apply_pointwise(x, *self),
            false => apply_sloped(x, move |x| if x > 0.0 { (x, 1.0) } else { (alpha * x.exp_m1(), alpha * x.exp()) }),
        }
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        // A negative alpha gives positive values on both sides, which then do not tell their own slope.
        self.is_monotone().then(|| Arc::new(*self) as Arc<dyn Pointwise>)
    }
}

impl Pointwise for Elu {
    fn forward(&self, x: &mut [Float]) {
        x.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { self.alpha * x.exp_m1() });
    }

    /// `dx = dy` where `y` is positive, else `(y + alpha) dy`
    fn backward(&self, y: &[Float], dy: &mut [Float]) {
        dy.iter_mut().zip(y).for_each(|(dy, y)| *dy *= if *y > 0.0 { 1.0 } else { y + self.alpha });
    }

    fn is_monotone(&self) -> bool {
        self.alpha >= 0.0
    }
}
