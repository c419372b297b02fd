//! How wrong a prediction is. [`Loss`] is the trait.

mod binary_cross_entropy;
mod cross_entropy;
#[allow(clippy::module_inception)]
mod losses;
mod mean_absolute;
mod mean_squared;
mod probabilities;
mod sparse_cross_entropy;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use cross_entropy::CrossEntropy;
pub use losses::Losses;
pub use mean_absolute::MeanAbsoluteError;
pub use mean_squared::MeanSquaredError;
pub use sparse_cross_entropy::SparseCrossEntropy;

use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// How wrong a prediction is, as one number to make small.
///
/// ```
/// use gradus::prelude::*;
///
/// /// The mean fourth power of the error.
/// struct MeanFourthPower;
///
/// impl Loss for MeanFourthPower {
///     fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
///         let target = prediction.tape().input(target);
///         Ok((prediction - &target).powi(4).mean())
///     }
/// }
///
/// let model = Dense::new(1).compile(Sgd::default(), MeanFourthPower);
/// ```
pub trait Loss: Send + Sync {
    /// A scalar on the tape of `prediction`: a mean over the examples of the batch.
    ///
    /// # Errors
    /// Shapes that do not belong together; targets out of range.
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var>;
}

impl<F: Fn(&Var, &Tensor) -> Result<Var> + Send + Sync> Loss for F {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        self(prediction, target)
    }
}

/// The target must have the prediction's shape; a trailing axis of length 1 may be missing on either side.
fn check_same_shape(loss: &str, prediction: &Var, target: &Tensor) -> Result<()> {
    let strip = |shape: &[usize]| match shape {
        [all @ .., 1] if !all.is_empty() => all.to_vec(),
        all => all.to_vec(),
    };
    if prediction.value.is_empty() {
        return Err(Error::shape(format!(
            "{loss}: expected at least one example, got predictions {:?}",
            prediction.shape()
        )));
    }
    if strip(prediction.shape()) == strip(target.shape()) {
        return Ok(());
    }
    Err(Error::shape(format!(
        "{loss}: expected targets of the prediction's shape {:?}, got {:?}; reshape the targets, or end the model with \
         as many units as there are targets",
        prediction.shape(),
        target.shape()
    )))
}
