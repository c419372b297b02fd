//! Mean errors, as metrics.

use super::{Mean, Metric, check_same_shape, gathers, weights_of};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Tensor;

macro_rules! mean_error {
    ($(#[$doc:meta])* $name:ident, $label:literal, $term:expr, $finish:expr) => {
        described! {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name {}
            private { mean: Mean = Mean::default(), }
        }

        impl $name {
            fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
                check_same_shape(stringify!($name), prediction, target)?;
                let weight = weights_of(stringify!($name), weights, prediction.len())?;
                let term: fn(f64) -> f64 = $term;
                let terms = prediction.iter().zip(target).map(|(p, t)| term(f64::from(p - t)));
                terms.enumerate().for_each(|(i, term)| self.mean.add(term, weight(i)));
                Ok(())
            }
        }

        impl Metric for $name {
            config!();

            fn name(&self) -> String {
                $label.into()
            }

            gathers!(stringify!($name), mean, Lower);

            fn result(&self) -> f64 {
                let finish: fn(f64) -> f64 = $finish;
                finish(self.mean.result())
            }
        }
    };
}

mean_error! {
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
    MeanAbsolute, "mean_absolute_error", f64::abs, |mean| mean
}

mean_error! {
    /// Mean squared error over all numbers; a trailing axis of length 1 may be missing on one side.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut error = MeanSquared::default();
    /// let tensor = |x: [Float; 2]| ndarray::arr1(&x).into_dyn().into_shared();
    /// error.update(&tensor([1.0, 2.0]), &tensor([1.0, 5.0]))?;
    /// assert_eq!((error.name().as_str(), error.result()), ("mean_squared_error", 4.5));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "MeanSquaredError")]
    MeanSquared, "mean_squared_error", |d| d * d, |mean| mean
}

mean_error! {
    /// Root of the mean squared error over all numbers; a trailing axis of length 1 may be missing on one side.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut error = RootMeanSquared::default();
    /// let tensor = |x: [Float; 2]| ndarray::arr1(&x).into_dyn().into_shared();
    /// error.update(&tensor([1.0, 2.0]), &tensor([2.0, 9.0]))?;
    /// assert_eq!((error.name().as_str(), error.result()), ("root_mean_squared_error", 5.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "RootMeanSquaredError")]
    RootMeanSquared, "root_mean_squared_error", |d| d * d, f64::sqrt
}
