//! Negative logarithms of the likelihood of counts and of measurements.

use std::f64::consts::TAU;

use super::items::{items, leading, pairs, product, standard};
use super::{Each, Loss, check_setting, check_targets, per_example, strip};
use crate::autograd::Var;
use crate::config::described;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data};

described! {
    /// Poisson loss of counts: `mean(prediction - target · ln(prediction + 1e-7))`, where predictions are rates.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Defaults
    /// predictions are rates; [`Poisson::from_log`] takes their logarithms: `mean(exp(prediction) - target · prediction)`
    /// # Errors
    /// other shapes; negative targets; negative predictions, unless they are logarithms
    /// # Example
    /// ```
    /// use gradus::losses::Poisson;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, 2.0]));
    /// let target = ndarray::arr1(&[5.0, 0.0]).into_dyn().into_shared();
    /// assert!((Poisson::default().loss(&y, &target)?.item() - 1.5).abs() < 1e-5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Poisson`, PyTorch `PoissonNLLLoss` (which takes logarithms)
    #[doc(alias = "PoissonNLLLoss")]
    #[derive(Clone, Copy)]
    pub struct Poisson {
        /// Whether predictions are logarithms of the rate.
        from_log: [switch] = false,
    }
}

impl Loss for Poisson {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        check_targets("Poisson", target, "targets that are not negative", |t| t >= 0.0)?;
        if self.from_log {
            // The exponential outgrows the straight line.
            return pairs("Poisson", prediction, target, |x, t| match x.exp() {
                f64::INFINITY => (f64::INFINITY, f64::INFINITY),
                rate => (rate - product(t, x), rate - t),
            });
        }
        if let Some(bad) = prediction.value.iter().find(|x| **x < 0.0) {
            return Err(Error::value(format!(
                "Poisson: expected predictions that are not negative, got {bad}; end the model with `Softplus`, or use \
                 `Poisson::from_log()`"
            )));
        }
        pairs("Poisson", prediction, target, |x, t| {
            // The logarithm falls behind.
            let loss = if x == f64::INFINITY { x } else { x - t * (x + 1e-7).ln() };
            (loss, 1.0 - t / (x + 1e-7))
        })
    }
}

described! {
    /// Negative logarithm of the likelihood under normal distributions whose variances are predicted as well:
    /// `mean(ln v + (m - target)² / v) / 2`.
    ///
    /// The last axis of predictions has all means `m`, then all variances `v`, which a model makes positive, as by
    /// `Softplus` or `exp`. Variances below epsilon count as epsilon, but keep their gradient, so that they can grow.
    ///
    /// # Shapes
    /// prediction `[batch, ..., 2 n]`, target `[batch, ..., n]`; for one number, `[batch]` too
    /// # Defaults
    /// epsilon 1e-6; without the constant `ln(2 π) / 2`, which [`GaussianNll::full`] adds
    /// # Errors
    /// other shapes; negative variances; an epsilon that is not above 0
    /// # Example
    /// ```
    /// use gradus::losses::GaussianNll;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[1.0, 4.0]]));
    /// let target = ndarray::arr1(&[3.0]).into_dyn().into_shared();
    /// assert!((GaussianNll::default().loss(&y, &target)?.item() - 1.1931).abs() < 1e-4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Nix & Weigend 1994; PyTorch `GaussianNLLLoss`
    #[doc(alias = "GaussianNLLLoss")]
    #[derive(Clone, Copy)]
    pub struct GaussianNll {
        /// The least variance.
        epsilon: [Float] = 1e-6,
        /// Whether the constant is added.
        full: [bool] = false,
    }
}

impl Loss for GaussianNll {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        check_setting("GaussianNll", "an epsilon of", self.epsilon, Float::MIN_POSITIVE..)?;
        let shape = prediction.value.shape();
        let expected = match shape {
            [rows @ .., both] if !rows.is_empty() && both % 2 == 0 && !prediction.value.is_empty() => {
                [rows, &[both / 2]].concat()
            }
            _ => {
                return Err(Error::shape(format!(
                    "GaussianNll: expected predictions [batch, ..., means and as many variances], got {shape:?}"
                )));
            }
        };
        if strip(&expected) != strip(target.shape()) {
            return Err(Error::shape(format!(
                "GaussianNll: expected targets {expected:?} for the means and variances {shape:?}, got {:?}",
                target.shape()
            )));
        }
        let half = shape[shape.len() - 1] / 2;
        let variances = |row: &'_ [Float]| row[half..].iter().copied().find(|v| *v < 0.0);
        if let Some(bad) = data(&prediction.value).chunks(2 * half).find_map(variances) {
            return Err(Error::value(format!(
                "GaussianNll: expected variances that are not negative in the second half of the last axis, got {bad}; \
                 give them a `Softplus`"
            )));
        }
        let (epsilon, target) = (f64::from(self.epsilon), standard(target));
        let constant = if self.full { 0.5 * TAU.ln() } else { 0.0 };
        items("GaussianNll", prediction, prediction, leading(shape), move |i, x, slope| {
            let share = 1.0 / half as f64;
            let ((means, variances), (by_mean, by_variance)) = (x.split_at(half), slope.split_at_mut(half));
            let mut sum = 0.0;
            for (k, t) in data(&target)[i * half..][..half].iter().enumerate() {
                let (d, v) = (f64::from(means[k]) - f64::from(*t), f64::from(variances[k]));
                let v = if v < epsilon { epsilon } else { v };
                sum += 0.5 * (v.ln() + d * d / v) + constant;
                by_mean[k] = (d / v * share) as Float;
                by_variance[k] = (0.5 * (1.0 / v - d * d / (v * v)) * share) as Float;
            }
            sum * share
        })
    }
}
