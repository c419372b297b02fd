//! How well the best items are ordered.

use ndarray::{ArrayView1, Axis};

use super::answers::{check_numbers, classes_of};
use super::{Mean, Metric, gathers, weights_of};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::order::descending;
use crate::tensor::{Float, Tensor};

described! {
    /// The normalised discounted cumulative gain of the `k` items with the greatest predictions, of recommenders and searches:
    /// `Σ gain(item at place i) / log₂(i + 1)` for places `i` from 1 to `k`, divided by what the best order would give.
    ///
    /// Targets are the gains of all items, numbers from 0, or the number of the only item that counts. Items with equal predictions share
    /// their places. A row without a gain counts as 0. Items that are not to be ranked, such as those that somebody has already, get a
    /// prediction of minus infinity. How often the only item is among the best is [`TopKAccuracy`](super::TopKAccuracy), the hit rate.
    ///
    /// # Shapes
    /// predictions `[.., items]`, targets `[.., items]`, or `[..]` or `[.., 1]` for numbers of items
    /// # Defaults
    /// the best 10 items
    /// # Errors
    /// other shapes; NaN; gains that are negative or not finite; numbers of items that do not exist
    /// # Example
    /// ```
    /// use gradus::metrics::Ndcg;
    /// use gradus::prelude::*;
    /// let mut ndcg = Ndcg::new(2);
    /// let scores = ndarray::arr2(&[[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]).into_tensor();
    /// // The item that counts is at the second place, and at the third.
    /// ndcg.update(&scores, &ndarray::arr1(&[1, 2]).into_tensor())?;
    /// assert!((ndcg.result() - 0.5 / 3.0_f64.log2()).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Järvelin & Kekäläinen 2002; scikit-learn `ndcg_score`
    #[doc(alias = "NormalizedDiscountedCumulativeGain")]
    #[derive(Clone, Copy)]
    pub struct Ndcg(
        /// The number of items that count.
        k: [usize] = 10,
    ) {}
    private { mean: Mean = Mean::default(), }
}

impl Ndcg {
    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        let who = "Ndcg";
        check_numbers(who, "predictions", prediction)?;
        if prediction.shape() == target.shape() && prediction.ndim() > 0 {
            if let Some(bad) = target.iter().find(|gain| !(gain.is_finite() && **gain >= 0.0)) {
                return Err(Error::value(format!("{who}: expected gains that are finite and not negative, got {bad}")));
            }
            let axis = Axis(prediction.ndim() - 1);
            let rows = prediction.lanes(axis).into_iter().zip(target.lanes(axis));
            let weight = weights_of(who, weights, rows.len())?;
            for (i, (scores, gains)) in rows.enumerate() {
                let best = self.gain(gains, |item| gains[item]);
                let found = if best > 0.0 { self.gain(scores, |item| gains[item]) / best } else { 0.0 };
                self.mean.add(found, weight(i));
            }
            return Ok(());
        }
        let (_, answers) = classes_of(who, prediction, target)?;
        let weight = weights_of(who, weights, answers.len())?;
        for (i, (scores, own)) in prediction.lanes(Axis(prediction.ndim() - 1)).into_iter().zip(answers).enumerate() {
            self.mean.add(self.gain(scores, |item| Float::from(u8::from(item == own))), weight(i));
        }
        Ok(())
    }

    /// The discounted gain of the items in the order of these scores.
    fn gain(&self, scores: ArrayView1<'_, Float>, gain_of: impl Fn(usize) -> Float) -> f64 {
        let order = descending(scores.iter().copied());
        let (mut sum, mut start) = (0.0, 0);
        while start < self.k.min(order.len()) {
            let is_tied = |item: &&usize| scores[**item] == scores[order[start]];
            let tied = order[start..].iter().take_while(is_tied).count();
            let discounts: f64 =
                (start..(start + tied).min(self.k)).map(|place| (place as f64 + 2.0).log2().recip()).sum();
            let gains: f64 = order[start..start + tied].iter().map(|item| f64::from(gain_of(*item))).sum();
            sum += gains / tied as f64 * discounts;
            start += tied;
        }
        sum
    }
}

impl Metric for Ndcg {
    config!();

    fn name(&self) -> String {
        format!("ndcg_{}", self.k)
    }

    gathers!("Ndcg", mean, Higher);

    fn result(&self) -> f64 {
        self.mean.result()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use super::*;
    use crate::tensor::IntoTensor;

    #[test]
    fn items_that_are_left_out_change_nothing() {
        let mut all = Ndcg::new(3);
        let scores = arr2(&[[Float::NEG_INFINITY, 0.1, 0.4, 0.3]]).into_tensor();
        all.update(&scores, &arr1(&[3]).into_tensor()).unwrap();
        assert!((all.result() - 3.0_f64.log2().recip()).abs() < 1e-12);
    }

    #[test]
    fn bad_gains_are_refused() {
        let scores = arr2(&[[0.1, 0.4]]).into_tensor();
        let message = Ndcg::default().update(&scores, &arr2(&[[1.0, -2.0]]).into_tensor()).unwrap_err().to_string();
        assert_eq!(message, "Ndcg: expected gains that are finite and not negative, got -2");
    }
}
