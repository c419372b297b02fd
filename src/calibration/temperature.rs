//! One number that takes away, or gives, confidence.

use super::{Examples, rows};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, tensor};

/// A temperature, by which logits are divided before the softmax or sigmoid: the accuracy stays, and the confidence fits.
///
/// It is the one of the least cross entropy on examples that the model was not trained on.
///
/// # Reference
/// Guo et al. 2017
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    /// The number; above 1 it takes confidence away. The default is 1, which changes nothing.
    pub value: Float,
}

impl Default for Temperature {
    fn default() -> Self {
        Self { value: 1.0 }
    }
}

/// Bounds of `1 / temperature`.
const RANGE: [f64; 2] = [1e-4, 1e4];

impl Temperature {
    /// Finds the temperature for logits `[examples, classes]`, or `[examples]` of class 1, and the classes `[examples]`.
    ///
    /// The result lies between 1e-4 and 1e4: where all predictions are right, no temperature is low enough.
    ///
    /// # Errors
    /// logits that are infinite or NaN; targets that are not classes
    pub fn new(logits: &Tensor, targets: &Tensor) -> Result<Self> {
        let examples = Examples::new("Temperature", logits, targets)?;
        if let Some(i) = examples.scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::value(format!(
                "Temperature: expected finite logits, got {} for example {}",
                examples.scores[i],
                i / examples.width
            )));
        }
        // The cross entropy is convex in 1 / temperature: where its slope changes its sign.
        let [mut low, mut high] = RANGE.map(f64::ln);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            *(if slope(&examples, middle.exp()) < 0.0 { &mut low } else { &mut high }) = middle;
        }
        Ok(Self { value: (1.0 / low.exp()) as Float })
    }

    /// Divides logits by the temperature.
    pub fn apply(&self, logits: &Tensor) -> Tensor {
        logits.mapv(|logit| logit / self.value).into_shared()
    }

    /// Returns probabilities: the softmax of the divided logits `[examples, classes]`, or the sigmoid of logits `[examples]`.
    ///
    /// # Errors
    /// another number of axes, NaN
    pub fn probabilities(&self, logits: &Tensor) -> Result<Tensor> {
        let (width, mut numbers) = rows("Temperature", &self.apply(logits))?;
        for row in numbers.chunks_exact_mut(width) {
            let probabilities = softmax(row, 1.0);
            for (number, probability) in row.iter_mut().zip(probabilities) {
                *number = probability as Float;
            }
        }
        Ok(tensor(logits.shape(), numbers))
    }
}

/// The softmax of a row times `scale`, or the sigmoid of an only number.
fn softmax(row: &[Float], scale: f64) -> Vec<f64> {
    if let [logit] = row {
        return vec![1.0 / (1.0 + (-scale * f64::from(*logit)).exp())];
    }
    let most = row.iter().copied().fold(Float::NEG_INFINITY, Float::max);
    let powers: Vec<f64> = row.iter().map(|logit| (scale * f64::from(logit - most)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The slope of the cross entropy by what all logits are multiplied with: `Σ p z - z of the class`.
fn slope(examples: &Examples, scale: f64) -> f64 {
    let mut sum = 0.0;
    for (row, class) in examples.iter() {
        let probabilities = softmax(row, scale);
        let expected: f64 = probabilities.iter().zip(row).map(|(p, z)| p * f64::from(*z)).sum();
        let right = if row.len() == 1 { row[0] * class as Float } else { row[class] };
        sum += expected - f64::from(right);
    }
    sum
}
