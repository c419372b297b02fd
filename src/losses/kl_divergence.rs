//! Divergence of Kullback and Leibler.

use super::items::{items, leading, standard};
use super::probabilities::{CLIP, LogProbabilities, ScoreKind, rows_of_classes, scores};
use super::{Each, Loss, check_same_shape, check_targets, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data};

described! {
    /// Divergence of Kullback and Leibler of the prediction from the target: `mean(Σ target · ln(target / p))`.
    ///
    /// Predictions are probabilities; those that come straight out of a `Softmax` or `LogSoftmax` are computed from its input
    /// or from the logarithms, and other ones, and then the targets too, are clipped at 1e-7.
    ///
    /// # Shapes
    /// predictions and targets `[batch, ..., classes]`
    /// # Errors
    /// other shapes; targets outside of 0 to 1; predictions that are evidently no probabilities
    /// # Example
    /// ```
    /// use gradus::losses::KlDivergence;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[0.25, 0.75]]));
    /// let target = ndarray::arr2(&[[0.5, 0.5]]).into_dyn().into_shared();
    /// assert!((KlDivergence.loss(&y, &target)?.item() - 0.1438).abs() < 1e-4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `KLDivergence`, PyTorch `KLDivLoss` with `batchmean` (after a `LogSoftmax`)
    #[doc(alias = "KLDivergence")]
    #[doc(alias = "KLDivLoss")]
    pub struct KlDivergence;
}

impl Loss for KlDivergence {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "KlDivergence";
        rows_of_classes(who, prediction)?;
        check_same_shape(who, prediction, target)?;
        check_targets(who, target, "targets from 0 to 1", |t| (0.0..=1.0).contains(&t))?;
        let (x, kind) = scores(who, prediction, ScoreKind::Probabilities, false)?;
        let target = standard(target);
        items(who, prediction, &x, leading(prediction.value.shape()), move |i, x, slope| {
            let t = &data(&target)[i * x.len()..][..x.len()];
            let logits = (kind == ScoreKind::Logits).then(|| LogProbabilities::new(x));
            let total: f64 = t.iter().map(|t| f64::from(*t)).sum();
            let mut sum = 0.0;
            for ((x, t), slope) in x.iter().zip(t).zip(slope) {
                if kind == ScoreKind::Probabilities {
                    let (p, t) = (f64::from(x.clamp(CLIP, 1.0)), f64::from(t.max(CLIP)));
                    sum += t * (t / p).ln();
                    *slope = if (CLIP..=1.0).contains(x) { (-t / p) as Float } else { 0.0 };
                } else {
                    let (log_p, t) = (logits.as_ref().map_or(f64::from(*x), |logits| logits.of(*x)), f64::from(*t));
                    sum += if t > 0.0 { t * (t.ln() - log_p) } else { 0.0 };
                    let pull = if kind == ScoreKind::Logits { total * log_p.exp() } else { 0.0 };
                    *slope = (pull - t) as Float;
                }
            }
            sum
        })
    }
}
