//! The share of answers that are among the best few.

use ndarray::Axis;

use super::answers::{check_numbers, classes_of};
use super::{Mean, Metric, gathers, weights_of};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Tensor;

described! {
    /// The share of examples whose class is among the `k` greatest predictions; on class numbers or one-hot targets.
    ///
    /// A class is in the top `k` if fewer than `k` predictions are greater than its own, as in Keras; the default is 5.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut top_2 = TopKAccuracy::new(2);
    /// let predictions = ndarray::arr2(&[[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]).into_dyn().into_shared();
    /// top_2.update(&predictions, &ndarray::arr1(&[1.0, 2.0]).into_dyn().into_shared())?;
    /// assert_eq!((top_2.name().as_str(), top_2.result()), ("top_2_accuracy", 0.5));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "hit_rate")]
    #[doc(alias = "HitRate")]
    #[derive(Clone, Copy)]
    pub struct TopKAccuracy(
        /// How many of the best classes count.
        k: [usize] = 5,
    ) {}
    private { mean: Mean = Mean::default(), }
}

impl TopKAccuracy {
    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        let who = "TopKAccuracy";
        check_numbers(who, "predictions", prediction)?;
        let (_, answers) = classes_of(who, prediction, target)?;
        let weight = weights_of(who, weights, answers.len())?;
        let rows = prediction.lanes(Axis(prediction.ndim() - 1));
        for (i, (row, answer)) in rows.into_iter().zip(answers).enumerate() {
            let own = row[answer];
            let within = own.is_finite() && row.iter().filter(|p| **p > own).count() < self.k;
            self.mean.add(f64::from(u8::from(within)), weight(i));
        }
        Ok(())
    }
}

impl Metric for TopKAccuracy {
    config!();

    fn name(&self) -> String {
        format!("top_{}_accuracy", self.k)
    }

    gathers!("TopKAccuracy", mean, Higher);

    fn result(&self) -> f64 {
        self.mean.result()
    }
}
