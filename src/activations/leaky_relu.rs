//! The rectifier with a slope on its left.

use std::sync::Arc;

use super::{Activation, Pointwise, apply_pointwise, apply_sloped};
use crate::autograd::Var;
use crate::tensor::Float;

/// Leaky rectifier: `y = x` for positive `x`, else `y = slope · x`; the derivative at 0 is `slope`.
///
/// The default slope is 0.3, that of Keras 3's `LeakyReLU` layer; its function `leaky_relu` has 0.2, PyTorch's
/// `LeakyReLU` 0.01.
///
/// ```
/// use gradus::prelude::*;
/// let x = Tape::inference().input(ndarray::arr1(&[-2.0, 2.0]));
/// assert_eq!(LeakyRelu::new(0.5).apply(&x).value().as_slice().unwrap(), [-1.0, 2.0]);
/// assert_eq!(LeakyRelu::default().slope, 0.3);
/// ```
///
/// Maas, Hannun & Ng 2013.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu {
    /// Slope for negative numbers, 0.3.
    pub slope: Float,
}

impl LeakyRelu {
    /// With this slope for negative numbers.
    pub fn new(slope: Float) -> Self {
        Self { slope }
    }
}

impl Default for LeakyRelu {
    fn default() -> Self {
        Self::new(0.3)
    }
}

impl Activation for LeakyRelu {
    fn apply(&self, x: &Var) -> Var {
        let slope = self.slope;
        match self.is_monotone() {
            true => apply_pointwise(x, *self),
            false => apply_sloped(x, move |x| if x > 0.0 { (x, 1.0) } else { (slope * x, slope) }),
        }
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        // A negative slope gives positive values on both sides, which then do not tell their own slope.
        self.is_monotone().then(|| Arc::new(*self) as Arc<dyn Pointwise>)
    }
}

impl Pointwise for LeakyRelu {
    fn forward(&self, x: &mut [Float]) {
        x.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { self.slope * *x });
    }

    /// `dx = dy` where `y` is positive, else `slope dy`
    fn backward(&self, y: &[Float], dy: &mut [Float]) {
        dy.iter_mut().zip(y).for_each(|(dy, y)| *dy *= if *y > 0.0 { 1.0 } else { self.slope });
    }

    fn is_monotone(&self) -> bool {
        self.slope >= 0.0
    }
}
