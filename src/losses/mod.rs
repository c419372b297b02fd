//! How wrong a prediction is. [`Loss`] is the trait, which closures implement, too.
//!
//! **Classes and labels**
//!
//! | | targets |
//! | --- | --- |
//! | [`SparseCrossEntropy`] | the number of one class |
//! | [`CrossEntropy`] | one-hot, or shares of classes |
//! | [`BinaryCrossEntropy`] | yes or no, or several labels |
//! | [`CategoricalFocalCrossEntropy`], [`BinaryFocalCrossEntropy`] | the same, with more weight for what is hard |
//! | [`Hinge`], [`SquaredHinge`], [`CategoricalHinge`] | margins: -1 and 1, or one-hot |
//! | [`KlDivergence`] | a distribution |
//!
//! **Numbers**
//!
//! | | |
//! | --- | --- |
//! | [`MeanSquaredError`], [`MeanAbsoluteError`] | squared and absolute errors |
//! | [`Huber`], [`SmoothL1`], [`LogCosh`] | squared near 0, absolute far away: outliers count less |
//! | [`MeanSquaredLogarithmicError`], [`MeanAbsolutePercentageError`] | relative errors |
//! | [`Quantile`] | quantiles, for intervals |
//! | [`Poisson`], [`GaussianNll`] | likelihoods of counts, and of a mean with a variance |
//!
//! **Embeddings, images, sequences**
//!
//! | | |
//! | --- | --- |
//! | [`CosineSimilarity`], [`Contrastive`], [`Triplet`] | directions and distances of vectors |
//! | [`Dice`], [`Tversky`] | overlap of areas |
//! | [`Ctc`] | sequences that are not aligned with their labels |
//! | [`Distillation`] | the answers of a teacher |
//!
//! **What joins and reduces them**
//!
//! | | |
//! | --- | --- |
//! | [`Losses`] | one for each output of a model |
//! | [`Each`] | the losses of single items: their mean, sum, or weighted |
//! | [`ClassWeights`] | what classes weigh in training |
//! | [`Loss`] | the trait |

mod binary_cross_entropy;
mod class_weights;
mod cosine;
mod cross_entropy;
mod ctc;
mod distances;
mod distillation;
mod each;
#[cfg(test)]
mod extreme_tests;
mod focal;
mod hinge;
mod huber;
mod items;
mod kl_divergence;
mod likelihood;
#[allow(clippy::module_inception)]
mod losses;
mod mean_absolute;
mod mean_squared;
mod overlap;
mod probabilities;
mod quantile;
mod sparse_cross_entropy;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use class_weights::ClassWeights;
pub(crate) use class_weights::OutputWeights;
pub use cosine::CosineSimilarity;
pub use cross_entropy::CrossEntropy;
pub use ctc::Ctc;
pub use distances::{Contrastive, Triplet};
pub use distillation::Distillation;
pub use each::Each;
pub(crate) use each::weighed;
pub use focal::{BinaryFocalCrossEntropy, CategoricalFocalCrossEntropy};
pub use hinge::{CategoricalHinge, Hinge, SquaredHinge};
pub use huber::{Huber, LogCosh, SmoothL1};
pub use kl_divergence::KlDivergence;
pub use likelihood::{GaussianNll, Poisson};
pub use losses::Losses;
pub(crate) use losses::OutputTotal;
pub use mean_absolute::{MeanAbsoluteError, MeanAbsolutePercentageError};
pub use mean_squared::{MeanSquaredError, MeanSquaredLogarithmicError};
pub use overlap::{Dice, Tversky};
pub use quantile::Quantile;
pub use sparse_cross_entropy::SparseCrossEntropy;

use crate::autograd::Var;
use crate::config::{Config, delegates, family, kinds};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// How wrong a prediction is, as one number to make small.
///
/// A loss of your own has one of the two methods: `loss` for a mean over the examples, or `each` for the losses of the
/// single items, which can then be weighed as well. A closure is a `loss`. With [`Loss::per_example`] it says that examples
/// do not look at each other, which makes training faster.
///
/// ```
/// use gradus::losses::Each;
/// use gradus::prelude::*;
///
/// /// The mean fourth power of the error.
/// struct MeanFourthPower;
///
/// impl Loss for MeanFourthPower {
///     fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
///         let target = prediction.tape().input(target);
///         Ok((prediction - &target).powi(4).mean())
///     }
/// }
///
/// /// The same, for each example: a dataset may give weights.
/// struct FourthPower;
///
/// impl Loss for FourthPower {
///     fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
///         let target = prediction.tape().input(target);
///         Ok(Each::new((prediction - &target).powi(4).mean_axes(&[-1])?))
///     }
///     fn per_example(&self) -> bool { true }
/// }
///
/// let model = Dense::new(1).compile(Sgd::default(), MeanFourthPower);
/// let model = Dense::new(1).compile(Sgd::default(), FourthPower);
/// ```
///
/// To train on a sum, give the closure `|y: &Var, t: &Tensor| Ok(MeanSquaredError.each(y, t)?.sum())` as the loss. In a loop
/// of your own, `loss` gives the mean, and `each` the sum or what is to be done with the single losses:
///
/// ```
/// use gradus::prelude::*;
/// let y = Tape::training().input(ndarray::arr2(&[[1.0, 3.0], [2.0, 2.0]]));
/// let target = ndarray::Array2::<Float>::zeros((2, 2)).into_tensor();
/// let each = MeanSquaredError.each(&y, &target)?;
/// assert_eq!(each.losses().value().as_slice().unwrap(), [5.0, 4.0]);
/// assert_eq!((each.mean()?.item(), each.sum().item()), (4.5, 9.0));
/// let weights = ndarray::arr1(&[3.0, 0.0]).into_tensor();
/// assert_eq!(each.weigh(&weights)?.mean()?.item(), 7.5);
/// # Ok::<(), gradus::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loss",
    note = "pass a value such as `SparseCrossEntropy::default()`, or a function of the prediction and the targets; there are no names in \
            quotes"
)]
pub trait Loss: Send + Sync {
    /// Returns a scalar on the tape of `prediction`: a mean over the examples of the batch. The default is the mean of
    /// [`Loss::each`].
    ///
    /// # Errors
    /// Shapes that do not belong together; targets out of range.
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        self.each(prediction, target)?.mean()
    }

    /// Returns the loss of each item, so that some can count more than others. The default refuses: without it, a dataset with
    /// weights is an error.
    ///
    /// # Errors
    /// Those of [`Loss::loss`].
    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let _ = (prediction, target);
        Err(Error::value(
            "the loss gives a mean only, so that its examples cannot be weighed: implement `Loss::each` for it, or leave \
             out the weights",
        ))
    }

    /// Returns whether the loss of an example is computed from its own prediction and its own target alone, so that the mean over a
    /// batch is the mean over its parts. The trainer may then run a batch in parts, which is faster for many networks.
    ///
    /// The default is `false`, which is always right: nothing shows what a loss makes of its targets, and one that weighs
    /// classes by their share in the batch, say, would be another one in each part.
    fn per_example(&self) -> bool {
        false
    }

    /// Returns the number above which a single prediction stands for class 1, if this is a loss on such answers: 0.5 for
    /// probabilities, 0 for logits and margins. [`Accuracy`](crate::metrics::Accuracy) and others decide by it. `None`, the default,
    /// says nothing.
    fn threshold(&self) -> Option<Float> {
        None
    }

    /// Returns what makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

impl Loss for Box<dyn Loss> {
    delegates! { self:
        loss[&self](prediction: &Var, target: &Tensor) -> Result<Var>;
        each[&self](prediction: &Var, target: &Tensor) -> Result<Each>;
        per_example[&self]() -> bool;
        threshold[&self]() -> Option<Float>;
        config[&self]() -> Config;
    }
}

family!(Box, dyn Loss);

/// The methods of a loss whose examples do not look at each other that all such losses share.
macro_rules! per_example {
    () => {
        crate::config::config!();

        fn per_example(&self) -> bool {
            true
        }
    };
}
use per_example;

kinds! {
    register, "Adds a loss." loss, Box<dyn Loss> =>
    BinaryCrossEntropy BinaryFocalCrossEntropy CategoricalFocalCrossEntropy CategoricalHinge Contrastive CosineSimilarity
    CrossEntropy Ctc Dice Distillation GaussianNll Hinge Huber KlDivergence LogCosh MeanAbsoluteError
    MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson Quantile SmoothL1
    SparseCrossEntropy SquaredHinge Triplet Tversky
}

impl<F: Fn(&Var, &Tensor) -> Result<Var> + Send + Sync> Loss for F {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        self(prediction, target)
    }
}

/// The target must have the prediction's shape; a trailing axis of length 1 may be missing on either side.
fn check_same_shape(loss: &str, prediction: &Var, target: &Tensor) -> Result<()> {
    if prediction.value.is_empty() {
        let shape = prediction.value.shape();
        return Err(Error::shape(format!("{loss}: expected at least one example, got predictions {shape:?}")));
    }
    if strip(prediction.value.shape()) == strip(target.shape()) {
        return Ok(());
    }
    let (given, wanted) = (prediction.value.shape(), target.shape());
    let hint = match strip(given).len().checked_sub(strip(wanted).len()) {
        Some(1) if loss == "CrossEntropy" && *strip(wanted) == given[..strip(wanted).len()] => {
            "for class numbers use `SparseCrossEntropy`"
        }
        Some(1) if given.len() == 2 && *strip(wanted) == given[..1] => {
            "for class numbers use `SparseCrossEntropy`, for one number an example end the model with one unit"
        }
        None | Some(0) => "reshape the targets, or end the model with as many units as there are targets",
        Some(_) if given.len() > 2 => MORE_AXES,
        Some(_) => "reshape the targets, or end the model with as many units as there are targets",
    };
    Err(Error::shape(format!("{loss}: expected targets of the prediction's shape {given:?}, got {wanted:?}; {hint}")))
}

/// What to do about predictions for each pixel or step where there is one target an example.
const MORE_AXES: &str = "the predictions have more axes than the targets: put `Flatten` or a global pooling before the last \
                         layers, or leave out `return_sequences` of the last recurrent one";

/// A shape without a last axis of length 1.
pub(crate) fn strip(shape: &[usize]) -> &[usize] {
    match shape {
        [all @ .., 1] if !all.is_empty() => all,
        all => all,
    }
}

/// A setting in its range, or an error that names it.
fn check_setting(loss: &str, name: &str, value: Float, range: impl std::ops::RangeBounds<Float>) -> Result<()> {
    if range.contains(&value) && value.is_finite() {
        return Ok(());
    }
    let bound = |bound: std::ops::Bound<&Float>, verb: [&str; 2]| match bound {
        std::ops::Bound::Included(x) => Some(format!("{} {x}", verb[0])),
        std::ops::Bound::Excluded(x) => Some(format!("{} {x}", verb[1])),
        std::ops::Bound::Unbounded => None,
    };
    let bounds = [bound(range.start_bound(), ["at least", "above"]), bound(range.end_bound(), ["at most", "below"])];
    Err(outside(loss, name, value, bounds))
}

fn outside(loss: &str, name: &str, value: Float, bounds: [Option<String>; 2]) -> Error {
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    Error::value(format!("{loss}: expected {name} {}, got {value}", bounds.join(" and ")))
}

/// All targets must satisfy a condition.
fn check_targets(loss: &str, target: &Tensor, expected: &str, fits: impl Fn(Float) -> bool) -> Result<()> {
    match target.iter().find(|t| !fits(**t)) {
        Some(bad) => Err(bad_target(loss, expected, *bad)),
        None => Ok(()),
    }
}

fn bad_target(loss: &str, expected: &str, bad: Float) -> Error {
    let hint = match bad {
        bad if !bad.is_finite() => "; correct that example or leave it out",
        _ if expected != "targets from 0 to 1" => "",
        -1.0 => "; map -1 to 0, or use `Hinge`, which takes -1 and 1",
        bad if bad > 1.0 && bad.fract() == 0.0 => {
            "; for the numbers of more than two classes use `SparseCrossEntropy`, with a unit for each class"
        }
        _ => "; scale them, or use a loss for any numbers, such as `MeanSquaredError`",
    };
    Error::value(format!("{loss}: expected {expected}, got {bad}{hint}"))
}
