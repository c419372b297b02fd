//! Mean squared error.

use super::{Loss, check_same_shape};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::error::Result;
use crate::tensor::{Float, Tensor, data, tensor};

/// Mean squared error: `mean((prediction - target)²)` over all numbers.
///
/// # Shapes
/// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
/// # Errors
/// other shapes
/// # Example
/// ```
/// use gradus::prelude::*;
/// let y = Tape::training().input(ndarray::arr1(&[1.0, 4.0]));
/// let target = ndarray::arr1(&[1.0, 2.0]).into_dyn().into_shared();
/// assert_eq!(MeanSquaredError::default().loss(&y, &target)?.item(), 2.0);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `MeanSquaredError`, PyTorch `MSELoss`
#[doc(alias = "Mse")]
#[doc(alias = "L2")]
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanSquaredError;

impl Loss for MeanSquaredError {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        check_same_shape("MeanSquaredError", prediction, target)?;
        let op = SquaredError { target: target.clone(), difference: Tensor::default(ndarray::IxDyn(&[])) };
        Ok(prediction.tape().apply(op, &[prediction]))
    }
}

/// `y = mean(d²)` with `d = x - target`
struct SquaredError {
    target: Tensor,
    difference: Tensor,
}

impl Op for SquaredError {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let target = self.target.iter();
        let difference: Vec<Float> = data(inputs[0]).iter().zip(target).map(|(x, t)| x - t).collect();
        let sum: f64 = difference.iter().map(|d| f64::from(*d) * f64::from(*d)).sum();
        let mean = sum / difference.len() as f64;
        self.difference = tensor(inputs[0].shape(), difference);
        tensor(&[], vec![mean as Float])
    }

    /// `dx = 2 d dy / n`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let scale = 2.0 * data(dy)[0] / self.difference.len() as Float;
        dx.add(0, || self.difference.mapv(|d| d * scale).into_shared());
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::batch_mean(inputs)
    }
}
