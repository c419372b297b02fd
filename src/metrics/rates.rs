//! How often class 1 is predicted, and how often wrongly.

use super::outcomes::{Outcomes, of_counts};
use crate::config::described;
use crate::error::{Error, Result};
use crate::tensor::Float;

fn check(who: &str, counts: &Outcomes) -> Result<()> {
    match counts.classes() {
        2 => Ok(()),
        classes => Err(Error::value(format!("{who}: expected two classes, got {classes}; it is about class 1 of two"))),
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

described! {
    /// The share of examples that are predicted as class 1, whatever is right: `P(decision = 1)`.
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy).
    ///
    /// ```
    /// use gradus::{metrics::SelectionRate, prelude::*};
    /// let mut rate = SelectionRate::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// rate.update(&tensor([0.9, 0.8, 0.7, 0.1]), &tensor([1.0, 0.0, 1.0, 1.0]))?;
    /// assert_eq!(rate.result(), 0.75);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// fairlearn's `selection_rate`.
    #[derive(Clone)]
    pub struct SelectionRate {
        /// What a prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
    }
    private { counts: Outcomes = Outcomes::default(), }
}

of_counts!(
    SelectionRate[threshold],
    |_own| "selection_rate".into(),
    |own| share(own.counts.of(1).predicted, own.counts.total()),
    |own| check("SelectionRate", &own.counts)
);

described! {
    /// The share of class 0 that is taken for class 1: `P(decision = 1 | target = 0)`; 0 if there is no class 0. The share of class 1
    /// that is found is [`Recall`](super::Recall).
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy).
    ///
    /// ```
    /// use gradus::{metrics::FalsePositiveRate, prelude::*};
    /// let mut rate = FalsePositiveRate::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// rate.update(&tensor([0.9, 0.8, 0.2, 0.1]), &tensor([1.0, 0.0, 0.0, 1.0]))?;
    /// assert_eq!(rate.result(), 0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// fairlearn's `false_positive_rate`.
    #[derive(Clone)]
    pub struct FalsePositiveRate {
        /// What a prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
    }
    private { counts: Outcomes = Outcomes::default(), }
}

of_counts!(
    FalsePositiveRate[threshold],
    |_own| "false_positive_rate".into(),
    |own| share(own.counts.of(1).predicted - own.counts.of(1).hits, own.counts.of(0).right),
    |own| check("FalsePositiveRate", &own.counts)
);
