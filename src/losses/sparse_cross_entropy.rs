//! Cross-entropy on class numbers.

use super::Loss;
use super::cross_entropy::{CategoricalOp, Target};
use super::probabilities::{rows_and_classes, scores};
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Cross-entropy on class numbers: `mean(-ln p[class])`.
///
/// Predictions are probabilities by default. Those that come straight out of a `Softmax` are computed from its input,
/// in one stable operation; other ones are clipped at 1e-7. [`SparseCrossEntropy::from_logits`] takes numbers before
/// the softmax.
///
/// # Shapes
/// predictions `[batch, ..., classes]`, targets `[batch, ...]` or `[batch, ..., 1]`
/// # Errors
/// other shapes; class numbers that are fractional, negative or not below the number of classes; predictions that are
/// evidently no probabilities
/// # Example
/// ```
/// use gradus::prelude::*;
/// let y = Tape::training().input(ndarray::arr2(&[[0.25, 0.75]]));
/// let class = ndarray::arr1(&[1.0]).into_dyn().into_shared();
/// let loss = SparseCrossEntropy::default().loss(&y, &class)?.item();
/// assert!((loss - 0.2877).abs() < 1e-4);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `SparseCategoricalCrossentropy`, PyTorch `CrossEntropyLoss` (which takes logits)
#[doc(alias = "SparseCategoricalCrossentropy")]
#[doc(alias = "NLLLoss")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SparseCrossEntropy {
    /// Whether predictions are numbers before the softmax, no.
    pub from_logits: bool,
}

impl SparseCrossEntropy {
    /// For predictions before the softmax.
    pub fn from_logits() -> Self {
        Self { from_logits: true }
    }
}

impl Loss for SparseCrossEntropy {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        let who = "SparseCrossEntropy";
        let (rows, classes) = rows_and_classes(who, prediction)?;
        let batch = &prediction.shape()[..prediction.shape().len() - 1];
        let fits = target.shape() == batch || target.shape() == [batch, &[1]].concat();
        if !fits {
            return Err(Error::shape(format!(
                "{who}: expected one class number an example, targets {batch:?} for predictions {:?}, got {:?}; for \
                 one-hot targets use `CrossEntropy`",
                prediction.shape(),
                target.shape()
            )));
        }
        let mut numbers = Vec::with_capacity(rows);
        for class in target {
            if !(class.fract() == 0.0 && *class >= 0.0 && *class < classes as crate::Float) {
                return Err(Error::value(format!(
                    "{who}: expected whole class numbers 0..{classes} ({classes} excluded, the model has {classes} \
                     outputs), got {class}"
                )));
            }
            numbers.push(*class as usize);
        }
        let scores = scores(who, prediction, self.from_logits, false)?;
        Ok(CategoricalOp::apply(scores, Target::Classes(numbers)))
    }
}
