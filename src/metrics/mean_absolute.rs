//! Mean absolute error, as a metric.

use super::{Mean, Metric};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Mean absolute error over all numbers; a trailing axis of length 1 may be missing on one side.
///
/// ```
/// use gradus::prelude::*;
/// let mut error = MeanAbsolute::default();
/// let tensor = |x: [Float; 2]| ndarray::arr1(&x).into_dyn().into_shared();
/// error.update(&tensor([1.0, 2.0]), &tensor([1.0, 5.0]))?;
/// assert_eq!((error.name().as_str(), error.result()), ("mean_absolute_error", 1.5));
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "MeanAbsoluteError")]
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanAbsolute {
    mean: Mean,
}

impl Metric for MeanAbsolute {
    fn name(&self) -> String {
        "mean_absolute_error".into()
    }

    fn reset(&mut self) {
        self.mean = Mean::default();
    }

    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        let (p, t) = (prediction.shape(), target.shape());
        if !(p == t || [p, &[1]].concat() == t || p == [t, &[1]].concat()) {
            return Err(Error::shape(format!(
                "MeanAbsolute: expected targets of the predictions' shape {p:?}, got {t:?}"
            )));
        }
        prediction.iter().zip(target).for_each(|(p, t)| self.mean.add(f64::from((p - t).abs()), 1.0));
        Ok(())
    }

    fn result(&self) -> f64 {
        self.mean.result()
    }
}
