//! Cross-entropy of independent yes-or-no answers.

use super::items::{pairs_with, product};
use super::probabilities::{CLIP, ScoreKind, check_smoothing, scores};
use super::{Each, Loss, check_same_shape, check_setting, check_targets, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::{Float, Tensor};

described! {
    /// Binary cross-entropy: `mean(-target · ln p - (1 - target) · ln(1 - p))` over all numbers.
    ///
    /// Predictions are probabilities by default. Those that come straight out of a `Sigmoid` are computed from its input,
    /// in one stable operation; other ones are clipped at 1e-7. [`BinaryCrossEntropy::from_logits`] takes numbers before
    /// the sigmoid.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Defaults
    /// no label smoothing; answers of 1 weigh as much as those of 0
    /// # Errors
    /// other shapes; targets outside of 0 to 1; predictions that are evidently no probabilities; settings out of range
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
    #[doc(alias = "BCEWithLogitsLoss")]
    #[derive(Clone, Copy)]
    pub struct BinaryCrossEntropy {
        /// Whether predictions are logits: numbers before the sigmoid.
        from_logits: [switch] = false,
        /// How far targets are drawn towards 0.5: they become `target (1 - s) + s / 2`.
        label_smoothing: [Float] = 0.0,
        /// What the part of a target that is 1 weighs; above 1 for answers that are rarely yes.
        #[doc(alias = "pos_weight")]
        positive_weight: [Float] = 1.0,
    }
}

impl Loss for BinaryCrossEntropy {
    per_example!();

    fn threshold(&self) -> Option<Float> {
        Some(ScoreKind::new(self.from_logits).threshold())
    }

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "BinaryCrossEntropy";
        check_same_shape(who, prediction, target)?;
        check_targets(who, target, "targets from 0 to 1", |t| (0.0..=1.0).contains(&t))?;
        check_smoothing(who, self.label_smoothing)?;
        check_setting(who, "a positive weight of", self.positive_weight, 0.0..)?;
        let (x, kind) = scores(who, prediction, ScoreKind::new(self.from_logits), true)?;
        let (smoothing, weight) = (f64::from(self.label_smoothing), f64::from(self.positive_weight));
        pairs_with(who, prediction, &x, target, move |x, t| {
            let t = t * (1.0 - smoothing) + 0.5 * smoothing;
            binary(kind, x, weight * t, 1.0 - t)
        })
    }
}

/// `-yes ln p - no ln(1 - p)`, and its slope by the logit or the probability.
pub(super) fn binary(kind: ScoreKind, x: f64, yes: f64, no: f64) -> (f64, f64) {
    if kind == ScoreKind::Logits {
        let decay = (-x.abs()).exp();
        let (rest, small) = (decay.ln_1p(), decay / (1.0 + decay));
        let p = if x >= 0.0 { 1.0 - small } else { small };
        let q = if x >= 0.0 { small } else { 1.0 - small };
        // -ln p and -ln(1 - p) are max(∓x, 0) + ln(1 + exp(-|x|)).
        (product(yes, (-x).max(0.0) + rest) + product(no, x.max(0.0) + rest), no * p - yes * q)
    } else {
        let p = x.clamp(f64::from(CLIP), f64::from(1.0 - CLIP));
        let slope = if p == x { no / (1.0 - p) - yes / p } else { 0.0 };
        (-yes * p.ln() - no * (1.0 - p).ln(), slope)
    }
}
