//! Figures of how well predicted classes agree with the right ones.

use super::ConfusionMatrix;
use super::outcomes::{Outcome, Outcomes, of_counts};
use crate::config::{described, named};
use crate::error::Result;
use crate::tensor::Float;

described! {
    /// Intersection over union, `hits / (predicted + right - hits)`, averaged over the classes that occur, or over some.
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy).
    ///
    /// ```
    /// use gradus::metrics::MeanIou;
    /// use gradus::prelude::*;
    /// let mut iou = MeanIou::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// iou.update(&tensor([0.0, 0.0, 1.0, 1.0]), &tensor([0.0, 1.0, 1.0, 1.0]))?;
    /// assert!((iou.result() - (1.0 / 2.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// Keras `MeanIoU` and `IoU`, scikit-learn's `jaccard_score`.
    #[doc(alias = "Iou")]
    #[doc(alias = "IoU")]
    #[doc(alias = "Jaccard")]
    #[derive(Clone)]
    pub struct MeanIou {
        /// The classes that count, all if `None`; of a single one it is that class's intersection over union.
        target_class_ids: [some Vec<usize>] = None,
        /// What a binary prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
    }
    private { counts: Outcomes = Outcomes::default(), }
}

impl MeanIou {
    fn figure(&self) -> f64 {
        let chosen = |class: &usize| self.target_class_ids.as_ref().is_none_or(|only| only.contains(class));
        let (mut sum, mut count) = (0.0, 0.0);
        for class in (0..self.counts.classes()).filter(chosen) {
            let Outcome { hits, predicted, right } = self.counts.of(class);
            let union = predicted + right - hits;
            if union > 0.0 {
                sum += hits / union;
                count += 1.0;
            }
        }
        if count == 0.0 { 0.0 } else { sum / count }
    }

    fn check(&self) -> Result<()> {
        let classes = self.counts.classes();
        match self.target_class_ids.iter().flatten().find(|class| **class >= classes) {
            Some(bad) => Err(crate::error::Error::value(format!(
                "MeanIou: expected classes 0..{classes} ({classes} excluded) to choose from, got {bad}"
            ))),
            None => Ok(()),
        }
    }
}

of_counts!(
    MeanIou[threshold],
    |own| if own.target_class_ids.is_some() { "iou".into() } else { "mean_iou".into() },
    |own| own.figure(),
    |own| own.check()
);

/// How much a wrong class costs in [`CohenKappa`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KappaWeights {
    /// All errors cost the same.
    #[default]
    Equal,
    /// The distance of the class numbers.
    Linear,
    /// The square of the distance.
    Quadratic,
}

named!(KappaWeights { Equal = "equal", Linear = "linear", Quadratic = "quadratic" });

described! {
    /// Agreement beyond chance (Cohen 1960): 1 is perfect, 0 is what chance gives; NaN if there is only one class.
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy).
    ///
    /// ```
    /// use gradus::metrics::CohenKappa;
    /// use gradus::prelude::*;
    /// let mut kappa = CohenKappa::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// kappa.update(&tensor([0.0, 0.0, 1.0, 1.0]), &tensor([0.0, 1.0, 1.0, 1.0]))?;
    /// assert_eq!(kappa.result(), 0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// scikit-learn's `cohen_kappa_score`.
    #[derive(Clone)]
    pub struct CohenKappa {
        /// What errors cost; for classes in an order.
        weights: [KappaWeights] = KappaWeights::Equal,
        /// What a binary prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
    }
    private { counts: ConfusionMatrix = ConfusionMatrix::default(), }
}

impl CohenKappa {
    fn figure(&self) -> f64 {
        let (confusion, matrix) = (&self.counts, self.counts.matrix());
        let (mut seen, mut by_chance) = (0.0, 0.0);
        for ((right, predicted), count) in matrix.indexed_iter() {
            let distance = right.abs_diff(predicted) as f64;
            let cost = match self.weights {
                KappaWeights::Equal => f64::from(u8::from(right != predicted)),
                KappaWeights::Linear => distance,
                KappaWeights::Quadratic => distance * distance,
            };
            seen += cost * count;
            by_chance += cost * confusion.right(right) * confusion.predicted(predicted) / confusion.total();
        }
        1.0 - seen / by_chance
    }
}

of_counts!(CohenKappa[threshold], |_own| "cohen_kappa".into(), |own| own.figure(), |_own| Ok(()));

described! {
    /// Correlation of Matthews between predicted and right classes: 1 is perfect, 0 is what chance gives.
    ///
    /// Predictions and targets are those of [`Accuracy`](super::Accuracy). 0 if there is only one class.
    ///
    /// ```
    /// use gradus::metrics::Matthews;
    /// use gradus::prelude::*;
    /// let mut matthews = Matthews::default();
    /// let tensor = |x: [Float; 4]| ndarray::arr1(&x).into_dyn().into_shared();
    /// matthews.update(&tensor([0.0, 0.0, 1.0, 1.0]), &tensor([0.0, 1.0, 1.0, 1.0]))?;
    /// assert!((matthews.result() - 0.57735).abs() < 1e-5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// Matthews 1975, Gorodkin 2004; scikit-learn's `matthews_corrcoef`.
    #[doc(alias = "MatthewsCorrelation")]
    #[derive(Clone)]
    pub struct Matthews {
        /// What a binary prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
    }
    private { counts: Outcomes = Outcomes::default(), }
}

impl Matthews {
    fn figure(&self) -> f64 {
        let (counts, total) = (&self.counts, self.counts.total());
        let hits: f64 = counts.each().map(|of| of.hits).sum();
        let both: f64 = counts.each().map(|of| of.right * of.predicted).sum();
        let right = total * total - counts.each().map(|of| of.right.powi(2)).sum::<f64>();
        let predicted = total * total - counts.each().map(|of| of.predicted.powi(2)).sum::<f64>();
        if right * predicted == 0.0 {
            0.0
        } else {
            ((hits * total - both) / (right * predicted).sqrt()).clamp(-1.0, 1.0)
        }
    }
}

of_counts!(Matthews[threshold], |_own| "matthews".into(), |own| own.figure(), |_own| Ok(()));
