//! Which classes are taken for which.

use super::answers::{Answers, Pairs};
use super::items::{counted, weights_of};
use super::outcomes::sizes;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};
use ndarray::{Array2, Array3, Axis};

/// How many examples of each class were taken for which. [`Precision`](super::Precision), [`MeanIou`](super::MeanIou) and others come from
/// such counts, and keep fewer.
///
/// Predictions and targets are those of [`Accuracy`](super::Accuracy). It is no [`Metric`](super::Metric), which is one number, but is used like one in a loop
/// of your own, or on what `predict` gives.
///
/// ```
/// use gradus::prelude::*;
/// let mut confusion = ConfusionMatrix::default();
/// let scores = ndarray::arr2(&[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]).into_tensor();
/// confusion.update(&scores, &ndarray::arr1(&[0, 1, 1]).into_tensor())?;
/// assert_eq!(confusion.matrix(), ndarray::arr2(&[[1.0, 0.0], [1.0, 1.0]]));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// A table has a count for each pair of classes, and at most 2²⁷ of them (1 GiB), which 11,585 classes have.
///
/// scikit-learn's `confusion_matrix`.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ConfusionMatrix {
    pub(super) answers: Answers,
    labels: usize,
    classes: usize,
    /// `[label, right class, predicted class]`; one label but for several of an example.
    counts: Vec<f64>,
}

/// The most counts of a table.
const MOST_COUNTS: usize = 1 << 27;

/// The number of counts for all pairs of classes.
fn table(who: &str, labels: usize, classes: usize) -> Result<usize> {
    let count = classes.checked_mul(classes).and_then(|pairs| pairs.checked_mul(labels));
    count.filter(|count| *count <= MOST_COUNTS).ok_or_else(|| {
        Error::value(format!(
            "{who}: a table of all pairs of {classes} classes has more than {MOST_COUNTS} counts; use `Precision`, `Recall` or `MeanIou`, \
             which keep three for each class, or join classes"
        ))
    })
}

impl ConfusionMatrix {
    /// Sets what a binary prediction must exceed to count as 1; 0.5 unless set.
    pub fn threshold(mut self, threshold: Float) -> Self {
        self.answers.threshold = Some(threshold);
        self
    }

    /// Sets whether each number in the last axis is a decision of its own: of a label that an example has or has not.
    pub fn multi_label(mut self, yes: bool) -> Self {
        self.answers.multi_label = yes;
        self
    }

    /// Forgets what was gathered.
    pub fn reset(&mut self) {
        (self.labels, self.classes, self.counts) = (0, 0, Vec::new());
    }

    /// Takes in the predictions and targets of some examples.
    ///
    /// # Errors
    /// those of [`Accuracy`](super::Accuracy); too many classes for a table
    pub fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        self.take("ConfusionMatrix", prediction, target, None)
    }

    /// Takes in examples that weigh differently, one weight each; those of weight 0 are not there.
    ///
    /// # Errors
    /// those of [`ConfusionMatrix::update`]; weights that do not fit
    pub fn update_weighted(&mut self, prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()> {
        match counted("ConfusionMatrix", prediction, target, weights)? {
            Some(items) => self.take("ConfusionMatrix", &items.prediction, &items.target, Some(&items.weights)),
            None => Ok(()),
        }
    }

    pub(super) fn take(
        &mut self,
        who: &str,
        prediction: &Tensor,
        target: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<()> {
        let before = [self.labels, self.classes];
        let Pairs { labels, classes, pairs } = self.answers.pairs_as_before(who, before, prediction, target)?;
        let weight = weights_of(who, weights, pairs.len())?;
        self.counts.resize(table(who, labels, classes)?, 0.0);
        (self.labels, self.classes) = (labels, classes);
        for (i, (predicted, right)) in pairs.iter().enumerate() {
            self.counts[(i % labels * classes + right) * classes + predicted] += weight(i);
        }
        Ok(())
    }

    /// Returns the counts, `[right class, predicted class]`, of all labels together if there are several; empty before any
    /// example.
    pub fn matrix(&self) -> Array2<f64> {
        self.matrices().sum_axis(Axis(0))
    }

    /// Returns the counts of each label, `[labels, right, predicted]`, for [`ConfusionMatrix::multi_label`]: class 1 is what has the
    /// label.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut confusion = ConfusionMatrix::default().multi_label(true);
    /// let scores = ndarray::arr2(&[[0.9, 0.1], [0.8, 0.2]]).into_tensor();
    /// confusion.update(&scores, &ndarray::arr2(&[[1, 1], [0, 0]]).into_tensor())?;
    /// assert_eq!(confusion.matrices(), ndarray::arr3(&[[[0.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]]));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// scikit-learn's `multilabel_confusion_matrix`.
    pub fn matrices(&self) -> Array3<f64> {
        let shape = (self.labels, self.classes, self.classes);
        Array3::from_shape_vec(shape, self.counts.clone()).expect("as many counts as pairs of classes")
    }

    /// The numbers of labels and classes, and the counts.
    pub(super) fn state(&self) -> Vec<f64> {
        [&[self.labels as f64, self.classes as f64], &self.counts[..]].concat()
    }

    pub(super) fn restore(&mut self, state: &[f64]) -> Result<()> {
        let ([labels, classes], counts) = sizes(state);
        let count = classes.checked_mul(classes).and_then(|count| count.checked_mul(labels));
        if count != Some(counts.len()) {
            return Err(Error::value(format!(
                "{} counts of {classes} classes and {labels} labels are not what it gathers",
                counts.len()
            )));
        }
        (self.labels, self.classes, self.counts) = (labels, classes, counts.to_vec());
        Ok(())
    }

    pub(super) fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Examples of this class.
    pub(super) fn right(&self, class: usize) -> f64 {
        self.counts[class * self.classes..(class + 1) * self.classes].iter().sum()
    }

    /// Examples that were taken for this class.
    pub(super) fn predicted(&self, class: usize) -> f64 {
        self.counts.iter().skip(class).step_by(self.classes).sum()
    }
}
