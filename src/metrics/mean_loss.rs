//! Losses as metrics.

use super::{Mean, Metric, better, gathered, updates, weights_of};
use crate::autograd::Tape;
use crate::error::Result;
use crate::losses::{CosineSimilarity, Loss, SparseCrossEntropy};
use crate::tensor::Tensor;

/// The mean of any loss that gives [each item's](Loss::each), to be reported beside the one that is trained.
///
/// ```
/// use gradus::prelude::*;
/// let model = Dense::new(1)
///     .compile(Sgd::default(), MeanSquaredError)
///     .metric(MeanLoss::new("huber", Huber::default()));
/// ```
pub struct MeanLoss {
    name: String,
    loss: Box<dyn Loss>,
    mean: Mean,
}

impl MeanLoss {
    /// Creates the mean of this loss, under this name.
    pub fn new(name: impl Into<String>, loss: impl Loss + 'static) -> Self {
        Self { name: name.into(), loss: Box::new(loss), mean: Mean::default() }
    }

    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        let each = self.loss.each(&Tape::inference().examples(prediction.clone()), target)?;
        let weight = weights_of("MeanLoss", weights, each.losses().value.len())?;
        let counted = each.counted().enumerate();
        counted.for_each(|(i, (loss, count))| self.mean.add_counted(loss * weight(i), count * weight(i)));
        Ok(())
    }
}

impl Metric for MeanLoss {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn reset(&mut self) {
        self.mean = Mean::default();
    }

    updates!("MeanLoss");

    gathered!(mean);

    better!(Lower);

    fn result(&self) -> f64 {
        self.mean.result()
    }
}

/// A metric that is another one under a function.
macro_rules! derived {
    ($name:ident, $direction:ident, $make:expr, $figure:expr) => {
        impl Default for $name {
            fn default() -> Self {
                Self($make)
            }
        }

        impl Metric for $name {
            fn name(&self) -> String {
                self.0.name()
            }

            fn reset(&mut self) {
                self.0.reset();
            }

            fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
                self.0.update(prediction, target)
            }

            fn update_weighted(&mut self, prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()> {
                self.0.update_weighted(prediction, target, weights)
            }

            fn state(&self) -> Option<Vec<f64>> {
                self.0.state()
            }

            fn restore(&mut self, state: &[f64]) -> Result<()> {
                self.0.restore(state)
            }

            better!($direction);

            fn result(&self) -> f64 {
                let figure: fn(f64) -> f64 = $figure;
                figure(self.0.result())
            }
        }
    };
}

/// Mean cosine of the angle between predictions and targets, over the last axis: 1 where directions are equal.
///
/// ```
/// use gradus::prelude::*;
/// let mut cosine = MeanCosine::default();
/// cosine.update(&ndarray::arr2(&[[3.0, 4.0]]).into_tensor(), &ndarray::arr2(&[[6.0, 8.0]]).into_tensor())?;
/// assert_eq!((cosine.name().as_str(), cosine.result()), ("cosine_similarity", 1.0));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// Keras `CosineSimilarity`.
#[doc(alias = "CosineSimilarity")]
pub struct MeanCosine(MeanLoss);

derived!(MeanCosine, Higher, MeanLoss::new("cosine_similarity", CosineSimilarity), |mean| -mean);

/// Perplexity: the exponential of the mean cross-entropy, over all tokens.
///
/// Predictions are probabilities `[.., classes]`, targets class numbers; [`Perplexity::of`] takes logits and leaves out
/// padding.
///
/// ```
/// use gradus::prelude::*;
/// let mut perplexity = Perplexity::of(SparseCrossEntropy::default().ignore_index(0));
/// let predictions = ndarray::arr2(&[[0.0, 0.5, 0.5], [0.25, 0.25, 0.5]]).into_tensor();
/// perplexity.update(&predictions, &ndarray::arr1(&[2, 0]).into_tensor())?;
/// assert!((perplexity.result() - 2.0).abs() < 1e-5);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// KerasHub `Perplexity`.
pub struct Perplexity(MeanLoss);

derived!(Perplexity, Lower, MeanLoss::new("perplexity", SparseCrossEntropy::default()), f64::exp);

impl Perplexity {
    /// Creates the metric of this cross-entropy.
    pub fn of(loss: SparseCrossEntropy) -> Self {
        Self(MeanLoss::new("perplexity", loss))
    }
}
