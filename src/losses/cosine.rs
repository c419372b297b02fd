//! Cosine of an angle.

use super::items::{items, leading, standard};
use super::probabilities::rows_and_classes;
use super::{Each, Loss, check_same_shape, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data};

described! {
    /// Cosine similarity, made negative: `mean(-Σ p t / (|p| |t|))` over the last axis; -1 where directions are equal.
    ///
    /// Lengths below 1e-7 count as that.
    ///
    /// # Shapes
    /// predictions and targets `[batch, ..., features]`
    /// # Errors
    /// other shapes
    /// # Example
    /// ```
    /// use gradus::losses::CosineSimilarity;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[3.0, 4.0], [1.0, 0.0]]));
    /// let target = ndarray::arr2(&[[6.0, 8.0], [0.0, 2.0]]).into_dyn().into_shared();
    /// assert_eq!(CosineSimilarity.loss(&y, &target)?.item(), -0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `CosineSimilarity`
    pub struct CosineSimilarity;
}

impl Loss for CosineSimilarity {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "CosineSimilarity";
        rows_and_classes(who, prediction)?;
        check_same_shape(who, prediction, target)?;
        let target = standard(target);
        items(who, prediction, prediction, leading(prediction.value.shape()), move |i, x, slope| {
            let t = &data(&target)[i * x.len()..][..x.len()];
            if let Some(axis) = infinite_axis(x) {
                slope.fill(0.0);
                return -f64::from(x[axis].signum() * t[axis]) / length_of(t).max(1e-7);
            }
            let dot: f64 = x.iter().zip(t).map(|(x, t)| f64::from(*x) * f64::from(*t)).sum();
            let (length, target_length) = (length_of(x), length_of(t).max(1e-7));
            let scale = 1.0 / (length.max(1e-7) * target_length);
            let cosine = dot * scale;
            // A vector that is too short to be divided by its length is just scaled.
            let pull = if length > 1e-7 { cosine / (length * length) } else { 0.0 };
            for ((slope, x), t) in slope.iter_mut().zip(x).zip(t) {
                *slope = (f64::from(*x) * pull - f64::from(*t) * scale) as Float;
            }
            if length.is_nan() { length } else { -cosine }
        })
    }
}

fn length_of(x: &[Float]) -> f64 {
    x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt()
}

/// The only axis along which a vector is infinite: its direction is that axis, in the limit. Several have no limit.
fn infinite_axis(x: &[Float]) -> Option<usize> {
    let axis = x.iter().position(|x| x.is_infinite())?;
    let rest_is_finite = x.iter().enumerate().all(|(i, x)| i == axis || x.is_finite());
    rest_is_finite.then_some(axis)
}
