//! Hinge losses: a margin between right and wrong answers.

use super::cross_entropy::check_one_class;
use super::items::{items, leading, pairs, product, standard};
use super::{Each, Loss, check_same_shape, check_targets, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data};

described! {
    /// Hinge loss: `mean(max(1 - target · prediction, 0))`, with targets -1 and 1, or 0 and 1.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Errors
    /// other shapes; other targets
    /// # Example
    /// ```
    /// use gradus::losses::Hinge;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[0.5, -3.0]));
    /// let target = ndarray::arr1(&[-1.0, -1.0]).into_dyn().into_shared();
    /// assert_eq!(Hinge.loss(&y, &target)?.item(), 0.75);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Cortes & Vapnik 1995; Keras `Hinge`
    pub struct Hinge;
}

impl Loss for Hinge {
    per_example!();

    fn threshold(&self) -> Option<Float> {
        Some(0.0)
    }

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        signed("Hinge", prediction, target, |lack| (lack, 1.0))
    }
}

described! {
    /// Squared hinge loss: `mean(max(1 - target · prediction, 0)²)`, with targets -1 and 1, or 0 and 1.
    ///
    /// # Shapes
    /// prediction and target alike, `[batch, ...]`; a trailing axis of length 1 may be missing on one side
    /// # Errors
    /// other shapes; other targets
    /// # Example
    /// ```
    /// use gradus::losses::SquaredHinge;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr1(&[1.0, -3.0]));
    /// let target = ndarray::arr1(&[0.0, 0.0]).into_dyn().into_shared();
    /// assert_eq!(SquaredHinge.loss(&y, &target)?.item(), 2.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `SquaredHinge`
    pub struct SquaredHinge;
}

impl Loss for SquaredHinge {
    per_example!();

    fn threshold(&self) -> Option<Float> {
        Some(0.0)
    }

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        signed("SquaredHinge", prediction, target, |lack| (lack * lack, 2.0 * lack))
    }
}

/// A loss of what is lacking to the margin, and its slope.
fn signed(who: &str, prediction: &Var, target: &Tensor, loss: fn(f64) -> (f64, f64)) -> Result<Each> {
    check_targets(who, target, "targets of -1 and 1, or of 0 and 1", |t| t == 0.0 || t.abs() == 1.0)?;
    pairs(who, prediction, target, move |x, t| {
        let sign = if t > 0.0 { 1.0 } else { -1.0 };
        let lack = 1.0 - sign * x;
        if lack <= 0.0 {
            return (0.0, 0.0);
        }
        let (loss, slope) = loss(lack);
        (loss, -sign * slope)
    })
}

described! {
    /// Hinge loss of classes: `mean(max(wrong - right + 1, 0))`, with `right = Σ target · prediction` and
    /// `wrong = max((1 - target) · prediction)` over the classes.
    ///
    /// # Shapes
    /// predictions and one-hot targets `[batch, ..., classes]`
    /// # Errors
    /// other shapes; targets outside of 0 to 1
    /// # Example
    /// ```
    /// use gradus::losses::CategoricalHinge;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[0.5, 2.0, 1.75]]));
    /// let target = ndarray::arr2(&[[0.0, 1.0, 0.0]]).into_dyn().into_shared();
    /// assert_eq!(CategoricalHinge.loss(&y, &target)?.item(), 0.75);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Crammer & Singer 2001; Keras `CategoricalHinge`
    pub struct CategoricalHinge;
}

impl Loss for CategoricalHinge {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "CategoricalHinge";
        let (_, classes) = super::probabilities::rows_and_classes(who, prediction)?;
        check_same_shape(who, prediction, target)?;
        check_targets(who, target, "targets from 0 to 1", |t| (0.0..=1.0).contains(&t))?;
        check_one_class(who, prediction, target, classes)?;
        let target = standard(target);
        items(who, prediction, prediction, leading(prediction.value.shape()), move |i, x, slope| {
            let t = &data(&target)[i * x.len()..][..x.len()];
            let right: f64 = x.iter().zip(t).map(|(x, t)| product(f64::from(*t), f64::from(*x))).sum();
            let wrong = |k: usize| product(f64::from(1.0 - t[k]), f64::from(x[k]));
            let worst = (1..x.len()).fold(0, |worst, k| if wrong(k) > wrong(worst) { k } else { worst });
            let loss = wrong(worst) - right + 1.0;
            let active = Float::from(u8::from(loss > 0.0));
            slope.iter_mut().zip(t).for_each(|(slope, t)| *slope = -t * active);
            slope[worst] += (1.0 - t[worst]) * active;
            if loss < 0.0 { 0.0 } else { loss }
        })
    }
}
