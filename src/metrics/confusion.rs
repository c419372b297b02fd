//! Which classes are taken for which.

use super::answers::answers;
use super::items::{counted, weights_of};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};
use ndarray::Array2;

/// How many examples of each class were taken for which: the counts behind [`Precision`](super::Precision), [`MeanIou`](super::MeanIou)
/// and others.
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
/// scikit-learn's `confusion_matrix`.
#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    /// Binary predictions above it count as 1, 0.5.
    pub threshold: Float,
    classes: usize,
    /// `[right class, predicted class]`
    counts: Vec<f64>,
}

impl Default for ConfusionMatrix {
    fn default() -> Self {
        Self { threshold: 0.5, classes: 0, counts: Vec::new() }
    }
}

impl ConfusionMatrix {
    /// Sets what a binary prediction must exceed to count as 1.
    pub fn threshold(mut self, threshold: Float) -> Self {
        self.threshold = threshold;
        self
    }

    /// Forgets what was gathered.
    pub fn reset(&mut self) {
        (self.classes, self.counts) = (0, Vec::new());
    }

    /// Takes in the predictions and targets of some examples.
    ///
    /// # Errors
    /// shapes that do not belong together; targets that are no class numbers; predictions that are no numbers
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
        if prediction.iter().any(|p| p.is_nan()) {
            return Err(Error::value(format!("{who}: expected numbers as predictions, got NaN among them")));
        }
        let (classes, pairs) = answers(who, self.threshold, prediction, target)?;
        if self.classes != 0 && self.classes != classes {
            return Err(Error::shape(format!(
                "{who}: expected {} classes as before, got predictions {:?}",
                self.classes,
                prediction.shape()
            )));
        }
        if let Some((_, bad)) = pairs.iter().find(|(_, t)| !(t.fract() == 0.0 && *t >= 0.0 && *t < classes as Float)) {
            return Err(Error::value(format!(
                "{who}: expected whole class numbers 0..{classes} ({classes} excluded), got {bad}"
            )));
        }
        let weight = weights_of(who, weights, pairs.len())?;
        self.classes = classes;
        self.counts.resize(classes * classes, 0.0);
        pairs.iter().enumerate().for_each(|(i, (p, t))| self.counts[*t as usize * classes + p] += weight(i));
        Ok(())
    }

    /// The counts, `[right class, predicted class]`; empty before any example.
    pub fn matrix(&self) -> Array2<f64> {
        let shape = (self.classes, self.classes);
        Array2::from_shape_vec(shape, self.counts.clone()).expect("as many counts as pairs of classes")
    }

    /// The number of classes and the counts.
    pub(super) fn state(&self) -> Vec<f64> {
        [&[self.classes as f64], &self.counts[..]].concat()
    }

    pub(super) fn restore(&mut self, state: &[f64]) -> Result<()> {
        let (classes, counts) = state.split_first().map_or((0, state), |(classes, counts)| (*classes as usize, counts));
        if classes.checked_mul(classes) != Some(counts.len()) {
            return Err(Error::value(format!("{classes} classes and {} counts are not what it gathers", counts.len())));
        }
        (self.classes, self.counts) = (classes, counts.to_vec());
        Ok(())
    }

    pub(super) fn classes(&self) -> usize {
        self.classes
    }

    pub(super) fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Examples of this class that were taken for it.
    pub(super) fn hits(&self, class: usize) -> f64 {
        self.counts[class * self.classes + class]
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

/// Implements `Metric` for a metric whose field `confusion` says all; `result` is asked only if there is an example.
macro_rules! of_confusion {
    ($name:ident, |$label:ident| $text:expr, |$result:ident| $figure:expr, |$check:ident| $checked:expr) => {
        impl $crate::metrics::Metric for $name {
            fn name(&self) -> String {
                let $label = self;
                $text
            }

            fn reset(&mut self) {
                self.confusion.reset();
            }

            $crate::metrics::updates!(stringify!($name));

            $crate::metrics::better!(Higher);

            fn state(&self) -> Option<Vec<f64>> {
                Some(self.confusion.state())
            }

            fn restore(&mut self, state: &[f64]) -> $crate::error::Result<()> {
                self.confusion.restore(state)
            }

            fn result(&self) -> f64 {
                let $result = self;
                if self.confusion.total() == 0.0 { f64::NAN } else { $figure }
            }
        }

        impl $name {
            fn take(
                &mut self,
                prediction: &$crate::tensor::Tensor,
                target: &$crate::tensor::Tensor,
                weights: Option<&$crate::tensor::Tensor>,
            ) -> $crate::error::Result<()> {
                self.confusion.take(stringify!($name), prediction, target, weights)?;
                let $check = &*self;
                $checked
            }

            /// Sets what a binary prediction must exceed to count as 1; 0.5 unless set.
            pub fn threshold(mut self, threshold: $crate::tensor::Float) -> Self {
                self.confusion = self.confusion.threshold(threshold);
                self
            }
        }
    };
}
pub(super) use of_confusion;
