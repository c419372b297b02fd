//! What a step did to a parameter.

use crate::autograd::Param;
use crate::tensor::{Tensor, data};

/// What a step did to a parameter: what [`Stepper::changes`](super::Stepper::changes) tells, and reports are made of.
#[derive(Clone, Debug)]
pub struct Change {
    /// The parameter's path.
    pub path: String,
    /// The number of the step, counted from 1.
    pub step: u32,
    /// The gradient of the loss: the mean over accumulated batches, before penalties and [`Clip`](super::Clip).
    pub gradient: Tensor,
    /// Euclidean norm of the weights before the step.
    pub weight_norm: f64,
    /// Euclidean norm of what the step, with decay, constraints and all, added to the weights.
    pub update_norm: f64,
}

impl Change {
    /// Before the step.
    pub(super) fn new(path: &str, step: u32, gradient: &Tensor) -> Self {
        Self { path: path.into(), step, gradient: gradient.clone(), weight_norm: 0.0, update_norm: 0.0 }
    }

    /// After the step.
    pub(super) fn measure(&mut self, before: &Tensor, param: &Param) {
        let Some(after) = param.value() else { return };
        self.weight_norm = norm(data(before).iter().map(|w| f64::from(*w)));
        let moved = data(&after).iter().zip(data(before)).map(|(after, before)| f64::from(*after) - f64::from(*before));
        self.update_norm = norm(moved);
    }

    /// Returns the Euclidean norm of the gradient.
    pub fn gradient_norm(&self) -> f64 {
        norm(data(&self.gradient).iter().map(|g| f64::from(*g)))
    }
}

fn norm(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.map(|x| x * x).sum::<f64>().sqrt()
}
