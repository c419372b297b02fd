//! Which way a figure gets better.

/// Which way a figure gets better: what early stopping, checkpoints and others that compare figures need to know.
///
/// Losses are [`Lower`](Direction::Lower); a metric says it by [`Metric::direction`](super::Metric::direction).
///
/// ```
/// use gradus::metrics::{Accuracy, Direction, Metric};
/// assert_eq!(Accuracy::default().direction(), Some(Direction::Higher));
/// assert!(Direction::Higher.is_better(0.9, 0.8));
/// assert!(Direction::Lower.is_better(0.9, f64::NAN));
/// ```
#[doc(alias = "mode")]
#[doc(alias = "objective")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a figure is better where it is smaller or where it is greater")]
pub enum Direction {
    /// Lower is better, as of losses and errors.
    #[doc(alias = "min")]
    Lower,
    /// Higher is better, as of accuracy.
    #[doc(alias = "max")]
    Higher,
}

impl Direction {
    /// Returns whether `new` is better than `old`. NaN is never better, and any number is better than NaN.
    pub fn is_better(self, new: f64, old: f64) -> bool {
        let improved = match self {
            Self::Lower => new < old,
            Self::Higher => new > old,
        };
        improved || old.is_nan() && !new.is_nan()
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{Higher, Lower};
    use crate::metrics::*;
    use crate::prelude::*;

    #[test]
    fn every_metric_says_its_direction_whatever_its_name() {
        let of = |metric: &dyn Metric| metric.direction();
        let lower: [&dyn Metric; 6] = [
            &MeanAbsolute::default(),
            &MeanSquared::default(),
            &RootMeanSquared::default(),
            &Perplexity::default(),
            &MeanLoss::new("huber", Huber::default()),
            &MeanLoss::new("glossary_accuracy", MeanSquaredError),
        ];
        assert!(lower.iter().all(|metric| of(*metric) == Some(Lower)));
        let higher: [&dyn Metric; 15] = [
            &Accuracy::default(),
            &Ndcg::default(),
            &TopKAccuracy::default(),
            &Auc::roc(),
            &Auc::precision_recall(),
            &Auc::average_precision(),
            &Precision::default(),
            &Recall::default(),
            &FBeta::default(),
            &MeanIou::default(),
            &CohenKappa::default(),
            &Matthews::default(),
            &R2::default(),
            &Pearson::default(),
            &MeanCosine::default(),
        ];
        assert!(higher.iter().all(|metric| of(*metric) == Some(Higher)));
    }

    #[test]
    fn nan_is_never_better() {
        for (direction, better, worse) in [(Lower, 0.1, 0.2), (Higher, 0.2, 0.1)] {
            assert!(direction.is_better(better, worse) && !direction.is_better(worse, better));
            assert!(!direction.is_better(better, better));
            assert!(!direction.is_better(f64::NAN, worse) && direction.is_better(worse, f64::NAN));
            assert!(!direction.is_better(f64::NAN, f64::NAN));
        }
    }
}
