//! Precision, recall and their mean.

use super::outcomes::{Outcome, Outcomes, of_counts};
use crate::config::{described, named};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// How the figures of several classes, or of several labels of an example, become one, as in scikit-learn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Averaging {
    /// The figure of class 1 of two, or of an only label.
    #[default]
    Binary,
    /// The mean over the classes that occur, in targets or predictions; over all labels.
    Macro,
    /// The figure of all decisions together.
    Micro,
    /// The mean over the classes, each as often as it occurs in the targets.
    Weighted,
}

named!(Averaging { Binary = "binary", Macro = "macro", Micro = "micro", Weighted = "weighted" });

impl Averaging {
    fn of(self, name: &str) -> String {
        match self {
            Self::Binary => name.into(),
            Self::Macro => format!("macro_{name}"),
            Self::Micro => format!("micro_{name}"),
            Self::Weighted => format!("weighted_{name}"),
        }
    }

    fn check(self, who: &str, counts: &Outcomes) -> Result<()> {
        let multi_label = counts.answers.multi_label;
        let (count, expected, what) = match multi_label {
            true => (counts.each().count(), 1, "one label"),
            false => (counts.classes(), 2, "two classes"),
        };
        if self == Self::Binary && count != expected {
            let hint = if multi_label { "" } else { ", and `multi_label(true)` if an example may have several labels" };
            return Err(Error::value(format!(
                "{who}: expected {what} for `Averaging::Binary`, got {count}; choose another one by `average`{hint}"
            )));
        }
        Ok(())
    }

    /// `part / whole`, 0 of nothing, of each class or label or of all together; `figure` gives both from an outcome.
    fn result(self, counts: &Outcomes, figure: impl Fn(Outcome) -> (f64, f64)) -> f64 {
        // Rounding must not lead above 1.
        let ratio = |(part, whole): (f64, f64)| if whole == 0.0 { 0.0 } else { (part / whole).min(1.0) };
        let mut outcomes = counts.each();
        let is_label = counts.answers.multi_label;
        match self {
            Self::Binary => outcomes.next_back().map_or(0.0, |outcome| ratio(figure(outcome))),
            Self::Micro => {
                let mut all = Outcome::default();
                for outcome in outcomes {
                    all.hits += outcome.hits;
                    all.predicted += outcome.predicted;
                    all.right += outcome.right;
                }
                ratio(figure(all))
            }
            Self::Macro => {
                let (mut sum, mut count) = (0.0, 0.0);
                for outcome in outcomes {
                    // As in scikit-learn, all labels count, but only the classes that occur.
                    if is_label || outcome.predicted + outcome.right > 0.0 {
                        sum += ratio(figure(outcome));
                        count += 1.0;
                    }
                }
                sum / count
            }
            Self::Weighted => {
                let (mut sum, mut total) = (0.0, 0.0);
                for outcome in outcomes {
                    sum += ratio(figure(outcome)) * outcome.right;
                    total += outcome.right;
                }
                ratio((sum, total))
            }
        }
    }
}

described! {
    /// The share of right ones among what was taken for a class; 0 if nothing was.
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy).
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut precision = Precision::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// precision.update(&tensor([0.9, 0.8, 0.7, 0.1]), &tensor([1.0, 0.0, 1.0, 1.0]))?;
    /// assert!((precision.result() - 2.0 / 3.0).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// scikit-learn's `precision_score`, Keras `Precision`.
    #[derive(Clone)]
    pub struct Precision {
        /// How the figures of several classes, or of several labels, become one.
        average: [Averaging] = Averaging::Binary,
        /// What a binary prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
        /// Whether each number in the last axis is a decision of its own: of a label that an example has or has not.
        /// Choose by `average` how the figures of several labels become one.
        multi_label: [bool] = false,
    }
    private { counts: Outcomes = Outcomes::default(), }
}

of_counts!(
    Precision [threshold multi_label],
    |own| own.average.of("precision"),
    |own| own.average.result(&own.counts, |of| (of.hits, of.predicted)),
    |own| own.average.check("Precision", &own.counts)
);

described! {
    /// The share of a class that was found; 0 if there is none.
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy).
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut recall = Recall::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// recall.update(&tensor([0.9, 0.8, 0.7, 0.1]), &tensor([1.0, 0.0, 1.0, 1.0]))?;
    /// assert!((recall.result() - 2.0 / 3.0).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// scikit-learn's `recall_score`, Keras `Recall`.
    #[derive(Clone)]
    pub struct Recall {
        /// How the figures of several classes, or of several labels, become one.
        average: [Averaging] = Averaging::Binary,
        /// What a binary prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
        /// Whether each number in the last axis is a decision of its own: of a label that an example has or has not.
        /// Choose by `average` how the figures of several labels become one.
        multi_label: [bool] = false,
    }
    private { counts: Outcomes = Outcomes::default(), }
}

of_counts!(
    Recall [threshold multi_label],
    |own| own.average.of("recall"),
    |own| own.average.result(&own.counts, |of| (of.hits, of.right)),
    |own| own.average.check("Recall", &own.counts)
);

described! {
    /// Harmonic mean of precision and recall, in which recall weighs beta times as much: F1 by default.
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy).
    ///
    /// ```
    /// use gradus::metrics::Averaging;
    /// use gradus::prelude::*;
    /// let mut f1 = FBeta::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// f1.update(&tensor([0.9, 0.8, 0.2, 0.1]), &tensor([1.0, 0.0, 1.0, 1.0]))?;
    /// assert!((f1.result() - 0.4).abs() < 1e-12);
    /// assert_eq!(FBeta::new(0.5).average(Averaging::Macro).name(), "macro_f0.5");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// scikit-learn's `fbeta_score` and `f1_score`, Keras `FBetaScore` and `F1Score`.
    #[doc(alias = "F1Score")]
    #[doc(alias = "FBetaScore")]
    #[derive(Clone)]
    pub struct FBeta(
        /// What recall weighs against precision.
        beta: [f64] = 1.0,
    ) {
        /// How the figures of several classes, or of several labels, become one.
        average: [Averaging] = Averaging::Binary,
        /// What a binary prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
        /// Whether each number in the last axis is a decision of its own: of a label that an example has or has not.
        /// Choose by `average` how the figures of several labels become one.
        multi_label: [bool] = false,
    }
    private { counts: Outcomes = Outcomes::default(), }
}

of_counts!(
    FBeta [threshold multi_label],
    |own| own.average.of(&format!("f{}", own.beta)),
    |own| {
        let square = own.beta * own.beta;
        own.average.result(&own.counts, |of| ((1.0 + square) * of.hits, of.predicted + square * of.right))
    },
    |own| {
        if !(own.beta.is_finite() && own.beta >= 0.0) {
            return Err(Error::value(format!("FBeta: expected a beta of at least 0, got {}", own.beta)));
        }
        own.average.check("FBeta", &own.counts)
    }
);
