//! Areas under curves.

use super::answers::is_binary;
use super::{Gathered, Metric, better, gathered, updates, weights_of};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// Area under the curve of a classifier of two classes, over all thresholds: exact, from all scores.
///
/// It keeps each score, answer and weight, 12 bytes an example. NaN while there are no answers of one of the classes (of class 1, for
/// precision against recall).
///
/// - [`Auc::roc`]: true positives against false positives, the chance that an example of class 1 has the higher score;
/// - [`Auc::precision_recall`]: precision against recall, by trapezoids;
/// - [`Auc::average_precision`]: the same by steps, which does not flatter.
///
/// ```
/// use gradus::prelude::*;
/// let mut auc = Auc::roc();
/// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
/// auc.update(&tensor([0.1, 0.4, 0.35, 0.8]), &tensor([0.0, 0.0, 1.0, 1.0]))?;
/// assert_eq!((auc.name().as_str(), auc.result()), ("auc", 0.75));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// scikit-learn's `roc_auc_score`, `precision_recall_curve` with `auc`, and `average_precision_score`; Keras' `AUC`
/// approximates it by 200 thresholds.
#[derive(Clone, Debug)]
pub struct Auc {
    curve: Curve,
    /// Scores, 1 or 0, and weights.
    scores: Vec<(Float, Float, Float)>,
}

#[derive(Clone, Copy, Debug)]
enum Curve {
    Roc,
    PrecisionRecall,
    AveragePrecision,
}

impl Auc {
    fn new(curve: Curve) -> Self {
        Self { curve, scores: Vec::new() }
    }

    /// Of true positives against false positives.
    pub fn roc() -> Self {
        Self::new(Curve::Roc)
    }

    /// Of precision against recall, by trapezoids.
    pub fn precision_recall() -> Self {
        Self::new(Curve::PrecisionRecall)
    }

    /// Of precision against recall, by steps.
    pub fn average_precision() -> Self {
        Self::new(Curve::AveragePrecision)
    }

    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        if !is_binary(prediction, target) {
            return Err(Error::shape(format!(
                "Auc: expected one score and one answer an example, got predictions {:?} and targets {:?}; give the \
                 scores of class 1",
                prediction.shape(),
                target.shape()
            )));
        }
        if let Some(bad) = target.iter().find(|t| **t != 0.0 && **t != 1.0) {
            return Err(Error::value(format!("Auc: expected answers of 0 and 1, got {bad}")));
        }
        if prediction.iter().any(|p| p.is_nan()) {
            return Err(Error::value("Auc: expected numbers as scores, got NaN among them"));
        }
        let weight = weights_of("Auc", weights, prediction.len())?;
        let examples = prediction.iter().zip(target).enumerate();
        self.scores.extend(examples.map(|(i, (score, answer))| (*score, *answer, weight(i) as Float)));
        Ok(())
    }
}

impl Gathered for Vec<(Float, Float, Float)> {
    fn to_numbers(&self) -> Vec<f64> {
        self.iter().flat_map(|(score, answer, weight)| [score, answer, weight].map(|x| f64::from(*x))).collect()
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let (triples, rest) = numbers.as_chunks();
        let triple = |[score, answer, weight]: &[f64; 3]| (*score as Float, *answer as Float, *weight as Float);
        rest.is_empty().then(|| triples.iter().map(triple).collect())
    }
}

impl Metric for Auc {
    fn name(&self) -> String {
        match self.curve {
            Curve::Roc => "auc".into(),
            Curve::PrecisionRecall => "pr_auc".into(),
            Curve::AveragePrecision => "average_precision".into(),
        }
    }

    fn reset(&mut self) {
        self.scores.clear();
    }

    updates!("Auc");

    gathered!(scores);

    better!(Higher);

    fn result(&self) -> f64 {
        let mut sorted = self.scores.clone();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let of = |part: &[(Float, Float, Float)], class: Float| -> f64 {
            part.iter().filter(|(_, answer, _)| *answer == class).map(|(.., weight)| f64::from(*weight)).sum()
        };
        let (positives, negatives) = (of(&sorted, 1.0), of(&sorted, 0.0));
        let (mut hits, mut misses, mut precision, mut area) = (0.0, 0.0, 1.0, 0.0);
        // Equal scores are one point of the curve.
        for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
            let (more, fewer) = (of(tied, 1.0), of(tied, 0.0));
            if more + fewer == 0.0 {
                continue;
            }
            (hits, misses) = (hits + more, misses + fewer);
            let now = hits / (hits + misses);
            area += match self.curve {
                Curve::Roc => fewer * (hits - 0.5 * more) / (positives * negatives),
                Curve::PrecisionRecall => more * 0.5 * (now + precision) / positives,
                Curve::AveragePrecision => more * now / positives,
            };
            precision = now;
        }
        let is_empty = positives == 0.0 || negatives == 0.0 && matches!(self.curve, Curve::Roc);
        if is_empty { f64::NAN } else { area }
    }
}
