//! Cross-entropy on one-hot targets, and the operation behind both categorical cross-entropies.

use super::probabilities::{CLIP, Scores, rows_and_classes, scores};
use super::{Loss, check_same_shape};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::error::Result;
use crate::kernels::softmax;
use crate::tensor::{Float, Tensor, data, tensor};

/// Cross-entropy on one-hot or soft targets: `mean(-Σ target · ln p)`.
///
/// Predictions are probabilities by default. Those that come straight out of a `Softmax` are computed from its input,
/// in one stable operation; other ones are clipped at 1e-7. [`CrossEntropy::from_logits`] takes numbers before the
/// softmax.
///
/// # Shapes
/// predictions and targets `[batch, ..., classes]`
/// # Errors
/// other shapes; predictions that are evidently no probabilities
/// # Example
/// ```
/// use gradus::prelude::*;
/// let y = Tape::training().input(ndarray::arr2(&[[0.25, 0.75]]));
/// let one_hot = ndarray::arr2(&[[0.0, 1.0]]).into_dyn().into_shared();
/// let loss = CrossEntropy::default().loss(&y, &one_hot)?.item();
/// assert!((loss - 0.2877).abs() < 1e-4);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `CategoricalCrossentropy`
#[doc(alias = "CategoricalCrossentropy")]
#[derive(Clone, Copy, Debug, Default)]
pub struct CrossEntropy {
    /// Whether predictions are numbers before the softmax, no.
    pub from_logits: bool,
}

impl CrossEntropy {
    /// For predictions before the softmax.
    pub fn from_logits() -> Self {
        Self { from_logits: true }
    }
}

impl Loss for CrossEntropy {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        let who = "CrossEntropy";
        rows_and_classes(who, prediction)?;
        check_same_shape(who, prediction, target)?;
        let scores = scores(who, prediction, self.from_logits, false)?;
        Ok(CategoricalOp::apply(scores, Target::Shares(target.iter().copied().collect())))
    }
}

/// What each row should be.
pub(super) enum Target {
    /// A class number a row.
    Classes(Vec<usize>),
    /// A share for each class of each row.
    Shares(Vec<Float>),
}

/// `y = mean(-Σ target · ln p)`, with `p` the softmax of logits, given as logarithms, or given and clipped
pub(super) struct CategoricalOp {
    target: Target,
    kind: Kind,
    /// Gradient of each row's loss by its scores.
    slope: Tensor,
}

#[derive(Clone, Copy)]
enum Kind {
    Logits,
    LogProbabilities,
    Probabilities,
}

impl CategoricalOp {
    pub(super) fn apply(scores: Scores, target: Target) -> Var {
        let (var, kind) = match scores {
            Scores::Logits(var) => (var, Kind::Logits),
            Scores::LogProbabilities(var) => (var, Kind::LogProbabilities),
            Scores::Probabilities(var) => (var, Kind::Probabilities),
        };
        var.tape().apply(Self { target, kind, slope: Tensor::default(ndarray::IxDyn(&[])) }, &[&var])
    }

    /// Loss of a row whose classes have the shares `target`, and its slope.
    fn row(&self, x: &[Float], target: impl Fn(usize) -> Float, slope: &mut [Float]) -> f64 {
        match self.kind {
            Kind::Logits => {
                let log_sum = softmax::probabilities(x, slope);
                let total: Float = (0..x.len()).map(&target).sum();
                let mut loss = 0.0;
                for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
                    let share = target(i);
                    *slope = total * *slope - share;
                    if share != 0.0 {
                        loss += f64::from(share * (log_sum - x));
                    }
                }
                loss
            }
            Kind::LogProbabilities => {
                let mut loss = 0.0;
                for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
                    *slope = -target(i);
                    if target(i) != 0.0 {
                        loss -= f64::from(target(i) * x);
                    }
                }
                loss
            }
            Kind::Probabilities if matches!(self.target, Target::Classes(_)) => {
                // For class numbers, Keras clips first, then divides by the sum.
                let clipped = |x: Float| x.clamp(CLIP, 1.0 - CLIP);
                let sum: Float = x.iter().copied().map(clipped).sum();
                let mut loss = 0.0;
                for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
                    let p = clipped(*x);
                    *slope = if p == *x { 1.0 / sum - target(i) / p } else { 0.0 };
                    if target(i) != 0.0 {
                        loss -= f64::from(p / sum).ln();
                    }
                }
                loss
            }
            Kind::Probabilities => {
                // For shares, Keras divides by the sum first, then clips.
                let sum: Float = x.iter().sum();
                let clipped = |x: Float| (x / sum).clamp(CLIP, 1.0 - CLIP);
                let inside = |x: Float| (CLIP..=1.0 - CLIP).contains(&(x / sum));
                let pull = |i: usize| if inside(x[i]) { target(i) / x[i] } else { 0.0 };
                let total: Float = (0..x.len()).map(|i| pull(i) * x[i]).sum();
                for (i, slope) in slope.iter_mut().enumerate() {
                    *slope = total / sum - pull(i);
                }
                x.iter().enumerate().map(|(i, x)| -f64::from(target(i) * clipped(*x).ln())).sum()
            }
        }
    }
}

impl Op for CategoricalOp {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let x = data(inputs[0]);
        let classes = inputs[0].shape().last().copied().unwrap_or(1);
        let mut slope = crate::buffers::buffer(x.len());
        let mut sum = 0.0;
        for (i, (x, slope)) in x.chunks(classes).zip(slope.chunks_mut(classes)).enumerate() {
            sum += match &self.target {
                Target::Classes(class) => self.row(x, |c| if c == class[i] { 1.0 } else { 0.0 }, slope),
                Target::Shares(shares) => self.row(x, |c| shares[i * classes + c], slope),
            };
        }
        self.slope = tensor(inputs[0].shape(), slope);
        tensor(&[], vec![(sum / (x.len() / classes) as f64) as Float])
    }

    /// `dx = (softmax(x) Σ target - target) dy / rows` for logits
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let classes = self.slope.shape().last().copied().unwrap_or(1);
            let scale = data(dy)[0] / (self.slope.len() / classes) as Float;
            self.slope.mapv(|slope| slope * scale).into_shared()
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::batch_mean(inputs)
    }
}
