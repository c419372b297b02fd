//! What to report beside the loss. [`Metric`] is the trait.
//!
//! **Classes and labels** (with `multi_label(true)` where an example may have several)
//!
//! | | |
//! | --- | --- |
//! | [`Accuracy`], [`TopKAccuracy`] | share of right answers; the latter is the hit rate of recommenders |
//! | [`Ndcg`] | how well the best items are ordered |
//! | [`Precision`], [`Recall`], [`FBeta`] | of what was found, of what there is, and both; [`Averaging`] over classes |
//! | [`Auc`] | over all thresholds ([`Curve`]: ROC or precision and recall) |
//! | [`CohenKappa`], [`Matthews`] | agreement beyond chance ([`KappaWeights`]) |
//! | [`MeanIou`] | overlap of areas |
//! | [`SelectionRate`], [`FalsePositiveRate`] | rates, for [`fairness`](crate::fairness) |
//! | [`ConfusionMatrix`] | what was taken for what; outside of training |
//!
//! **Numbers**
//!
//! | | |
//! | --- | --- |
//! | [`MeanAbsolute`], [`MeanSquared`], [`RootMeanSquared`] | errors |
//! | [`R2`], [`Pearson`] | the share of the variance that is explained; correlation |
//!
//! **Vectors, texts, losses**
//!
//! | | |
//! | --- | --- |
//! | [`MeanCosine`] | how far directions agree |
//! | [`Perplexity`] | of the next word |
//! | [`Bleu`] | of translations; outside of training |
//! | [`frechet_distance`] | of generated images from real ones; outside of training |
//! | [`MeanLoss`] | any loss as a metric |
//!
//! **What they have in common**
//!
//! | | |
//! | --- | --- |
//! | [`Metric`], [`Named`] | the trait; a metric under another name |
//! | [`Direction`] | whether more is better |

mod accuracy;
mod agreement;
mod answers;
mod auc;
mod bleu;
mod confusion;
mod correlation;
mod direction;
mod errors;
mod frechet;
mod items;
mod mean_loss;
#[allow(clippy::module_inception)]
mod metrics;
mod named;
mod outcomes;
mod precision;
mod ranking;
mod rates;
#[cfg(test)]
mod streaming_tests;
mod tokenize;
mod top_k;

pub use accuracy::Accuracy;
pub use agreement::{CohenKappa, KappaWeights, Matthews, MeanIou};
pub use auc::{Auc, Curve};
pub use bleu::Bleu;
pub use confusion::ConfusionMatrix;
pub use correlation::{Pearson, R2};
pub use direction::Direction;
pub use errors::{MeanAbsolute, MeanSquared, RootMeanSquared};
pub use frechet::frechet_distance;
use items::weights_of;
pub use mean_loss::{MeanCosine, MeanLoss, Perplexity};
pub(crate) use metrics::{Figures, Metrics, check_column};
pub use named::Named;
pub use precision::{Averaging, FBeta, Precision, Recall};
pub use ranking::Ndcg;
pub use rates::{FalsePositiveRate, SelectionRate};
pub use top_k::TopKAccuracy;

use crate::config::{Config, delegates, family, kinds};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// A figure to report in addition to the loss, gathered over batches. Works in `fit`, in `evaluate`, and in loops of your own.
///
/// ```
/// use gradus::metrics::Direction;
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    note = "pass a value such as `Accuracy::default()`; there are no names in quotes",
    note = "a loss becomes a metric by `metrics::MeanLoss::new(name, loss)`; that of `MeanAbsoluteError` is `metrics::MeanAbsolute`"
)]
pub trait Metric: Send + Sync {
    /// Returns the name in logs and history.
    fn name(&self) -> String;

    /// Returns this metric under another name.
    ///
    /// ```
    /// use gradus::metrics::MeanIou;
    /// use gradus::prelude::*;
    /// let model = Dense::new(3).compile(Sgd::default(), SparseCrossEntropy::from_logits());
    /// let model = model.metric(MeanIou::default().target_class_ids([0]).named("iou_cat"))
    ///     .metric(MeanIou::default().target_class_ids([1]).named("iou_dog"));
    /// ```
    fn named(self, name: impl Into<String>) -> Named
    where
        Self: Sized + 'static,
    {
        Named::new(name, self)
    }

    /// Forgets what was gathered. Called before each epoch and each evaluation.
    fn reset(&mut self);

    /// Takes the number above which a single prediction stands for class 1, as the [loss](crate::losses::Loss::threshold) of the
    /// trainer's output says; `None` if it says nothing. Called before anything is gathered. Metrics that decide use it unless the
    /// user has set another one; the default does nothing.
    fn set_default_threshold(&mut self, threshold: Option<Float>) {
        let _ = threshold;
    }

    /// Takes in the predictions and targets of some examples.
    ///
    /// # Errors
    /// Shapes that do not belong together.
    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()>;

    /// Takes in items (examples, or steps of sequences) that weigh differently. Weights are not negative, and have the shape of the
    /// predictions' first axes. An item of weight 0 is not there: padding, an ignored label, whatever numbers stand in it.
    ///
    /// A trainer calls this where the loss of the output leaves out items, with 1 for those that count, and for
    /// [`Trainer::weighted_metric`](crate::Trainer::weighted_metric) with the weights of the examples. The default takes the items
    /// that count out of both tensors, and gives them to [`Metric::update`] as `[items, ...]`; it refuses weights other than 0 and 1.
    ///
    /// # Errors
    /// Those of [`Metric::update`]; weights that do not fit.
    fn update_weighted(&mut self, prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()> {
        match items::counted(&self.name(), prediction, target, weights)? {
            None => Ok(()),
            Some(items) if items.weights.iter().all(|weight| *weight == 1.0) => {
                self.update(&items.prediction, &items.target)
            }
            Some(_) => Err(Error::value(format!(
                "the metric `{}` cannot weigh its examples: implement `Metric::update_weighted` for it, or add it by \
                 `metric`",
                self.name()
            ))),
        }
    }

    /// Returns the figure over all examples since the last reset; NaN before any.
    fn result(&self) -> f64;

    /// Returns which way the figure gets better, for whoever watches it, such as
    /// [`EarlyStopping`](crate::callbacks::EarlyStopping); `None`, the default, if that is not known.
    fn direction(&self) -> Option<Direction> {
        None
    }

    /// Returns what was accumulated, so that a run can be [resumed](crate::callbacks::Backup) in the middle of an
    /// epoch; `None`, the default, if the metric has no such state.
    fn state(&self) -> Option<Vec<f64>> {
        None
    }

    /// Restores what [`Metric::state`] returned.
    ///
    /// # Errors
    /// Numbers that are not a state of this metric.
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let _ = state;
        Err(Error::value("its state cannot be restored; implement `Metric::restore`"))
    }

    /// Returns what makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

family!(Box, dyn Metric);

kinds! {
    register, "Adds a metric." metric, Box<dyn Metric> =>
    Accuracy Auc CohenKappa FalsePositiveRate FBeta Matthews MeanAbsolute MeanCosine MeanIou MeanLoss MeanSquared Named Ndcg Pearson
    Perplexity Precision R2 Recall RootMeanSquared SelectionRate TopKAccuracy
}

impl Metric for Box<dyn Metric> {
    delegates! { self:
        name[&self]() -> String;
        reset[&mut self]();
        set_default_threshold[&mut self](threshold: Option<Float>);
        update[&mut self](prediction: &Tensor, target: &Tensor) -> Result<()>;
        update_weighted[&mut self](prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()>;
        result[&self]() -> f64;
        direction[&self]() -> Option<Direction>;
        state[&self]() -> Option<Vec<f64>>;
        restore[&mut self](state: &[f64]) -> Result<()>;
        config[&self]() -> Config;
    }
}

/// What a metric gathers, as numbers and back.
trait Gathered: Sized {
    fn to_numbers(&self) -> Vec<f64>;

    /// `None` if they are no such numbers.
    fn from_numbers(numbers: &[f64]) -> Option<Self>;
}

/// The methods of a metric whose `take` gathers in one field, and that is better lower or higher whatever its settings.
macro_rules! gathers {
    ($who:expr, $field:ident, $direction:ident) => {
        $crate::metrics::takes!($who, $direction);

        fn reset(&mut self) {
            self.$field = Default::default();
        }

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
use gathers;

/// The method `set_default_threshold`, of a metric that keeps it in a field.
macro_rules! decides {
    ($($field:ident).+) => {
        fn set_default_threshold(&mut self, threshold: Option<$crate::tensor::Float>) {
            self.$($field).+ = threshold;
        }
    };
}
use decides;

/// The methods `direction`, `update` and `update_weighted`, of a metric with a method `take`. What weighs nothing is not there.
macro_rules! takes {
    ($who:expr, $direction:ident) => {
        fn direction(&self) -> Option<$crate::metrics::Direction> {
            Some($crate::metrics::Direction::$direction)
        }

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
            match $crate::metrics::items::counted($who, prediction, target, weights)? {
                Some(items) => self.take(&items.prediction, &items.target, Some(&items.weights)),
                None => Ok(()),
            }
        }
    };
}
use takes;

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
    let hint = match p.len() > t.len() {
        true => "for class numbers take a metric of classes, such as `Accuracy`, else reshape the targets",
        false => "reshape the targets, or end the model with as many units as there are targets",
    };
    Err(Error::shape(format!("{who}: expected targets of the predictions' shape {p:?}, got {t:?}; {hint}")))
}

/// The position of the greatest number, the first of several.
pub(crate) fn argmax<'a>(row: impl IntoIterator<Item = &'a Float>) -> usize {
    let mut best = (0, Float::NEG_INFINITY);
    for (i, x) in row.into_iter().enumerate() {
        if *x > best.1 {
            best = (i, *x);
        }
    }
    best.0
}
