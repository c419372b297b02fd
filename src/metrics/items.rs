//! Which items count, and what they weigh.

use crate::error::{Error, Result};
use crate::losses::strip;
use crate::tensor::{Float, Tensor, rows};

/// Items that weigh something, with their weights.
pub(super) struct Items {
    pub prediction: Tensor,
    pub target: Tensor,
    pub weights: Tensor,
}

/// Leaves out the items that weigh 0, whatever is in them; `None` if none is left. What is left has one axis instead of those
/// of the weights if something was left out.
pub(super) fn counted(who: &str, prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<Option<Items>> {
    check(who, weights, prediction)?;
    let present: Vec<usize> = weights.iter().enumerate().filter(|(_, w)| **w != 0.0).map(|(i, _)| i).collect();
    if present.len() == weights.len() {
        let (prediction, target, weights) = (prediction.clone(), target.clone(), weights.clone());
        return Ok(Some(Items { prediction, target, weights }));
    }
    if present.is_empty() {
        return Ok(None);
    }
    let axes = strip(weights.shape()).len();
    if !target.shape().starts_with(&prediction.shape()[..axes]) {
        return Err(Error::shape(format!(
            "{who}: expected targets of the first axes of the weights {:?}, to leave out those of weight 0, got {:?}",
            weights.shape(),
            target.shape()
        )));
    }
    Ok(Some(Items {
        prediction: rows(prediction, axes, &present),
        target: rows(target, axes, &present),
        weights: rows(weights, weights.ndim(), &present),
    }))
}

/// Weights have the shape of the prediction's first axes, and are numbers from 0 on.
fn check(who: &str, weights: &Tensor, prediction: &Tensor) -> Result<()> {
    let shape = strip(weights.shape());
    if shape.is_empty() || !prediction.shape().starts_with(shape) {
        return Err(Error::shape(format!(
            "{who}: expected weights of the first axes of the predictions {:?}, for each example or step, got {:?}",
            prediction.shape(),
            weights.shape()
        )));
    }
    match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        Some(bad) => Err(Error::value(format!("{who}: expected weights that are finite and not negative, got {bad}"))),
        None => Ok(()),
    }
}

/// The weight of each of this many numbers of a metric: 1 without weights, else that of the item that it is in.
pub(super) fn weights_of(who: &str, weights: Option<&Tensor>, count: usize) -> Result<impl Fn(usize) -> f64> {
    let numbers: Vec<Float> = weights.map_or(vec![1.0], |weights| weights.iter().copied().collect());
    if weights.is_some() && !count.is_multiple_of(numbers.len().max(1)) {
        return Err(Error::shape(format!(
            "{who}: expected as many weights as items, or as examples, got {} for {count}",
            numbers.len()
        )));
    }
    let share = (count / numbers.len().max(1)).max(1);
    Ok(move |item: usize| f64::from(numbers[item / share]))
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2, arr3};

    use crate::metrics::{CohenKappa, MeanIou, MeanLoss, Ndcg, Pearson, Perplexity};
    use crate::prelude::*;

    /// Two sequences of which the second ends after a step. What is in the padding must not matter.
    fn sequences() -> (Tensor, Tensor, Tensor) {
        let scores = arr3(&[[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [Float::NAN, 0.5]]]);
        (scores.into_tensor(), arr2(&[[0, 0], [1, -1]]).into_tensor(), arr2(&[[1, 1], [1, 0]]).into_tensor())
    }

    #[test]
    fn items_of_weight_0_are_not_there_in_any_metric() {
        let (scores, labels, weights) = sequences();
        let kept = scores.to_shape((4, 2)).unwrap().select(ndarray::Axis(0), &[0, 1, 2]).into_tensor();
        let classes: [(Box<dyn Metric>, Box<dyn Metric>); 8] = [
            (Box::new(Accuracy::default()), Box::new(Accuracy::default())),
            (Box::new(TopKAccuracy::new(1)), Box::new(TopKAccuracy::new(1))),
            (Box::new(Ndcg::new(2)), Box::new(Ndcg::new(2))),
            (Box::new(Precision::default()), Box::new(Precision::default())),
            (Box::new(FBeta::default()), Box::new(FBeta::default())),
            (Box::new(MeanIou::default()), Box::new(MeanIou::default())),
            (Box::new(CohenKappa::default()), Box::new(CohenKappa::default())),
            (Box::new(Perplexity::default()), Box::new(Perplexity::default())),
        ];
        for (mut masked, mut plain) in classes {
            masked.update_weighted(&scores, &labels, &weights).unwrap();
            plain.update(&kept, &arr1(&[0, 0, 1]).into_tensor()).unwrap();
            assert!(plain.result().is_finite());
            assert_eq!(masked.result(), plain.result(), "{}", plain.name());
        }
        let (first, answers) = (scores.slice_axis(ndarray::Axis(2), (1..2).into()), arr1(&[0, 0, 1]).into_tensor());
        let kept = arr1(&[0.1, 0.8, 0.7]).into_tensor();
        let labels = labels.insert_axis(ndarray::Axis(2)).into_shared();
        let numbers: [(Box<dyn Metric>, Box<dyn Metric>); 6] = [
            (Box::new(Auc::roc()), Box::new(Auc::roc())),
            (Box::new(MeanAbsolute::default()), Box::new(MeanAbsolute::default())),
            (Box::new(RootMeanSquared::default()), Box::new(RootMeanSquared::default())),
            (Box::new(R2::default()), Box::new(R2::default())),
            (Box::new(Pearson::default()), Box::new(Pearson::default())),
            (Box::new(MeanLoss::new("mse", MeanSquaredError)), Box::new(MeanLoss::new("mse", MeanSquaredError))),
        ];
        for (mut masked, mut plain) in numbers {
            masked.update_weighted(&first.to_owned().into_shared(), &labels, &weights).unwrap();
            plain.update(&kept, &answers).unwrap();
            assert!(plain.result().is_finite());
            assert!((masked.result() - plain.result()).abs() < 1e-7, "{}", plain.name());
        }
    }

    #[test]
    fn nothing_that_counts_changes_nothing() {
        let (scores, labels, weights) = sequences();
        let mut accuracy = Accuracy::default();
        accuracy.update_weighted(&scores, &labels, &(weights * 0.0).into_shared()).unwrap();
        assert!(accuracy.result().is_nan());
    }
}
