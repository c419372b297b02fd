//! Areas under curves.

use super::answers::{Answers, check_numbers};
use super::{Gathered, Metric, decides, gathers, weights_of};
use crate::config::{config, described, named};
use crate::error::{Error, Result};
use crate::order::descending;
use crate::tensor::{Float, Tensor};

described! {
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
    #[derive(Clone)]
    pub struct Auc {
        /// The curve.
        curve: [Curve] = Curve::Roc,
        /// Whether each number in the last axis is a score of its own: of a label that an example has or has not. The figure is
        /// the mean of the labels' areas; NaN while there are no answers of one of the classes for one of them.
        ///
        /// ```
        /// use gradus::prelude::*;
        /// let mut auc = Auc::roc().multi_label(true);
        /// let scores = ndarray::arr2(&[[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]]).into_tensor();
        /// auc.update(&scores, &ndarray::arr2(&[[1, 1], [0, 0], [0, 1]]).into_tensor())?;
        /// assert_eq!(auc.result(), (1.0 + 0.0) / 2.0);
        /// # Ok::<(), gradus::Error>(())
        /// ```
        multi_label: [bool] = false,
    }
    private {
        loss_threshold: Option<Float> = None,
        scores: Scores = Scores::default(),
    }
}

/// Of each example, a score, an answer of 1 or 0, and a weight, for each label in turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scores {
    labels: usize,
    all: Vec<(Float, Float, Float)>,
}

/// The curve of an [`Auc`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Curve {
    /// True positives against false positives.
    Roc,
    /// Precision against recall, by trapezoids.
    PrecisionRecall,
    /// Precision against recall, by steps.
    AveragePrecision,
}

named!(Curve { Roc = "ROC", PrecisionRecall = "PR", AveragePrecision = "average_precision" });

impl Auc {
    /// Creates the area under true positives against false positives.
    pub fn roc() -> Self {
        Self::default().curve(Curve::Roc)
    }

    /// Creates the area under precision against recall, by trapezoids.
    pub fn precision_recall() -> Self {
        Self::default().curve(Curve::PrecisionRecall)
    }

    /// Creates the area under precision against recall, by steps.
    pub fn average_precision() -> Self {
        Self::default().curve(Curve::AveragePrecision)
    }

    fn answers(&self) -> Answers {
        Answers { threshold: None, loss_threshold: self.loss_threshold, multi_label: self.multi_label }
    }

    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        let (p, t) = (prediction.shape(), target.shape());
        let Some(labels) = self.answers().labels("Auc", prediction, target)? else {
            return Err(Error::shape(format!(
                "Auc: expected one score and one answer an example, got predictions {p:?} and targets {t:?}; give the \
                 scores of class 1, or set `multi_label(true)` if each number is of a label that an example may have"
            )));
        };
        if self.scores.labels != 0 && self.scores.labels != labels {
            let before = self.scores.labels;
            return Err(Error::shape(format!("Auc: expected {before} labels as before, got predictions {p:?}")));
        }
        check_numbers("Auc", "scores", prediction)?;
        let weight = weights_of("Auc", weights, prediction.len())?;
        let mut new = Vec::with_capacity(prediction.len());
        for (i, (score, target)) in prediction.iter().zip(target).enumerate() {
            let answer = Float::from(u8::from(self.answers().answer("Auc", *target)?));
            new.push((*score, answer, weight(i) as Float));
        }
        self.scores.labels = labels;
        self.scores.all.append(&mut new);
        Ok(())
    }

    /// The area of some scores.
    fn area(&self, scores: Vec<(Float, Float, Float)>) -> f64 {
        let order = descending(scores.iter().map(|(score, ..)| *score));
        let scores: Vec<_> = order.into_iter().map(|place| scores[place]).collect();
        let of = |part: &[(Float, Float, Float)], class: Float| -> f64 {
            part.iter().filter(|(_, answer, _)| *answer == class).map(|(.., weight)| f64::from(*weight)).sum()
        };
        let (mut hits, mut misses, mut precision, mut area) = (0.0, 0.0, 1.0, 0.0);
        // Equal scores are one point of the curve.
        for tied in scores.chunk_by(|a, b| a.0 == b.0) {
            let (more, fewer) = (of(tied, 1.0), of(tied, 0.0));
            if more + fewer == 0.0 {
                continue;
            }
            (hits, misses) = (hits + more, misses + fewer);
            let now = hits / (hits + misses);
            area += match self.curve {
                Curve::Roc => fewer * (hits - 0.5 * more),
                Curve::PrecisionRecall => more * 0.5 * (now + precision),
                Curve::AveragePrecision => more * now,
            };
            precision = now;
        }
        // Divided at the end, by what was added up in the same order: counts are exact, and rounding of weights must not lead
        // above 1.
        let whole = if matches!(self.curve, Curve::Roc) { hits * misses } else { hits };
        if whole == 0.0 { f64::NAN } else { (area / whole).min(1.0) }
    }
}

impl Gathered for Scores {
    fn to_numbers(&self) -> Vec<f64> {
        let mut numbers = vec![self.labels as f64, self.all.len() as f64];
        for (score, answer, weight) in &self.all {
            numbers.extend([f64::from(*score), f64::from(*answer), f64::from(*weight)]);
        }
        numbers
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let [labels, count, numbers @ ..] = numbers else { return None };
        let (triples, rest) = numbers.as_chunks();
        let triple = |[score, answer, weight]: &[f64; 3]| (*score as Float, *answer as Float, *weight as Float);
        let fits = rest.is_empty() && triples.len() == *count as usize;
        fits.then(|| Self { labels: *labels as usize, all: triples.iter().map(triple).collect() })
    }
}

impl Metric for Auc {
    config!();

    fn name(&self) -> String {
        match self.curve {
            Curve::Roc => "auc".into(),
            Curve::PrecisionRecall => "pr_auc".into(),
            Curve::AveragePrecision => "average_precision".into(),
        }
    }

    gathers!("Auc", scores, Higher);

    decides!(loss_threshold);

    fn result(&self) -> f64 {
        let labels = self.scores.labels;
        let of = |label: usize| self.area(self.scores.all.iter().skip(label).step_by(labels).copied().collect());
        (0..labels).map(of).sum::<f64>() / labels as f64
    }
}
