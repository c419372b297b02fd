//! How often predictions of a probability are right.

use super::{Examples, check_probabilities};
use crate::error::{Error, Result};
use crate::metrics::argmax;
use crate::tensor::Tensor;

/// Predictions of about the same confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many predictions there are.
    pub count: usize,
    /// Their mean confidence; 0 if there are none.
    pub confidence: f64,
    /// The share of them that is right; 0 if there are none.
    pub accuracy: f64,
}

/// Predictions in bins of equal width by their confidence, beside how often they are right.
///
/// With several classes, the confidence is the greatest probability, and right is whose class it is. With one number an example,
/// the confidence is that number, the probability of class 1, and right is class 1. A confidence of exactly 1 has a bin of its own at the
/// end, as in torchmetrics.
///
/// With the feature `plot`, `Figure::from(&reliability)` draws it.
///
/// # Reference
/// Guo et al. 2017; torchmetrics' `CalibrationError`
#[doc(alias = "CalibrationError")]
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    bins: Vec<Bin>,
    count: usize,
}

impl Reliability {
    /// Sorts predictions into `bins` bins; 15 is usual. Probabilities are `[examples, classes]`, or `[examples]` of class 1, and
    /// targets the classes `[examples]`.
    ///
    /// # Errors
    /// numbers that are not probabilities; targets that are not classes; no bins
    pub fn new(probabilities: &Tensor, targets: &Tensor, bins: usize) -> Result<Self> {
        let examples = Examples::new("Reliability", probabilities, targets)?;
        check_probabilities("Reliability", examples.width, &examples.scores)?;
        if bins == 0 || bins > 1 << 20 {
            return Err(Error::value(format!("Reliability: expected 1 to {} bins, got {bins}", 1 << 20)));
        }
        let mut found = vec![Bin::default(); bins + 1];
        for (row, class) in examples.iter() {
            let (confidence, right) = match row {
                [confidence] => (*confidence, class == 1),
                row => {
                    let best = argmax(row);
                    (row[best], best == class)
                }
            };
            let bin = &mut found[(f64::from(confidence.min(1.0)) * bins as f64) as usize];
            bin.count += 1;
            bin.confidence += f64::from(confidence);
            bin.accuracy += f64::from(u8::from(right));
        }
        for bin in &mut found {
            bin.confidence /= bin.count.max(1) as f64;
            bin.accuracy /= bin.count.max(1) as f64;
        }
        Ok(Self { bins: found, count: examples.classes.len() })
    }

    /// Returns the bins from low confidence to high.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// Returns the mean distance between confidence and accuracy over all predictions: `Σ count / n |accuracy - confidence|`.
    #[doc(alias = "ece")]
    pub fn expected_calibration_error(&self) -> f64 {
        self.gaps().map(|(gap, share)| gap * share).sum()
    }

    /// Returns the largest distance between confidence and accuracy in a bin.
    #[doc(alias = "mce")]
    pub fn maximum_calibration_error(&self) -> f64 {
        self.gaps().map(|(gap, _)| gap).fold(0.0, f64::max)
    }

    /// Distances of the bins and their shares of all predictions.
    fn gaps(&self) -> impl Iterator<Item = (f64, f64)> {
        let filled = self.bins.iter().filter(|bin| bin.count > 0);
        filled.map(|bin| ((bin.accuracy - bin.confidence).abs(), bin.count as f64 / self.count as f64))
    }
}

/// Returns the mean squared distance of probabilities from what came true: `(p - y)²` for one probability an example, and the sum of
/// that over the classes, 0 to 2, for several.
///
/// ```
/// use gradus::{calibration::brier_score, prelude::*};
/// let targets = ndarray::arr1(&[1, 0]).into_tensor();
/// let score = brier_score(&ndarray::arr1(&[0.5, 0.25]).into_tensor(), &targets)?;
/// assert_eq!(score, (0.25 + 0.0625) / 2.0);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// those of [`Reliability::new`]
/// # Reference
/// Brier 1950; scikit-learn's `brier_score_loss`
pub fn brier_score(probabilities: &Tensor, targets: &Tensor) -> Result<f64> {
    let examples = Examples::new("brier_score", probabilities, targets)?;
    check_probabilities("brier_score", examples.width, &examples.scores)?;
    let mut sum = 0.0;
    for (row, class) in examples.iter() {
        for (i, probability) in row.iter().enumerate() {
            let came_true = if row.len() == 1 { class == 1 } else { class == i };
            let distance = f64::from(*probability) - f64::from(u8::from(came_true));
            sum += distance * distance;
        }
    }
    Ok(sum / examples.classes.len() as f64)
}
