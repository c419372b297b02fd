//! Losses on the overlap of areas, for segmentation.

use super::items::{items, standard};
use super::{Each, Loss, check_same_shape, check_setting, check_targets};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data};

described! {
    /// Dice loss: `1 - 2 Σ p t / (Σ p + Σ t + 1e-7)`.
    ///
    /// # Shapes
    /// predictions (probabilities) and targets alike, `[batch, ...]`
    /// # Defaults
    /// one overlap of the batch as a whole, as in Keras; [`Dice::per_example`] makes it a mean over examples, which can be
    /// weighed, and run in parts
    /// # Errors
    /// other shapes; targets outside of 0 to 1; infinite predictions
    /// # Example
    /// ```
    /// use gradus::losses::Dice;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[0.5, 0.5, 0.0]]));
    /// let target = ndarray::arr2(&[[1.0, 0.0, 0.0]]).into_dyn().into_shared();
    /// assert_eq!(Dice::default().loss(&y, &target)?.item(), 0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Milletari, Navab & Ahmadi 2016; Keras `Dice`
    #[doc(alias = "DiceLoss")]
    #[derive(Clone, Copy)]
    pub struct Dice {
        /// Whether the sums are of each example for itself, and not of the whole batch.
        per_example: [bool] = false,
    }
}

impl Loss for Dice {
    config!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        overlap("Dice", self.per_example, prediction, target, |[both, p, t]| {
            let all = p + t + 1e-7;
            (2.0 * both / all, [2.0 / all, -2.0 * both / (all * all)])
        })
    }

    fn per_example(&self) -> bool {
        self.per_example
    }
}

described! {
    /// Tversky loss: `1 - Σ p t / (Σ p t + alpha Σ (1 - p) t + beta Σ p (1 - t) + 1e-7)`: alpha weighs what was missed, beta
    /// what was found where there is nothing.
    ///
    /// # Shapes
    /// predictions (probabilities) and targets alike, `[batch, ...]`
    /// # Defaults
    /// alpha and beta 0.5, which is [`Dice`]; one overlap of the batch as a whole, as in Keras
    /// # Errors
    /// other shapes; targets outside of 0 to 1; infinite predictions; a negative alpha or beta
    /// # Example
    /// ```
    /// use gradus::losses::Tversky;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[0.5, 0.5, 0.0]]));
    /// let target = ndarray::arr2(&[[1.0, 0.0, 0.0]]).into_dyn().into_shared();
    /// let loss = Tversky::new(0.75, 0.25).loss(&y, &target)?.item();
    /// assert!((loss - 0.5).abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Salehi, Erdogmus & Gholipour 2017; Keras `Tversky`
    #[derive(Clone, Copy)]
    pub struct Tversky(
        /// What false negatives weigh.
        alpha: [Float] = 0.5,
        /// What false positives weigh.
        beta: [Float] = 0.5,
    ) {
        /// Whether the sums are of each example for itself, and not of the whole batch.
        per_example: [bool] = false,
    }
}

impl Loss for Tversky {
    config!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        check_setting("Tversky", "an alpha of", self.alpha, 0.0..)?;
        check_setting("Tversky", "a beta of", self.beta, 0.0..)?;
        let (alpha, beta) = (f64::from(self.alpha), f64::from(self.beta));
        overlap("Tversky", self.per_example, prediction, target, move |[both, p, t]| {
            let all = both + alpha * (t - both) + beta * (p - both) + 1e-7;
            let by_both = 1.0 / all - both * (1.0 - alpha - beta) / (all * all);
            (both / all, [by_both, -both * beta / (all * all)])
        })
    }

    fn per_example(&self) -> bool {
        self.per_example
    }
}

/// `1 - index`, where `index` takes `Σ p t`, `Σ p` and `Σ t`, and gives the index and its slopes by the first two.
fn overlap(
    who: &str,
    per_example: bool,
    prediction: &Var,
    target: &Tensor,
    index: impl Fn([f64; 3]) -> (f64, [f64; 2]) + Sync + 'static,
) -> Result<Each> {
    check_same_shape(who, prediction, target)?;
    check_targets(who, target, "targets from 0 to 1", |t| (0.0..=1.0).contains(&t))?;
    if let Some(bad) = prediction.value.iter().find(|p| p.is_infinite()) {
        return Err(Error::value(format!(
            "{who}: expected probabilities, got {bad} among the predictions; end the model with `Sigmoid` or `Softmax`"
        )));
    }
    let target = standard(target);
    let count = usize::from(per_example).min(prediction.value.shape().len());
    items(who, prediction, prediction, &prediction.value.shape()[..count], move |i, x, slope| {
        let t = &data(&target)[i * x.len()..][..x.len()];
        let mut sums = [0.0; 3];
        for (x, t) in x.iter().zip(t) {
            let (x, t) = (f64::from(*x), f64::from(*t));
            [x * t, x, t].iter().zip(&mut sums).for_each(|(term, sum)| *sum += term);
        }
        let (index, [by_both, by_p]) = index(sums);
        slope.iter_mut().zip(t).for_each(|(slope, t)| *slope = -(by_both * f64::from(*t) + by_p) as Float);
        1.0 - index
    })
}
