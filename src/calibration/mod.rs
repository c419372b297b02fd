//! Whether the probabilities of a model can be believed, and how uncertain it is.
//!
//! A model is calibrated if of all predictions of 0.8 four in five are right. [`Reliability`] and [`brier_score`] measure that,
//! [`Temperature`] mends it after training. Sets and intervals with a guaranteed coverage come from [`ConformalSets`] and
//! [`ConformalIntervals`]. What a model does not know shows where predictions differ: under [`monte_carlo_dropout`], or between
//! several models, whose mean is a [`Graph`](crate::layers::Graph) with [`Average`](crate::layers::Average) at its end.
//!
//! ```
//! use gradus::calibration::{Reliability, Temperature};
//! use gradus::prelude::*;
//!
//! // A model that is right in three of four cases, and very sure of all.
//! let logits = ndarray::arr2(&[[6.0, 0.0], [6.0, 0.0], [6.0, 0.0], [6.0, 0.0]]).into_tensor();
//! let targets = ndarray::arr1(&[0, 0, 0, 1]).into_tensor();
//! let temperature = Temperature::new(&logits, &targets)?;
//! let before = Reliability::new(&Temperature::default().probabilities(&logits)?, &targets, 15)?;
//! let after = Reliability::new(&temperature.probabilities(&logits)?, &targets, 15)?;
//! assert!(before.expected_calibration_error() > 0.24 && after.expected_calibration_error() < 0.001);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Reference
//! Guo et al. 2017; Angelopoulos & Bates 2021; Gal & Ghahramani 2016

mod conformal;
mod dropout;
mod reliability;
mod temperature;

pub use conformal::{ConformalIntervals, ConformalSets};
pub use dropout::{MonteCarlo, monte_carlo_dropout};
pub use reliability::{Bin, Reliability, brier_score};
pub use temperature::Temperature;

use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// Scores of several classes, `[examples, classes]`, or of class 1 against class 0, one an example, and the right classes.
struct Examples {
    /// The numbers of classes an example, or 1.
    width: usize,
    scores: Vec<Float>,
    classes: Vec<usize>,
}

impl Examples {
    fn new(who: &str, scores: &Tensor, targets: &Tensor) -> Result<Self> {
        let (width, scores) = rows(who, scores)?;
        let count = scores.len() / width;
        if targets.len() != count || count == 0 {
            return Err(Error::shape(format!(
                "{who}: expected the class of each example, [examples], and at least one, got {count} examples and targets {:?}",
                targets.shape()
            )));
        }
        let most = width.max(2);
        let mut classes = Vec::with_capacity(count);
        for target in targets {
            if !(*target >= 0.0 && target.fract() == 0.0 && (*target as usize) < most) {
                return Err(Error::value(format!("{who}: expected classes 0..{most} as targets, got {target}")));
            }
            classes.push(*target as usize);
        }
        Ok(Self { width, scores, classes })
    }

    /// Examples with their classes.
    fn iter(&self) -> impl Iterator<Item = (&[Float], usize)> {
        self.scores.chunks_exact(self.width).zip(self.classes.iter().copied())
    }
}

/// Scores as rows: how long a row is, and all numbers.
fn rows(who: &str, scores: &Tensor) -> Result<(usize, Vec<Float>)> {
    let width = match scores.shape() {
        [_] => 1,
        &[_, width] if width > 0 => width,
        shape => {
            return Err(Error::shape(format!(
                "{who}: expected scores [examples, classes], or [examples] of class 1 against class 0, got {shape:?}"
            )));
        }
    };
    match scores.iter().position(|score| score.is_nan()) {
        Some(i) => Err(Error::value(format!("{who}: the scores of example {} have NaN among them", i / width))),
        None => Ok((width, scores.iter().copied().collect())),
    }
}

/// Probabilities, checked to be such.
fn check_probabilities(who: &str, width: usize, numbers: &[Float]) -> Result<()> {
    for (i, row) in numbers.chunks_exact(width).enumerate() {
        let sum: Float = row.iter().sum();
        let outside = row.iter().any(|p| !(0.0..=1.0 + 1e-3).contains(p));
        if outside || (width > 1 && (sum - 1.0).abs() > 1e-2) {
            return Err(Error::value(format!(
                "{who}: expected probabilities, got {row:?} for example {i}; take the softmax or sigmoid of logits first"
            )));
        }
    }
    Ok(())
}
