//! Focal losses: cross-entropies in which answers that are right already count little.

use super::binary_cross_entropy::binary;
use super::cross_entropy::check_one_class;
use super::items::{items, leading, pairs_with, product, standard};
use super::probabilities::{CLIP, LogProbabilities, ScoreKind, check_smoothing, rows_of_classes, scores};
use super::{Each, Loss, check_same_shape, check_setting, check_targets, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data};

fn check(who: &str, prediction: &Var, target: &Tensor, gamma: Float, label_smoothing: Float) -> Result<()> {
    check_same_shape(who, prediction, target)?;
    check_targets(who, target, "targets from 0 to 1", |t| (0.0..=1.0).contains(&t))?;
    check_smoothing(who, label_smoothing)?;
    check_setting(who, "a gamma of", gamma, 0.0..)
}

described! {
    /// Binary focal loss: `mean((1 - q)^gamma · cross-entropy)` with `q = target · p + (1 - target) · (1 - p)`.
    ///
    /// Predictions are probabilities by default; those that come straight out of a `Sigmoid` are computed from its input.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Defaults
    /// gamma 2, no balancing (`alpha` 0.25 is usual), no label smoothing
    /// # Errors
    /// other shapes; targets outside of 0 to 1; predictions that are evidently no probabilities; settings out of range
    /// # Example
    /// ```
    /// use gradus::losses::BinaryFocalCrossEntropy;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[0.5, 0.75]));
    /// let target = ndarray::arr1(&[0.0, 1.0]).into_dyn().into_shared();
    /// let loss = BinaryFocalCrossEntropy::default().loss(&y, &target)?.item();
    /// assert!((loss - 0.0956).abs() < 1e-4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Lin et al. 2017; Keras `BinaryFocalCrossentropy`
    #[doc(alias = "BinaryFocalCrossentropy")]
    #[derive(Clone, Copy)]
    pub struct BinaryFocalCrossEntropy {
        /// Whether predictions are logits: numbers before the sigmoid.
        from_logits: [switch] = false,
        /// How fast the weight of an answer falls as it gets right; 0 gives the cross-entropy.
        gamma: [Float] = 2.0,
        /// Whether items of class 1 weigh `alpha`, and those of class 0 `1 - alpha`.
        apply_class_balancing: [bool] = false,
        /// What items of class 1 weigh where classes are balanced.
        alpha: [Float] = 0.25,
        /// How far targets are drawn towards 0.5.
        label_smoothing: [Float] = 0.0,
    }
}

impl Loss for BinaryFocalCrossEntropy {
    per_example!();

    fn threshold(&self) -> Option<Float> {
        Some(ScoreKind::new(self.from_logits).threshold())
    }

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "BinaryFocalCrossEntropy";
        check(who, prediction, target, self.gamma, self.label_smoothing)?;
        check_setting(who, "an alpha of", self.alpha, 0.0..=1.0)?;
        let (x, kind) = scores(who, prediction, ScoreKind::new(self.from_logits), true)?;
        let (gamma, smoothing) = (f64::from(self.gamma), f64::from(self.label_smoothing));
        let alpha = self.apply_class_balancing.then_some(f64::from(self.alpha));
        pairs_with(who, prediction, &x, target, move |x, t| {
            let t = t * (1.0 - smoothing) + 0.5 * smoothing;
            let weight = alpha.map_or(1.0, |alpha| t * alpha + (1.0 - t) * (1.0 - alpha));
            let (entropy, by_x) = binary(kind, x, t, 1.0 - t);
            let decay = (-x.abs()).exp();
            let (p, q, p_by_x) = match kind {
                ScoreKind::Logits => {
                    let (near, far) = (1.0 / (1.0 + decay), decay / (1.0 + decay));
                    let (p, q) = if x >= 0.0 { (near, far) } else { (far, near) };
                    (p, q, near * far)
                }
                _ => (x.clamp(0.0, 1.0), 1.0 - x.clamp(0.0, 1.0), 1.0),
            };
            let wrong = t * q + (1.0 - t) * p;
            let factor = wrong.powf(gamma);
            let factor_by_x = if wrong > 0.0 { gamma * factor / wrong * (1.0 - 2.0 * t) * p_by_x } else { 0.0 };
            // Far out the entropy is infinite where the factor does not change any more.
            let bend = product(factor_by_x, entropy);
            (product(weight * factor, entropy), weight * (factor * by_x + bend))
        })
    }
}

described! {
    /// Focal loss of classes: `mean(Σ alpha · (1 - p)^gamma · target · -ln p)`.
    ///
    /// Predictions are probabilities by default; those that come straight out of a `Softmax` are computed from its input.
    ///
    /// # Shapes
    /// predictions and one-hot or soft targets `[batch, ..., classes]`
    /// # Defaults
    /// gamma 2, alpha 0.25, no label smoothing
    /// # Errors
    /// other shapes; targets outside of 0 to 1; predictions that are evidently no probabilities; settings out of range
    /// # Example
    /// ```
    /// use gradus::losses::CategoricalFocalCrossEntropy;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[0.25, 0.75]]));
    /// let target = ndarray::arr2(&[[0.0, 1.0]]).into_dyn().into_shared();
    /// let loss = CategoricalFocalCrossEntropy::default().alpha(1.0).loss(&y, &target)?.item();
    /// assert!((loss - 0.01798).abs() < 1e-5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Lin et al. 2017; Keras `CategoricalFocalCrossentropy`
    #[doc(alias = "CategoricalFocalCrossentropy")]
    #[derive(Clone, Copy)]
    pub struct CategoricalFocalCrossEntropy {
        /// Whether predictions are logits: numbers before the softmax.
        from_logits: [switch] = false,
        /// How fast the weight of an answer falls as it gets right; 0 gives the cross-entropy.
        gamma: [Float] = 2.0,
        /// The factor of the loss.
        alpha: [Float] = 0.25,
        /// Which share of each target is spread evenly over all classes.
        label_smoothing: [Float] = 0.0,
    }
}

impl Loss for CategoricalFocalCrossEntropy {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "CategoricalFocalCrossEntropy";
        let (_, classes) = rows_of_classes(who, prediction)?;
        check(who, prediction, target, self.gamma, self.label_smoothing)?;
        check_one_class(who, prediction, target, prediction.value.shape().last().copied().unwrap_or(1).max(1))?;
        check_setting(who, "an alpha of", self.alpha, 0.0..)?;
        let (x, kind) = scores(who, prediction, ScoreKind::new(self.from_logits), false)?;
        let (gamma, alpha, smoothing) = (f64::from(self.gamma), f64::from(self.alpha), f64::from(self.label_smoothing));
        let target = standard(target);
        let (low, high) = (f64::from(CLIP), f64::from(1.0 - CLIP));
        items(who, prediction, &x, leading(prediction.value.shape()), move |i, x, slope| {
            let t = &data(&target)[i * classes..][..classes];
            let logits = LogProbabilities::new(x);
            let sum: f64 = x.iter().map(|x| f64::from(*x)).sum();
            // p, its logarithm, and whether it was clipped.
            let of = |x: Float| match kind {
                ScoreKind::Logits => (logits.of(x).exp(), logits.of(x), false),
                _ => {
                    let raw = f64::from(x) / sum;
                    let p = raw.clamp(low, high);
                    (p, p.ln(), p != raw)
                }
            };
            let (mut loss, mut total) = (0.0, 0.0);
            // First p · (slope by p), whose sum every class takes part in.
            for ((x, t), slope) in x.iter().zip(t).zip(&mut *slope) {
                let (p, log_p, clipped) = of(*x);
                let t = f64::from(*t) * (1.0 - smoothing) + smoothing / classes as f64;
                let (wrong, weight) = ((1.0 - p).max(0.0), alpha * t);
                let factor = wrong.powf(gamma);
                loss -= product(weight * factor, log_p);
                let falling = if wrong > 0.0 { gamma * factor / wrong * product(p, log_p) } else { 0.0 };
                let pull = if clipped { 0.0 } else { weight * (falling - factor) };
                total += pull;
                *slope = pull as Float;
            }
            for (x, slope) in x.iter().zip(slope) {
                let pull = f64::from(*slope);
                *slope = match kind {
                    ScoreKind::Logits => pull - of(*x).0 * total,
                    _ => (if pull == 0.0 { 0.0 } else { pull / f64::from(*x) }) - total / sum,
                } as Float;
            }
            loss
        })
    }
}
