//! Cross-entropy on one-hot targets, and what both categorical cross-entropies compute of a row.

use super::items::{items, leading, product, standard};
use super::probabilities::{
    CLIP, LogProbabilities, ScoreKind, check_class_weights, check_smoothing, rows_of_classes, scores,
};
use super::{Each, Loss, check_same_shape, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::{Error, Result};
use crate::kernels::softmax;
use crate::tensor::{Float, Tensor, data};

described! {
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
    /// other shapes; a single class; predictions that are evidently no probabilities; targets of several labels;
    /// settings out of range
    /// # Example
    /// ```
    /// use gradus::preprocessing::one_hot;
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
    #[derive(Clone)]
    pub struct CrossEntropy {
        /// Whether predictions are logits: numbers before the softmax.
        from_logits: [switch] = false,
        /// Whether predictions are logarithms of probabilities.
        from_log_probabilities: [switch] = false,
        /// Which share of each target is spread evenly over all classes.
        label_smoothing: [Float] = 0.0,
        /// What the part of each class is multiplied with. The mean still divides by the number of items, as in PyTorch.
        class_weights: [some Vec<Float>] = None,
    }
}

impl Loss for CrossEntropy {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "CrossEntropy";
        let (_, classes) = rows_of_classes(who, prediction)?;
        check_same_shape(who, prediction, target)?;
        check_one_class(who, prediction, target, classes)?;
        check_smoothing(who, self.label_smoothing)?;
        check_class_weights(who, self.class_weights.as_ref(), classes)?;
        let (x, kind) =
            scores(who, prediction, ScoreKind::of(who, self.from_logits, self.from_log_probabilities)?, false)?;
        let (target, weights) = (standard(target), self.class_weights.clone());
        let smoothing = f64::from(self.label_smoothing);
        let (keep, spread) = (1.0 - smoothing, smoothing / classes as f64);
        items(who, prediction, &x, leading(prediction.value.shape()), move |i, x, slope| {
            let target = &data(&target)[i * classes..][..classes];
            let weight = |c: usize| weights.as_ref().map_or(1.0, |weights| f64::from(weights[c]));
            let share = |c: usize| weight(c) * (f64::from(target[c]) * keep + spread);
            row(kind, Clip::Last, x, (0..classes).map(share).sum(), share, slope)
        })
    }
}

/// Refuses rows of zeros and several ones: labels that an example has together, where one class excludes the others.
pub(super) fn check_one_class(loss: &str, prediction: &Var, target: &Tensor, classes: usize) -> Result<()> {
    if prediction.mask.is_some() {
        return Ok(());
    }
    let target = standard(target);
    let has_several =
        |row: &&[Float]| row.iter().all(|t| *t == 0.0 || *t == 1.0) && row.iter().filter(|t| **t == 1.0).count() > 1;
    let Some(wrong) = data(&target).chunks(classes).find(has_several) else { return Ok(()) };
    Err(Error::value(format!(
        "{loss}: expected one class for each item, or shares of classes, got the targets {:?}{}; for items that have several labels end \
         the model with `Sigmoid` and use `BinaryCrossEntropy`",
        &wrong[..classes.min(8)],
        if classes > 8 { " and so on" } else { "" }
    )))
}

/// Which comes first where probabilities are clipped and divided by their sum; Keras does it so for class numbers, and so
/// for shares.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Clip {
    First,
    Last,
}

/// Loss of a row whose classes have these shares, `-Σ share · ln p`, and its slope; `total` is the sum of the shares.
///
/// All in double precision: shares of tens of thousands of classes add up to something.
pub(super) fn row(
    kind: ScoreKind,
    clip: Clip,
    x: &[Float],
    total: f64,
    share: impl Fn(usize) -> f64,
    slope: &mut [Float],
) -> f64 {
    match kind {
        ScoreKind::Logits => of_logits(x, total, share, slope),
        ScoreKind::LogProbabilities => {
            let mut loss = 0.0;
            for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
                let share = share(i);
                *slope = -share as Float;
                loss -= product(share, f64::from(*x));
            }
            loss
        }
        ScoreKind::Probabilities => of_probabilities(clip, x, total, share, slope),
    }
}

fn of_logits(x: &[Float], total: f64, share: impl Fn(usize) -> f64, slope: &mut [Float]) -> f64 {
    let log_sum = softmax::probabilities(x, slope);
    let mut loss = 0.0;
    if !log_sum.is_finite() {
        let log_p = LogProbabilities::new(x);
        for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
            let (share, log_p) = (share(i), log_p.of(*x));
            *slope = (total * log_p.exp() - share) as Float;
            loss -= product(share, log_p);
        }
        return loss;
    }
    for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
        let share = share(i);
        *slope = (total * f64::from(*slope) - share) as Float;
        if share != 0.0 {
            loss += share * (log_sum - f64::from(*x));
        }
    }
    loss
}

fn of_probabilities(clip: Clip, x: &[Float], total: f64, share: impl Fn(usize) -> f64, slope: &mut [Float]) -> f64 {
    let (low, high) = (f64::from(CLIP), f64::from(1.0 - CLIP));
    let mut loss = 0.0;
    if clip == Clip::First {
        let clipped = |x: Float| f64::from(x).clamp(low, high);
        // Rounded as Keras' is: beside a probability of 1 it shows.
        let sum = f64::from(x.iter().copied().map(clipped).sum::<f64>() as Float);
        for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
            let (p, share) = (clipped(*x), share(i));
            *slope = if p == f64::from(*x) { (total / sum - share / p) as Float } else { 0.0 };
            loss -= share * (p / sum).ln();
        }
        return loss;
    }
    let sum: f64 = x.iter().map(|x| f64::from(*x)).sum();
    let inside = |x: Float| (low..=high).contains(&(f64::from(x) / sum));
    let total: f64 = (0..x.len()).filter(|i| inside(x[*i])).map(&share).sum();
    for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
        let share = share(i);
        let pull = if inside(*x) { share / f64::from(*x) } else { 0.0 };
        *slope = (total / sum - pull) as Float;
        loss -= share * (f64::from(*x) / sum).clamp(low, high).ln();
    }
    loss
}
