//! What to report beside the loss. [`Metric`] is the trait.

mod accuracy;
mod agreement;
mod answers;
mod auc;
mod bleu;
mod confusion;
mod correlation;
mod direction;
mod errors;
mod mean_loss;
#[allow(clippy::module_inception)]
mod metrics;
mod precision;
#[cfg(test)]
mod streaming_tests;
mod tokenize;
mod top_k;

pub use accuracy::Accuracy;
pub use agreement::{CohenKappa, KappaWeights, Matthews, MeanIou};
pub use auc::Auc;
pub use bleu::Bleu;
pub use confusion::ConfusionMatrix;
pub use correlation::{Pearson, R2};
pub use direction::Direction;
pub use errors::{MeanAbsolute, MeanSquared, RootMeanSquared};
pub use mean_loss::{MeanCosine, MeanLoss, Perplexity};
pub(crate) use metrics::{Figures, Metrics};
pub use precision::{Averaging, FBeta, Precision, Recall};
pub use top_k::TopKAccuracy;

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// What to report beside the loss, gathered over batches. Works in `fit`, in `evaluate`, and in loops of your own.
///
/// ```
/// use gradus::prelude::*;
///
/// /// The greatest error seen.
/// #[derive(Default)]
/// struct MaxError(f64);
///
/// impl Metric for MaxError {
///     fn name(&self) -> String { "max_error".into() }
///     fn reset(&mut self) { self.0 = 0.0 }
///     fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
///         let errors = prediction.iter().zip(target).map(|(p, t)| f64::from((p - t).abs()));
///         self.0 = errors.fold(self.0, f64::max);
///         Ok(())
///     }
///     fn result(&self) -> f64 { self.0 }
///     fn direction(&self) -> Option<Direction> { Some(Direction::Lower) }
/// }
///
/// let model = Dense::new(1).compile(Sgd::default(), MeanSquaredError::default()).metric(MaxError::default());
/// ```
pub trait Metric: Send {
    /// Name in logs and history.
    fn name(&self) -> String;

    /// Forgets what was gathered. Called before each epoch and each evaluation.
    fn reset(&mut self);

    /// Takes in the predictions and targets of some examples.
    ///
    /// # Errors
    /// Shapes that do not belong together.
    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()>;

    /// Takes in examples that weigh differently, for [`Trainer::weighted_metric`](crate::Trainer::weighted_metric): weights are
    /// not negative, one for each example or step. The default refuses.
    ///
    /// # Errors
    /// Those of [`Metric::update`]; weights that do not fit.
    fn update_weighted(&mut self, prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()> {
        let _ = (prediction, target, weights);
        Err(Error::value(format!(
            "the metric `{}` cannot weigh its examples: implement `Metric::update_weighted` for it, or add it by `metric`",
            self.name()
        )))
    }

    /// The figure over all examples since the last reset; NaN before any.
    fn result(&self) -> f64;

    /// Returns which way the figure gets better, for whoever watches it, such as
    /// [`EarlyStopping`](crate::callbacks::EarlyStopping); `None`, the default, if that is not known.
    fn direction(&self) -> Option<Direction> {
        None
    }

    /// All that was gathered, so that a [back-up](crate::callbacks::Backup) amid an epoch can go on with it; `None`, the
    /// default, if it does not tell.
    fn state(&self) -> Option<Vec<f64>> {
        None
    }

    /// Gives back what [`Metric::state`] has told.
    ///
    /// # Errors
    /// Numbers that are none of its.
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let _ = state;
        Err(Error::value("it cannot be given back what it has gathered; implement `Metric::restore`"))
    }
}

/// What a metric gathers, as numbers and back.
trait Gathered: Sized {
    fn to_numbers(&self) -> Vec<f64>;

    /// `None` if they are no such numbers.
    fn from_numbers(numbers: &[f64]) -> Option<Self>;
}

/// The methods `state` and `restore`, of a metric that gathers in one field.
macro_rules! gathered {
    ($field:ident) => {
        fn state(&self) -> Option<Vec<f64>> {
            Some($crate::metrics::Gathered::to_numbers(&self.$field))
        }

        fn restore(&mut self, state: &[f64]) -> $crate::error::Result<()> {
            self.$field = $crate::metrics::Gathered::from_numbers(state).ok_or_else(|| {
                $crate::error::Error::value(format!("{} numbers are not what it gathers", state.len()))
            })?;
            Ok(())
        }
    };
}
use gathered;

/// The method `direction`, of a metric that is better lower or higher whatever its settings.
macro_rules! better {
    ($direction:ident) => {
        fn direction(&self) -> Option<$crate::metrics::Direction> {
            Some($crate::metrics::Direction::$direction)
        }
    };
}
use better;

/// Both updates, from a method `take` that has the weights as an option.
macro_rules! updates {
    () => {
        fn update(
            &mut self,
            prediction: &$crate::tensor::Tensor,
            target: &$crate::tensor::Tensor,
        ) -> $crate::error::Result<()> {
            self.take(prediction, target, None)
        }

        fn update_weighted(
            &mut self,
            prediction: &$crate::tensor::Tensor,
            target: &$crate::tensor::Tensor,
            weights: &$crate::tensor::Tensor,
        ) -> $crate::error::Result<()> {
            self.take(prediction, target, Some(weights))
        }
    };
}
use updates;

/// The weight of each of so many items of a prediction; weights have the shape of its first axes.
fn weights_of(who: &str, weights: Option<&Tensor>, prediction: &Tensor, items: usize) -> Result<impl Fn(usize) -> f64> {
    let numbers: Vec<f64> = weights.map_or(vec![1.0], |weights| weights.iter().map(|w| f64::from(*w)).collect());
    let fits = weights.is_none_or(|weights| {
        let shape = crate::losses::strip(weights.shape());
        !shape.is_empty() && prediction.shape().starts_with(shape) && items.is_multiple_of(numbers.len().max(1))
    });
    if !fits {
        let shape = weights.map_or(&[][..], |weights| weights.shape());
        return Err(Error::shape(format!(
            "{who}: expected weights of the first axes of the predictions {:?}, for each example or step, got {shape:?}",
            prediction.shape()
        )));
    }
    if let Some(bad) = numbers.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        return Err(Error::value(format!("{who}: expected weights that are finite and not negative, got {bad}")));
    }
    let share = (items / numbers.len().max(1)).max(1);
    Ok(move |item: usize| numbers[item / share])
}

/// A running mean.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.count += weight;
    }

    /// A sum whose count is another number than its weight.
    fn add_counted(&mut self, sum: f64, count: f64) {
        self.sum += sum;
        self.count += count;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    pub(crate) fn result(&self) -> f64 {
        self.sum / self.count
    }
}

impl Gathered for Mean {
    fn to_numbers(&self) -> Vec<f64> {
        vec![self.sum, self.count]
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let [sum, count] = *numbers else { return None };
        Some(Self { sum, count })
    }
}

/// Targets must have the predictions' shape; a trailing axis of length 1 may be missing on either side.
fn check_same_shape(who: &str, prediction: &Tensor, target: &Tensor) -> Result<()> {
    let (p, t) = (prediction.shape(), target.shape());
    if p == t || [p, &[1]].concat() == t || p == [t, &[1]].concat() {
        return Ok(());
    }
    Err(Error::shape(format!("{who}: expected targets of the predictions' shape {p:?}, got {t:?}")))
}

/// The position of the greatest number, the first of several.
fn argmax<'a>(row: impl IntoIterator<Item = &'a crate::Float>) -> usize {
    let mut best = (0, crate::Float::NEG_INFINITY);
    for (i, x) in row.into_iter().enumerate() {
        if *x > best.1 {
            best = (i, *x);
        }
    }
    best.0
}
