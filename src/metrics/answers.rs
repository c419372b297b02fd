//! From scores and targets to class numbers.

use ndarray::{ArrayView1, Axis};

use super::argmax;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// How scores and targets become decisions and answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    /// What the user has set.
    pub threshold: Option<Float>,
    /// What the loss of a trainer says.
    pub loss_threshold: Option<Float>,
    /// Whether each number in the last axis is a decision of its own.
    pub multi_label: bool,
}

/// What was predicted and what is right.
pub(super) struct Pairs {
    /// Decisions an item: 1 but for several labels.
    pub labels: usize,
    pub classes: usize,
    /// The predicted and the right class of each decision.
    pub pairs: Vec<(usize, usize)>,
}

/// Whether there is one number an example: shapes alike but for a trailing axis of length 1.
pub(super) fn is_binary(prediction: &Tensor, target: &Tensor) -> bool {
    let (p, t) = (prediction.shape(), target.shape());
    p == t && (p.len() < 2 || p[p.len() - 1] == 1)
        || [p, &[1]].concat() == t
        || p.last() == Some(&1) && &p[..p.len() - 1] == t
}

impl Answers {
    /// Returns the predicted and the right class of each item, or of each label of each.
    pub fn pairs(&self, who: &str, prediction: &Tensor, target: &Tensor) -> Result<Pairs> {
        check_numbers(who, "predictions", prediction)?;
        if let Some(labels) = self.labels(who, prediction, target)? {
            let threshold = self.threshold.or(self.loss_threshold).unwrap_or(0.5);
            let mut pairs = Vec::with_capacity(prediction.len());
            for (p, t) in prediction.iter().zip(target) {
                pairs.push((usize::from(*p > threshold), usize::from(self.answer(who, *t)?)));
            }
            return Ok(Pairs { labels, classes: 2, pairs });
        }
        let (classes, right) = classes_of(who, prediction, target)?;
        let lanes = prediction.lanes(Axis(prediction.ndim() - 1));
        Ok(Pairs { labels: 1, classes, pairs: lanes.into_iter().map(argmax).zip(right).collect() })
    }

    /// [`Answers::pairs`] of as many labels and classes as before, if there was an example.
    pub fn pairs_as_before(
        &self,
        who: &str,
        before: [usize; 2],
        prediction: &Tensor,
        target: &Tensor,
    ) -> Result<Pairs> {
        let found = self.pairs(who, prediction, target)?;
        let [labels, classes] = before;
        if classes == 0 || before == [found.labels, found.classes] {
            return Ok(found);
        }
        let (what, count) = if self.multi_label { ("labels", labels) } else { ("classes", classes) };
        Err(Error::shape(format!("{who}: expected {count} {what} as before, got predictions {:?}", prediction.shape())))
    }

    /// Returns how many decisions an item has if they are of class 1 against class 0; `None` if they are among several
    /// classes.
    pub fn labels(&self, who: &str, prediction: &Tensor, target: &Tensor) -> Result<Option<usize>> {
        let (p, t) = (prediction.shape(), target.shape());
        if is_binary(prediction, target) {
            return Ok(Some(1));
        }
        if self.multi_label && p != t {
            return Err(Error::shape(format!(
                "{who}: expected predictions and targets alike, [.., labels], for `multi_label(true)`, got predictions \
                 {p:?} and targets {t:?}"
            )));
        }
        Ok(self.multi_label.then(|| p[p.len() - 1]))
    }

    /// Whether an answer is class 1. A loss on answers makes sure itself that they are such, and some are between the classes,
    /// as of mixed examples; on what else a model is trained may be no answer at all.
    pub fn answer(&self, who: &str, target: Float) -> Result<bool> {
        if target == 0.0 || target == 1.0 || self.loss_threshold.is_some() && !target.is_nan() {
            return Ok(target > 0.5);
        }
        Err(Error::value(format!(
            "{who}: expected answers of 0 and 1 for one score an answer, got {target}; give scores of all classes \
             [.., classes], or measure a regression by an error such as `MeanAbsolute`"
        )))
    }
}

/// NaN is not an answer.
pub(super) fn check_numbers(who: &str, what: &str, tensor: &Tensor) -> Result<()> {
    if tensor.iter().any(|x| x.is_nan()) {
        return Err(Error::value(format!("{who}: expected numbers as {what}, got NaN among them")));
    }
    Ok(())
}

/// The number of classes, and the right class of each item.
pub(super) fn classes_of(who: &str, prediction: &Tensor, target: &Tensor) -> Result<(usize, Vec<usize>)> {
    let (p, t) = (prediction.shape(), target.shape());
    let Some((classes, rows)) = p.split_last() else {
        return Err(Error::shape(format!("{who}: expected predictions [.., classes], got {p:?}")));
    };
    let right: Result<Vec<usize>> = if rows == t || [rows, &[1]].concat() == t {
        target.iter().map(|t| class(who, *t, *classes)).collect()
    } else if p == t {
        target.lanes(Axis(rows.len())).into_iter().map(|row| class_of_row(who, row)).collect()
    } else {
        return Err(Error::shape(format!(
            "{who}: expected targets {rows:?} (class numbers) or {p:?} (one-hot) for predictions {p:?}, got {t:?}"
        )));
    };
    Ok((*classes, right?))
}

fn class(who: &str, number: Float, classes: usize) -> Result<usize> {
    if number.fract() == 0.0 && number >= 0.0 && number < classes as Float {
        return Ok(number as usize);
    }
    let hint = if number < 0.0 {
        "; what is to be ignored, leave out by `ignore_class` in the loss, or by weights of 0"
    } else {
        ""
    };
    Err(Error::value(format!(
        "{who}: expected whole class numbers 0..{classes} ({classes} excluded), got {number}{hint}"
    )))
}

/// The greatest of a row of shares: of one-hot rows, and of those of mixed examples.
fn class_of_row(who: &str, row: ArrayView1<'_, Float>) -> Result<usize> {
    if crate::data::is_shares(row.iter().copied()) {
        return Ok(argmax(row));
    }
    let start: Vec<Float> = row.iter().copied().take(8).collect();
    let hint = match who {
        "Accuracy" | "Precision" | "Recall" | "FBeta" | "ConfusionMatrix" => {
            "if an example may have several labels, set `multi_label(true)`"
        }
        _ => {
            "for examples of several labels, `Accuracy`, `Precision`, `Recall`, `FBeta` and `Auc` have `multi_label(true)`"
        }
    };
    Err(Error::value(format!(
        "{who}: expected one-hot rows as targets, or shares of classes that sum to 1, got {start:?}; {hint}, and measure a \
         regression by an error such as `MeanAbsolute`"
    )))
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2, arr3};

    use crate::metrics::{Averaging, CohenKappa, Matthews, MeanIou};
    use crate::prelude::*;

    fn scores() -> Tensor {
        let rows = [
            [0.9, 0.2, 0.6, 0.1],
            [0.4, 0.8, 0.3, 0.2],
            [0.7, 0.6, 0.1, 0.9],
            [0.2, 0.1, 0.8, 0.3],
            [0.55, 0.45, 0.35, 0.05],
            [0.3, 0.95, 0.65, 0.15],
        ];
        arr2(&rows).into_tensor()
    }

    fn labels() -> Tensor {
        arr2(&[[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 0]]).into_tensor()
    }

    fn check(mut metric: impl Metric, columns: usize, weighted: bool, expected: f64) {
        let cut = |x: Tensor, rows: std::ops::Range<usize>| {
            x.slice(ndarray::s![rows, ..columns]).to_owned().into_dyn().into_shared()
        };
        let weights = arr1(&[1.0, 2.0, 0.5, 3.0, 1.0, 4.0]);
        // In two batches, the first of which does not have all answers; the metric goes on with its state.
        for rows in [0..1, 1..6] {
            let (p, t) = (cut(scores(), rows.clone()), cut(labels(), rows.clone()));
            if weighted {
                metric.update_weighted(&p, &t, &weights.slice(ndarray::s![rows]).into_tensor()).unwrap();
            } else {
                metric.update(&p, &t).unwrap();
            }
            let state = metric.state().unwrap();
            metric.reset();
            metric.restore(&state).unwrap();
        }
        assert!((metric.result() - expected).abs() < 1e-12, "{} {} {expected}", metric.name(), metric.result());
    }

    /// The numbers are scikit-learn's.
    #[test]
    fn several_labels_of_an_example() {
        use Averaging::{Macro, Micro, Weighted};
        check(Accuracy::default().multi_label(true), 4, false, 5.0 / 6.0);
        check(Accuracy::default().multi_label(true), 4, true, 0.9130434782608695);
        let precision = |average| Precision::default().average(average).multi_label(true);
        check(precision(Macro), 4, false, 2.0 / 3.0);
        check(precision(Micro), 4, false, 0.8);
        check(precision(Weighted), 4, false, 0.9);
        check(precision(Macro), 4, true, 0.7);
        check(precision(Micro), 4, true, 0.9428571428571428);
        check(precision(Weighted), 4, true, 0.9589743589743589);
        let recall = |average| Recall::default().average(average).multi_label(true);
        check(recall(Macro), 4, false, 0.6041666666666666);
        check(recall(Weighted), 4, false, 0.8);
        let f2 = |average| FBeta::new(2.0).average(average).multi_label(true);
        check(f2(Macro), 4, false, 0.6140350877192983);
        check(f2(Weighted), 4, false, 0.8157894736842106);
        check(Auc::roc().multi_label(true), 3, false, 0.9259259259259259);
        check(Auc::roc().multi_label(true), 3, true, 0.9833333333333334);
        check(Auc::average_precision().multi_label(true), 3, false, 0.9351851851851851);
        check(Auc::average_precision().multi_label(true), 3, true, 0.9648148148148148);
        check(Auc::precision_recall().multi_label(true), 3, false, (0.7638888888888888 + 2.0) / 3.0);
        let mut none = Auc::roc().multi_label(true);
        none.update(&scores(), &labels()).unwrap();
        assert!(none.result().is_nan(), "no example has the last label");
        let mut confusion = ConfusionMatrix::default().multi_label(true);
        confusion.update(&scores(), &labels()).unwrap();
        let expected = [[[2, 1], [1, 2]], [[2, 0], [1, 3]], [[3, 0], [0, 3]], [[5, 1], [0, 0]]];
        assert_eq!(confusion.matrices(), arr3(&expected).mapv(f64::from));
        assert_eq!(confusion.matrix(), arr2(&[[12.0, 2.0], [2.0, 8.0]]));
        // One label is the binary figure.
        let one =
            (scores().slice(ndarray::s![.., 1..2]).into_tensor(), labels().slice(ndarray::s![.., 1..2]).into_tensor());
        for multi_label in [false, true] {
            let mut recall = Recall::default().multi_label(multi_label);
            recall.update(&one.0, &one.1).unwrap();
            assert_eq!(recall.result(), 0.75);
        }
    }

    #[test]
    fn rows_of_several_labels_are_no_classes() {
        let (p, t) = (arr2(&[[0.9, 0.9, 0.1]]).into_tensor(), arr2(&[[0, 1, 1]]).into_tensor());
        let message = |metric: &mut dyn Metric| metric.update(&p, &t).unwrap_err().to_string();
        assert_eq!(
            message(&mut Accuracy::default()),
            "Accuracy: expected one-hot rows as targets, or shares of classes that sum to 1, got [0.0, 1.0, 1.0]; if an \
             example may have several labels, set `multi_label(true)`, and measure a regression by an error such as \
             `MeanAbsolute`"
        );
        let metrics: [&mut dyn Metric; 6] = [
            &mut Precision::default(),
            &mut FBeta::default().average(Averaging::Macro),
            &mut MeanIou::default(),
            &mut CohenKappa::default(),
            &mut Matthews::default(),
            &mut TopKAccuracy::new(2),
        ];
        for metric in metrics {
            assert!(message(metric).contains("expected one-hot rows as targets"), "{}", metric.name());
            assert!(message(metric).contains("`multi_label(true)`"));
        }
        assert!(message(&mut Auc::roc()).contains("`multi_label(true)`"));
        assert!(ConfusionMatrix::default().update(&p, &t).is_err());
        // Mixed examples and soft labels have a greatest class.
        let mut accuracy = Accuracy::default();
        accuracy.update(&p, &arr2(&[[0.3, 0.6, 0.1]]).into_tensor()).unwrap();
        assert_eq!(accuracy.result(), 0.0);
        let message =
            Accuracy::default().multi_label(true).update(&p, &arr1(&[1]).into_tensor()).unwrap_err().to_string();
        assert!(message.contains("expected predictions and targets alike, [.., labels]"), "{message}");
    }

    #[test]
    fn what_is_no_answer_is_not_scored() {
        let message = |metric: &mut dyn Metric, p: &[Float], t: &[Float]| {
            metric.update(&arr1(p).into_tensor(), &arr1(t).into_tensor()).unwrap_err().to_string()
        };
        // A regression.
        for metric in [&mut Accuracy::default() as &mut dyn Metric, &mut Recall::default(), &mut Auc::roc()] {
            let text = message(metric, &[2.3, 1.0], &[2.37, 1.0]);
            assert!(text.ends_with(
                "expected answers of 0 and 1 for one score an answer, got 2.37; give scores of all classes [.., classes], or \
                 measure a regression by an error such as `MeanAbsolute`"
            ));
            assert!(metric.result().is_nan());
        }
        // NaN is not class 0.
        let text = "Accuracy: expected numbers as predictions, got NaN among them";
        assert_eq!(message(&mut Accuracy::default(), &[Float::NAN], &[0.0]), text);
        let rows = arr2(&[[Float::NAN, 0.5], [0.5, 0.5]]).into_tensor();
        for metric in [&mut Accuracy::default() as &mut dyn Metric, &mut TopKAccuracy::new(1), &mut MeanIou::default()]
        {
            assert!(metric.update(&rows, &arr1(&[0, 0]).into_tensor()).is_err(), "{}", metric.name());
        }
        // An ignored label that nobody has left out is not a wrong answer.
        let scores = arr2(&[[0.2, 0.8]]).into_tensor();
        assert_eq!(
            Accuracy::default().update(&scores, &arr1(&[-1]).into_tensor()).unwrap_err().to_string(),
            "Accuracy: expected whole class numbers 0..2 (2 excluded), got -1; what is to be ignored, leave out by \
             `ignore_class` in the loss, or by weights of 0"
        );
    }

    #[test]
    fn no_share_is_above_1() {
        let count = 1000;
        let (scores, answers): (Vec<Float>, Vec<Float>) =
            (0..count).map(|i| (i as Float, if i >= 300 { 1.0 } else { 0.0 })).unzip();
        let weights: Vec<Float> = (0..count).map(|i| 0.1 + (i % 7) as Float / 3.0).collect();
        let tensor = |x: &[Float]| arr1(x).into_tensor();
        let (scores, answers, weights) = (tensor(&scores), tensor(&answers), tensor(&weights));
        let make: [fn() -> Box<dyn Metric>; 6] = [
            || Box::new(Auc::roc()),
            || Box::new(Auc::precision_recall()),
            || Box::new(Auc::average_precision()),
            || Box::new(FBeta::new(0.3).threshold(299.5)),
            || Box::new(Matthews::default().threshold(299.5)),
            || Box::new(Accuracy::default().threshold(299.5)),
        ];
        for make in make {
            let (mut plain, mut weighted) = (make(), make());
            plain.update(&scores, &answers).unwrap();
            assert_eq!(plain.result(), 1.0, "{}", plain.name());
            weighted.update_weighted(&scores, &answers, &weights).unwrap();
            assert!(weighted.result() <= 1.0 && weighted.result() > 1.0 - 1e-12, "{}", weighted.name());
        }
    }
}
