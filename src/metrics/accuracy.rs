//! The share of right answers.

use ndarray::Axis;

use super::{Mean, Metric, argmax};
use crate::error::{Error, Result};
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

    fn count(&mut self, right: impl Iterator<Item = bool>) {
        right.for_each(|right| self.mean.add(f64::from(u8::from(right)), 1.0));
    }
}

impl Metric for Accuracy {
    fn name(&self) -> String {
        "accuracy".into()
    }

    fn reset(&mut self) {
        self.mean = Mean::default();
    }

    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        let (p, t) = (prediction.shape(), target.shape());
        let binary = p == t && (p.len() < 2 || p[p.len() - 1] == 1)
            || [p, &[1]].concat() == t
            || p.last() == Some(&1) && &p[..p.len() - 1] == t;
        if binary {
            let threshold = self.threshold;
            self.count(prediction.iter().zip(target).map(|(p, t)| Float::from(u8::from(*p > threshold)) == *t));
        } else if p == t {
            let last = Axis(p.len() - 1);
            let pairs = prediction.lanes(last).into_iter().zip(target.lanes(last));
            self.count(pairs.map(|(p, t)| argmax(p) == argmax(t)));
        } else if !p.is_empty() && (&p[..p.len() - 1] == t || [&p[..p.len() - 1], &[1]].concat() == t) {
            let rows = prediction.lanes(Axis(p.len() - 1)).into_iter();
            self.count(rows.zip(target).map(|(p, t)| argmax(p) as Float == *t));
        } else {
            return Err(Error::shape(format!(
                "Accuracy: expected targets {:?} (class numbers) or {p:?} (one-hot) for predictions {p:?}, got {t:?}",
                &p[..p.len().saturating_sub(1)]
            )));
        }
        Ok(())
    }

    fn result(&self) -> f64 {
        self.mean.result()
    }
}
