//! Cross-entropy of independent yes-or-no answers.

use super::probabilities::{CLIP, Scores, scores};
use super::{Loss, check_same_shape};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::kernels::transcendental;
use crate::tensor::{Float, Tensor, data, tensor};

/// Binary cross-entropy: `mean(-target · ln p - (1 - target) · ln(1 - p))` over all numbers.
///
/// Predictions are probabilities by default. Those that come straight out of a `Sigmoid` are computed from its input,
/// in one stable operation; other ones are clipped at 1e-7. [`BinaryCrossEntropy::from_logits`] takes numbers before
/// the sigmoid.
///
/// # Shapes
/// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
/// # Errors
/// other shapes; targets outside of 0 to 1; predictions that are evidently no probabilities
/// # Example
/// ```
/// use gradus::prelude::*;
/// let y = Tape::training().input(ndarray::arr1(&[0.5, 0.75]));
/// let target = ndarray::arr1(&[0.0, 1.0]).into_dyn().into_shared();
/// let loss = BinaryCrossEntropy::default().loss(&y, &target)?.item();
/// assert!((loss - 0.4904).abs() < 1e-4);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `BinaryCrossentropy`, PyTorch `BCELoss` and `BCEWithLogitsLoss`
#[doc(alias = "BCELoss")]
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossEntropy {
    /// Whether predictions are numbers before the sigmoid, no.
    pub from_logits: bool,
}

impl BinaryCrossEntropy {
    /// For predictions before the sigmoid.
    pub fn from_logits() -> Self {
        Self { from_logits: true }
    }
}

impl Loss for BinaryCrossEntropy {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        let who = "BinaryCrossEntropy";
        check_same_shape(who, prediction, target)?;
        if let Some(bad) = target.iter().find(|t| !(0.0..=1.0).contains(*t)) {
            return Err(Error::value(format!("{who}: expected targets from 0 to 1, got {bad}")));
        }
        let (x, logits) = match scores(who, prediction, self.from_logits, true)? {
            Scores::Logits(x) => (x, true),
            Scores::Probabilities(x) | Scores::LogProbabilities(x) => (x, false),
        };
        let slope = Tensor::default(ndarray::IxDyn(&[]));
        Ok(x.tape().apply(BinaryOp { target: target.clone(), logits, slope }, &[&x]))
    }
}

/// `y = mean(max(x, 0) - x t + ln(1 + exp(-|x|)))` for logits, `y = mean(-t ln p - (1-t) ln(1-p))` for probabilities
struct BinaryOp {
    target: Tensor,
    logits: bool,
    /// Gradient of each number's loss by it.
    slope: Tensor,
}

impl Op for BinaryOp {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let x = data(inputs[0]);
        let both = || x.iter().zip(self.target.iter());
        let mut slope = buffer(x.len());
        let mut sum = 0.0;
        if self.logits {
            // The loss is `max(x, 0) - x t + softplus(-|x|)`.
            slope.iter_mut().zip(x).for_each(|(slope, x)| *slope = -x.abs());
            transcendental::softplus(&mut slope);
            sum += both().zip(&slope).map(|((x, t), rest)| f64::from(x.max(0.0) - x * t + rest)).sum::<f64>();
            slope.copy_from_slice(x);
            transcendental::sigmoid(&mut slope);
            slope.iter_mut().zip(&self.target).for_each(|(slope, t)| *slope -= t);
        } else {
            for ((x, t), slope) in both().zip(&mut slope) {
                let p = x.clamp(CLIP, 1.0 - CLIP);
                sum -= f64::from(t * p.ln() + (1.0 - t) * (1.0 - p).ln());
                *slope = if p == *x { (p - t) / (p * (1.0 - p)) } else { 0.0 };
            }
        }
        self.slope = tensor(inputs[0].shape(), slope);
        tensor(&[], vec![(sum / x.len() as f64) as Float])
    }

    /// `dx = (sigmoid(x) - t) dy / n` for logits, `dx = (p - t) / (p (1-p)) dy / n` for probabilities
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let scale = data(dy)[0] / self.slope.len() as Float;
        dx.add(0, || self.slope.mapv(|slope| slope * scale).into_shared());
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::batch_mean(inputs)
    }
}
