//! The rectifier.

use std::sync::Arc;

use super::{Activation, Pointwise};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::kernels::elementwise;
use crate::tensor::Float;

described! {
    /// Rectified linear unit: `y = max(x, 0)`; its slope at 0 is 0.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Relu.apply(&Tape::inference().input(ndarray::arr1(&[-1.0, 2.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 2.0]);
    /// ```
    ///
    /// Nair & Hinton 2010.
    pub struct Relu;
}

impl Activation for Relu {
    config!();

    fn apply(&self, x: &Var) -> Var {
        x.pointwise(Arc::new(*self))
    }

    fn pointwise(&self) -> Option<Arc<dyn Pointwise>> {
        Some(Arc::new(*self))
    }
}

impl Pointwise for Relu {
    fn forward(&self, x: &mut [Float]) {
        elementwise::relu(x);
    }

    fn backward(&self, y: &[Float], dy: &mut [Float]) {
        elementwise::relu_backward(y, dy);
    }

    fn is_monotone(&self) -> bool {
        true
    }

    config!();
}
