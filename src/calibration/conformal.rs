//! Sets and intervals that hold the truth as often as asked for.

use super::{Examples, check_probabilities, rows};
use crate::error::{Error, Result};
use crate::order::sort;
use crate::tensor::{Float, Tensor};

/// The score that is not exceeded by a new example with a probability of at least `coverage`, if it comes from where the others do.
fn bound(who: &str, mut scores: Vec<Float>, coverage: f64) -> Result<Float> {
    if !(coverage > 0.0 && coverage < 1.0) {
        return Err(Error::value(format!("{who}: expected a coverage between 0 and 1, got {coverage}")));
    }
    // Less what rounding may add: 10 times 0.7 is 7.
    let up = |x: f64| (x - 1e-9).ceil() as usize;
    let place = up((scores.len() + 1) as f64 * coverage);
    if place > scores.len() {
        let least = up(coverage / (1.0 - coverage));
        return Err(Error::value(format!(
            "{who}: {} examples are too few for a coverage of {coverage}; give at least {least}",
            scores.len()
        )));
    }
    sort(&mut scores);
    Ok(scores[place - 1])
}

/// Sets of classes, as large as they must be to hold the right one as often as asked for, whatever the model and its calibration:
/// split conformal prediction, by the probability of the right class.
///
/// ```
/// use gradus::{calibration::ConformalSets, prelude::*};
/// let probabilities = ndarray::Array2::from_shape_fn((99, 2), |(i, j)| if j == 0 { 0.99 - 0.01 * i as f32 } else { 0.01 + 0.01 * i as f32 });
/// let sets = ConformalSets::new(&probabilities.into_tensor(), &ndarray::Array1::<f32>::zeros(99).into_tensor(), 0.9)?;
/// let new = ndarray::arr2(&[[0.95, 0.05], [0.5, 0.5]]).into_tensor();
/// assert_eq!(sets.predict(&new)?, [vec![0], vec![0, 1]]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Reference
/// Sadinle, Lei & Wasserman 2019; Angelopoulos & Bates 2021, section 1
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConformalSets {
    /// The least probability of a class in the set.
    least: Float,
    width: usize,
}

impl ConformalSets {
    /// Finds how likely a class must be, on probabilities `[examples, classes]` and classes `[examples]` that the model was not trained
    /// on.
    ///
    /// # Errors
    /// numbers that are not probabilities; targets that are not classes; a coverage that is not between 0 and 1; too few examples for it
    pub fn new(probabilities: &Tensor, targets: &Tensor, coverage: f64) -> Result<Self> {
        let examples = Examples::new("ConformalSets", probabilities, targets)?;
        check_sets(examples.width, &examples.scores)?;
        let scores = examples.iter().map(|(row, class)| -row[class]).collect();
        Ok(Self { least: -bound("ConformalSets", scores, coverage)?, width: examples.width })
    }

    /// Returns the set of classes for each example, which may be empty.
    ///
    /// # Errors
    /// numbers that are not probabilities, another number of classes
    pub fn predict(&self, probabilities: &Tensor) -> Result<Vec<Vec<usize>>> {
        let (width, numbers) = rows("ConformalSets", probabilities)?;
        check_sets(width, &numbers)?;
        if width != self.width {
            return Err(Error::shape(format!("ConformalSets: expected {} classes, got {width}", self.width)));
        }
        let set = |row: &[Float]| (0..width).filter(|class| row[*class] >= self.least).collect();
        Ok(numbers.chunks_exact(width).map(set).collect())
    }
}

fn check_sets(width: usize, numbers: &[Float]) -> Result<()> {
    if width == 1 {
        return Err(Error::shape(
            "ConformalSets: expected probabilities of each class, [examples, classes], got one an example",
        ));
    }
    check_probabilities("ConformalSets", width, numbers)
}

/// Intervals around predicted numbers, as wide as they must be to hold the right one as often as asked for: split conformal prediction, by
/// the distance.
///
/// ```
/// use gradus::{calibration::ConformalIntervals, prelude::*};
/// let predictions = ndarray::Array1::<f32>::zeros(99).into_tensor();
/// let targets = ndarray::Array1::from_shape_fn(99, |i| (i + 1) as f32).into_tensor();
/// let intervals = ConformalIntervals::new(&predictions, &targets, 0.9)?;
/// assert_eq!(intervals.half_width(), 90.0);
/// let [low, high] = intervals.predict(&ndarray::arr1(&[5.0]).into_tensor());
/// assert_eq!((low[[0]], high[[0]]), (-85.0, 95.0));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Reference
/// Lei et al. 2018
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConformalIntervals {
    half_width: Float,
}

impl ConformalIntervals {
    /// Finds how wide intervals must be, on predictions and targets of the same shape that the model was not trained on.
    ///
    /// # Errors
    /// shapes that differ; NaN; a coverage that is not between 0 and 1; too few examples for it
    pub fn new(predictions: &Tensor, targets: &Tensor, coverage: f64) -> Result<Self> {
        if predictions.len() != targets.len() {
            return Err(Error::shape(format!(
                "ConformalIntervals: expected a target for each prediction, got predictions {:?} and targets {:?}",
                predictions.shape(),
                targets.shape()
            )));
        }
        let distances: Vec<Float> = predictions.iter().zip(targets).map(|(y, t)| (y - t).abs()).collect();
        if let Some(i) = distances.iter().position(|distance| distance.is_nan()) {
            return Err(Error::value(format!("ConformalIntervals: the prediction or target of example {i} is NaN")));
        }
        Ok(Self { half_width: bound("ConformalIntervals", distances, coverage)? })
    }

    /// Returns how far the ends of an interval are from the prediction.
    pub fn half_width(&self) -> Float {
        self.half_width
    }

    /// Returns the lower and the upper ends.
    pub fn predict(&self, predictions: &Tensor) -> [Tensor; 2] {
        [-self.half_width, self.half_width].map(|by| predictions.mapv(|y| y + by).into_shared())
    }
}
