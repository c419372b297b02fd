//! Losses as metrics.

use super::{Mean, Metric, gathers, weights_of};
use crate::autograd::Tape;
use crate::config::{config, described};
use crate::error::Result;
use crate::losses::{CosineSimilarity, Loss, SparseCrossEntropy};
use crate::tensor::Tensor;

described! {
    /// The mean of any loss that gives [each item's](Loss::each), to be reported in addition to the one that is trained.
    ///
    /// ```
    /// use gradus::metrics::MeanLoss;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1)
    ///     .compile(Sgd::default(), MeanSquaredError)
    ///     .metric(MeanLoss::new("huber", Huber::default()));
    /// ```
    pub struct MeanLoss(
        /// The name in logs.
        name: [into String],
        /// The loss.
        loss: [dyn Loss],
    ) {}
    private { mean: Mean = Mean::default(), }
}

/// The methods of a metric that is the mean of a loss, under a function.
macro_rules! mean_of_loss {
    ($name:ident, |$own:ident| $loss:expr, |$named:ident| $label:expr, $direction:ident, $figure:expr) => {
        impl $name {
            fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
                // No example has no loss, and a loss refuses a batch without any.
                if prediction.is_empty() && prediction.shape().first() == target.shape().first() {
                    return Ok(());
                }
                let $own = &*self;
                let each = $loss.each(&Tape::inference().examples(prediction.clone()), target)?;
                let weight = weights_of(stringify!($name), weights, each.losses().value.len())?;
                for (i, (loss, count)) in each.counted().enumerate() {
                    self.mean.add_counted(loss * weight(i), count * weight(i));
                }
                Ok(())
            }
        }

        impl Metric for $name {
            config!();

            fn name(&self) -> String {
                let $named = self;
                $label
            }

            gathers!(stringify!($name), mean, $direction);

            fn result(&self) -> f64 {
                let figure: fn(f64) -> f64 = $figure;
                figure(self.mean.result())
            }
        }
    };
}

mean_of_loss!(MeanLoss, |own| own.loss, |own| own.name.clone(), Lower, |mean| mean);

described! {
    /// Mean cosine of the angle between predictions and targets, over the last axis: 1 where directions are equal.
    ///
    /// ```
    /// use gradus::metrics::MeanCosine;
    /// use gradus::prelude::*;
    /// let mut cosine = MeanCosine::default();
    /// cosine.update(&ndarray::arr2(&[[3.0, 4.0]]).into_tensor(), &ndarray::arr2(&[[6.0, 8.0]]).into_tensor())?;
    /// assert_eq!((cosine.name().as_str(), cosine.result()), ("cosine_similarity", 1.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// Keras `CosineSimilarity`.
    #[doc(alias = "CosineSimilarity")]
    pub struct MeanCosine {}
    private { mean: Mean = Mean::default(), }
}

mean_of_loss!(MeanCosine, |_own| CosineSimilarity, |_own| "cosine_similarity".into(), Higher, |mean| -mean);

described! {
    /// Perplexity: the exponential of the mean cross-entropy, over all tokens.
    ///
    /// Predictions are probabilities `[.., classes]`, targets class numbers; [`Perplexity::new`] takes logits and leaves out
    /// padding.
    ///
    /// ```
    /// use gradus::metrics::Perplexity;
    /// use gradus::prelude::*;
    /// let mut perplexity = Perplexity::new(SparseCrossEntropy::default().ignore_class(0));
    /// let predictions = ndarray::arr2(&[[0.0, 0.5, 0.5], [0.25, 0.25, 0.5]]).into_tensor();
    /// perplexity.update(&predictions, &ndarray::arr1(&[2, 0]).into_tensor())?;
    /// assert!((perplexity.result() - 2.0).abs() < 1e-5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// KerasHub `Perplexity`.
    pub struct Perplexity(
        /// The cross-entropy.
        loss: [dyn Loss] = SparseCrossEntropy::default(),
    ) {}
    private { mean: Mean = Mean::default(), }
}

mean_of_loss!(Perplexity, |own| own.loss, |_own| "perplexity".into(), Lower, f64::exp);

#[cfg(test)]
mod tests {
    use crate::metrics::{MeanCosine, MeanLoss, Perplexity};
    use crate::prelude::*;

    #[test]
    fn a_batch_without_examples_changes_nothing() {
        let (none, labels) = (Tensor::zeros(vec![0, 2]), Tensor::zeros(vec![0]));
        let metrics: [(Box<dyn Metric>, &Tensor); 3] = [
            (Box::new(MeanLoss::new("mse", MeanSquaredError)), &none),
            (Box::new(MeanCosine::default()), &none),
            (Box::new(Perplexity::default()), &labels),
        ];
        for (mut metric, target) in metrics {
            metric.update(&none, target).unwrap();
            assert!(metric.result().is_nan(), "{}", metric.name());
            let (one, target) =
                (Tensor::from_elem(vec![1, 2], 0.5), Tensor::ones([&[1], &target.shape()[1..]].concat()));
            metric.update(&one, &target).unwrap();
            assert!(metric.result().is_finite(), "{}", metric.name());
        }
        assert!(Perplexity::default().update(&none, &Tensor::zeros(vec![3])).is_err());
    }
}
