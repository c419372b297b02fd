//! Cross-entropy on one-hot targets, and what both categorical cross-entropies compute of a row.

use super::items::{items, leading, standard};
use super::probabilities::{CLIP, Given, Kind, check_class_weights, check_smoothing, rows_and_classes, scores};
use super::{Each, Loss, check_same_shape};
use crate::autograd::Var;
use crate::error::Result;
use crate::kernels::softmax;
use crate::tensor::{Float, Tensor, data};

/// Cross-entropy on one-hot or soft targets: `mean(-Σ target · ln p)`.
///
/// Predictions are probabilities by default. Those that come straight out of a `Softmax` are computed from its input,
/// in one stable operation; other ones are clipped at 1e-7. [`CrossEntropy::from_logits`] takes numbers before the
/// softmax.
///
/// # Shapes
/// predictions and targets `[batch, ..., classes]`
/// # Defaults
/// no label smoothing, all classes weigh 1
/// # Errors
/// other shapes; predictions that are evidently no probabilities; settings out of range
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
/// Keras `CategoricalCrossentropy`, PyTorch `CrossEntropyLoss` on probabilities; Szegedy et al. 2016 for the smoothing
#[doc(alias = "CategoricalCrossentropy")]
#[doc(alias = "CrossEntropyLoss")]
#[derive(Clone, Debug, Default)]
pub struct CrossEntropy {
    given: Given,
    label_smoothing: Float,
    class_weights: Option<Vec<Float>>,
}

impl CrossEntropy {
    /// For predictions before the softmax.
    pub fn from_logits() -> Self {
        Self { given: Given::Logits, ..Self::default() }
    }

    /// For predictions that are logarithms of probabilities.
    pub fn from_log_probabilities() -> Self {
        Self { given: Given::LogProbabilities, ..Self::default() }
    }

    /// Sets which share of each target is spread evenly over all classes.
    pub fn label_smoothing(mut self, smoothing: Float) -> Self {
        self.label_smoothing = smoothing;
        self
    }

    /// Multiplies the part of each class with its weight. The mean still divides by the number of items, as in PyTorch.
    pub fn class_weights(mut self, weights: impl Into<Vec<Float>>) -> Self {
        self.class_weights = Some(weights.into());
        self
    }
}

impl Loss for CrossEntropy {
    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "CrossEntropy";
        let (_, classes) = rows_and_classes(who, prediction)?;
        check_same_shape(who, prediction, target)?;
        check_smoothing(who, self.label_smoothing)?;
        check_class_weights(who, self.class_weights.as_ref(), classes)?;
        let (x, kind) = scores(who, prediction, self.given, false)?;
        let (target, weights) = (standard(target), self.class_weights.clone());
        let (keep, spread) = (1.0 - self.label_smoothing, self.label_smoothing / classes as Float);
        items(who, prediction, &x, leading(prediction.shape()), move |i, x, slope| {
            let target = &data(&target)[i * classes..][..classes];
            let weight = |c: usize| weights.as_ref().map_or(1.0, |weights| weights[c]);
            row(kind, Clip::Last, x, |c| weight(c) * (target[c] * keep + spread), slope)
        })
    }
}

/// Which comes first where probabilities are clipped and divided by their sum; Keras does it so for class numbers, and so
/// for shares.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Clip {
    First,
    Last,
}

/// Loss of a row whose classes have these shares, `-Σ share · ln p`, and its slope.
pub(super) fn row(kind: Kind, clip: Clip, x: &[Float], share: impl Fn(usize) -> Float, slope: &mut [Float]) -> f64 {
    let total = || (0..x.len()).map(&share).sum::<Float>();
    let mut loss = 0.0;
    match kind {
        Kind::Logits => {
            let (log_sum, total) = (softmax::probabilities(x, slope), total());
            for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
                let share = share(i);
                *slope = total * *slope - share;
                if share != 0.0 {
                    loss += f64::from(share * (log_sum - x));
                }
            }
        }
        Kind::LogProbabilities => {
            for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
                *slope = -share(i);
                if share(i) != 0.0 {
                    loss -= f64::from(share(i) * x);
                }
            }
        }
        Kind::Probabilities if clip == Clip::First => {
            let clipped = |x: Float| x.clamp(CLIP, 1.0 - CLIP);
            let (sum, total) = (x.iter().copied().map(clipped).sum::<Float>(), total());
            for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
                let p = clipped(*x);
                *slope = if p == *x { total / sum - share(i) / p } else { 0.0 };
                if share(i) != 0.0 {
                    loss -= f64::from(share(i)) * f64::from(p / sum).ln();
                }
            }
        }
        Kind::Probabilities => {
            let sum: Float = x.iter().sum();
            let clipped = |x: Float| (x / sum).clamp(CLIP, 1.0 - CLIP);
            let inside = |x: Float| (CLIP..=1.0 - CLIP).contains(&(x / sum));
            let pull = |i: usize| if inside(x[i]) { share(i) / x[i] } else { 0.0 };
            let total: Float = (0..x.len()).map(|i| pull(i) * x[i]).sum();
            for (i, slope) in slope.iter_mut().enumerate() {
                *slope = total / sum - pull(i);
                loss -= f64::from(share(i) * clipped(x[i]).ln());
            }
        }
    }
    loss
}
