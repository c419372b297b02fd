//! How often each class is found.

use super::answers::{Answers, Pairs};
use super::items::weights_of;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// What was decided of a class or a label: how often it was found, predicted, and right.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub hits: f64,
    pub predicted: f64,
    pub right: f64,
}

/// The outcomes of all classes, or labels: what most figures of classes need, where a [`ConfusionMatrix`](super::ConfusionMatrix) has
/// their square.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    pub(super) answers: Answers,
    labels: usize,
    classes: usize,
    /// `[label, class]`; one label but for several of an example.
    all: Vec<Outcome>,
}

impl Outcomes {
    pub(super) fn reset(&mut self) {
        (self.labels, self.classes, self.all) = (0, 0, Vec::new());
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
        (self.labels, self.classes) = (labels, classes);
        self.all.resize(labels * classes, Outcome::default());
        for (i, (predicted, right)) in pairs.iter().enumerate() {
            let of_label = &mut self.all[i % labels * classes..][..classes];
            of_label[*predicted].predicted += weight(i);
            of_label[*right].right += weight(i);
            if predicted == right {
                of_label[*right].hits += weight(i);
            }
        }
        Ok(())
    }

    /// The outcome of each class, or of each label if an example may have several: class 1 is what has the label.
    pub(super) fn each(&self) -> impl DoubleEndedIterator<Item = Outcome> {
        let step = if self.answers.multi_label { self.classes.max(1) } else { 1 };
        self.all.iter().skip(step - 1).step_by(step).copied()
    }

    /// The outcome of a class of the only label; nothing of one that there is not.
    pub(super) fn of(&self, class: usize) -> Outcome {
        self.all.get(class).copied().unwrap_or_default()
    }

    /// The numbers of labels and classes, and the outcomes.
    pub(super) fn state(&self) -> Vec<f64> {
        let mut state = vec![self.labels as f64, self.classes as f64];
        state.extend(self.all.iter().flat_map(|one| [one.hits, one.predicted, one.right]));
        state
    }

    pub(super) fn restore(&mut self, state: &[f64]) -> Result<()> {
        let ([labels, classes], numbers) = sizes(state);
        let (outcomes, rest) = numbers.as_chunks();
        if labels.checked_mul(classes) != Some(outcomes.len()) || !rest.is_empty() {
            return Err(Error::value(format!(
                "{} numbers of {classes} classes and {labels} labels are not what it gathers",
                numbers.len()
            )));
        }
        let all = outcomes.iter().map(|[hits, predicted, right]| Outcome {
            hits: *hits,
            predicted: *predicted,
            right: *right,
        });
        (self.labels, self.classes, self.all) = (labels, classes, all.collect());
        Ok(())
    }

    pub(super) fn classes(&self) -> usize {
        self.classes
    }

    /// The weight of all examples.
    pub(super) fn total(&self) -> f64 {
        self.all.iter().map(|one| one.right).sum()
    }
}

/// The numbers of labels and classes in the state of a metric, and the numbers after them.
pub fn sizes(state: &[f64]) -> ([usize; 2], &[f64]) {
    match state {
        // Whatever is written there: nothing was gathered.
        [_, _] => ([0; 2], &[]),
        [labels, classes, numbers @ ..] => ([*labels as usize, *classes as usize], numbers),
        _ => ([0; 2], state),
    }
}

/// Implements `Metric` for a metric whose field `counts` says all, be it [`Outcomes`] or a table of all pairs; `result` is asked only if there is an example.
macro_rules! of_counts {
    ($name:ident [$($setting:ident)*], |$label:ident| $text:expr, |$result:ident| $figure:expr, |$check:ident| $checked:expr) => {
        impl $crate::metrics::Metric for $name {
            $crate::config::config!();

            fn name(&self) -> String {
                let $label = self;
                $text
            }

            fn reset(&mut self) {
                self.counts.reset();
            }

            $crate::metrics::takes!(stringify!($name), Higher);

            $crate::metrics::decides!(counts.answers.loss_threshold);

            fn state(&self) -> Option<Vec<f64>> {
                Some(self.counts.state())
            }

            fn restore(&mut self, state: &[f64]) -> $crate::error::Result<()> {
                self.settle();
                self.counts.restore(state)
            }

            fn result(&self) -> f64 {
                let $result = self;
                if self.counts.total() == 0.0 { f64::NAN } else { $figure }
            }
        }

        impl $name {
            fn take(
                &mut self,
                prediction: &$crate::tensor::Tensor,
                target: &$crate::tensor::Tensor,
                weights: Option<&$crate::tensor::Tensor>,
            ) -> $crate::error::Result<()> {
                self.settle();
                self.counts.take(stringify!($name), prediction, target, weights)?;
                let $check = &*self;
                $checked
            }

            /// Hands the settings on.
            fn settle(&mut self) {
                $(self.counts.answers.$setting = self.$setting;)*
            }
        }
    };
}
pub(super) use of_counts;

#[cfg(test)]
mod tests {
    use crate::metrics::{
        Averaging, CohenKappa, ConfusionMatrix, FBeta, Matthews, MeanIou, Metric, Precision, Recall, SelectionRate,
    };
    use crate::tensor::{Float, IntoTensor, Tensor};

    const CLASSES: usize = 60_000;

    /// Two examples of the last class, of which one is found.
    fn examples() -> (Tensor, Tensor) {
        let scores = ndarray::Array2::from_shape_fn((2, CLASSES), |(row, class)| {
            Float::from(u8::from(class == if row == 0 { CLASSES - 1 } else { 7 }))
        });
        (scores.into_tensor(), ndarray::arr1(&[CLASSES - 1; 2]).into_tensor())
    }

    #[test]
    fn memory_grows_with_classes_and_not_with_their_square() {
        let (scores, targets) = examples();
        let check = |metric: &mut dyn Metric, expected: f64| {
            metric.update(&scores, &targets).unwrap();
            let state = metric.state().unwrap();
            assert!(state.len() < 4 * CLASSES, "{}: {} numbers", metric.name(), state.len());
            metric.reset();
            metric.restore(&state).unwrap();
            assert!((metric.result() - expected).abs() < 1e-12, "{}: {}", metric.name(), metric.result());
        };
        check(&mut Precision::default().average(Averaging::Micro), 0.5);
        check(&mut Precision::default().average(Averaging::Macro), 0.5);
        check(&mut Recall::default().average(Averaging::Macro), 0.25);
        check(&mut FBeta::new(1.0).average(Averaging::Weighted), 2.0 / 3.0);
        check(&mut MeanIou::default(), 0.25);
        check(&mut Matthews::default(), 0.0);
    }

    #[test]
    fn a_table_that_does_not_fit_is_refused() {
        let (scores, targets) = examples();
        let error = ConfusionMatrix::default().update(&scores, &targets).unwrap_err().to_string();
        assert!(error.contains("ConfusionMatrix: a table of all pairs of 60000 classes"), "{error}");
        let error = CohenKappa::default().update(&scores, &targets).unwrap_err().to_string();
        assert!(error.starts_with("CohenKappa"), "{error}");
    }

    #[test]
    fn a_state_that_nobody_gathered_gives_an_error_or_a_figure() {
        for state in [&[0.0, 3.5e9][..], &[1.0, 1.0, 1.0, 1.0, 1.0], &[1.0, 1.0, 1.0], &[1e300, 1e300, 0.0], &[3.0]] {
            for metric in
                [&mut SelectionRate::default() as &mut dyn Metric, &mut Recall::default(), &mut CohenKappa::default()]
            {
                if metric.restore(state).is_ok() {
                    metric.result();
                }
            }
            let mut confusion = ConfusionMatrix::default();
            if confusion.restore(state).is_ok() {
                confusion.matrix();
            }
        }
    }
}
