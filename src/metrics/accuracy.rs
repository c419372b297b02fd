//! The share of right answers.

use super::answers::answers;
use super::{Mean, Metric, better, gathered, updates, weights_of};
use crate::error::Result;
use crate::tensor::{Float, Tensor};

/// The share of right answers. As Keras' `"accuracy"`, it looks at the shapes:
///
/// - predictions `[.., classes]`, targets `[..]` or `[.., 1]`: class numbers against the greatest prediction;
/// - predictions and targets `[.., classes]`: one-hot, the greatest of each;
/// - predictions and targets alike with one number an example: binary, a prediction above the threshold counts as 1.
///
/// ```
/// use gradus::prelude::*;
/// let mut accuracy = Accuracy::default();
/// let predictions = ndarray::arr2(&[[0.1, 0.9], [0.8, 0.2]]).into_dyn().into_shared();
/// accuracy.update(&predictions, &ndarray::arr1(&[1.0, 1.0]).into_dyn().into_shared())?;
/// assert_eq!(accuracy.result(), 0.5);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Accuracy {
    /// Binary predictions above it count as 1, 0.5.
    pub threshold: Float,
    mean: Mean,
}

impl Default for Accuracy {
    fn default() -> Self {
        Self { threshold: 0.5, mean: Mean::default() }
    }
}

impl Accuracy {
    /// Sets what a binary prediction must exceed to count as 1; 0 suits predictions before the sigmoid.
    pub fn threshold(mut self, threshold: Float) -> Self {
        self.threshold = threshold;
        self
    }

    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        let (_, pairs) = answers("Accuracy", self.threshold, prediction, target)?;
        let weight = weights_of("Accuracy", weights, pairs.len())?;
        let right = pairs.iter().map(|(p, t)| f64::from(u8::from(*p as Float == *t)));
        right.enumerate().for_each(|(i, right)| self.mean.add(right, weight(i)));
        Ok(())
    }
}

impl Metric for Accuracy {
    fn name(&self) -> String {
        "accuracy".into()
    }

    fn reset(&mut self) {
        self.mean = Mean::default();
    }

    updates!("Accuracy");

    gathered!(mean);

    better!(Higher);

    fn result(&self) -> f64 {
        self.mean.result()
    }
}
