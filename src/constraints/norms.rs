//! Bounds on the length of vectors.

use ndarray::{ArrayViewMut, Axis, IxDyn};

use super::Constraint;
use crate::config::{config, described};
use crate::tensor::Float;

/// What Keras adds to a length before it divides by it.
const EPSILON: f64 = 1e-7;

/// Multiplies each vector by a factor that depends on its length. A vector is what leads to one unit: all axes but the
/// last, or those given.
fn rescale(weights: &mut ArrayViewMut<Float, IxDyn>, axes: Option<&[usize]>, factor: &dyn Fn(f64) -> f64) {
    let last = weights.ndim().saturating_sub(1);
    let is_inner = |axis: usize| axes.map_or(axis != last || last == 0, |axes| axes.contains(&axis));
    // Squares of `f32` overflow from 1.8e19 on.
    let mut squares = weights.mapv(|weight| f64::from(weight).powi(2));
    for axis in (0..weights.ndim()).filter(|axis| is_inner(*axis)) {
        squares = squares.sum_axis(Axis(axis)).insert_axis(Axis(axis));
    }
    let factors = squares.mapv(|square| factor(square.sqrt()));
    ndarray::Zip::from(weights).and_broadcast(&factors).for_each(|weight, factor| {
        *weight = (f64::from(*weight) * factor) as Float;
    });
}

described! {
    /// No vector longer than a bound.
    ///
    /// ```
    /// use gradus::constraints::{Constraint, MaxNorm};
    /// use gradus::prelude::*;
    /// let mut kernel = ndarray::arr2(&[[3.0, 0.1], [4.0, 0.1]]).into_dyn();
    /// MaxNorm::new(1.0).apply(kernel.view_mut());
    /// assert!((kernel[[0, 0]] - 0.6).abs() < 1e-6 && (kernel[[0, 1]] - 0.1).abs() < 1e-6);
    /// ```
    ///
    /// Keras `MaxNorm`, whose default bound is 2 and whose axis is 0; Srebro et al. 2005.
    #[derive(Clone)]
    pub struct MaxNorm(
        /// The bound.
        max_value: [Float],
    ) {
        /// The axes that a vector runs over; all but the last without a setting, so that each unit has its own.
        axes: [some Vec<usize>] = None,
    }
}

impl Constraint for MaxNorm {
    config!();

    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        rescale(&mut weights, self.axes.as_deref(), &|length| {
            length.min(f64::from(self.max_value)) / (EPSILON + length)
        });
    }
}

described! {
    /// Each vector's length between two bounds, or on the way there.
    ///
    /// ```
    /// use gradus::constraints::{Constraint, MinMaxNorm};
    /// use gradus::prelude::*;
    /// let mut kernel = ndarray::arr2(&[[3.0, 0.3], [4.0, 0.4]]).into_dyn();
    /// MinMaxNorm::new(1.0, 2.0).apply(kernel.view_mut());
    /// assert!((kernel[[0, 0]] - 1.2).abs() < 1e-6 && (kernel[[0, 1]] - 0.6).abs() < 1e-6);
    /// ```
    ///
    /// Keras `MinMaxNorm`, whose default bounds are 0 and 1.
    #[derive(Clone)]
    pub struct MinMaxNorm(
        /// The least length.
        min_value: [Float],
        /// The greatest length.
        max_value: [Float],
    ) {
        /// How far to go at each step, from 0 to 1.
        rate: [Float] = 1.0,
        /// The axes that a vector runs over; all but the last without a setting, so that each unit has its own.
        axes: [some Vec<usize>] = None,
    }
}

impl Constraint for MinMaxNorm {
    config!();

    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        rescale(&mut weights, self.axes.as_deref(), &|length| {
            let [min, max, rate] = [self.min_value, self.max_value, self.rate].map(f64::from);
            let wanted = length.max(min).min(max);
            (rate * wanted + (1.0 - rate) * length) / (EPSILON + length)
        });
    }
}

described! {
    /// Each vector of length 1.
    ///
    /// ```
    /// use gradus::constraints::{Constraint, UnitLength};
    /// use gradus::prelude::*;
    /// let mut kernel = ndarray::arr2(&[[3.0], [4.0]]).into_dyn();
    /// UnitLength::new().apply(kernel.view_mut());
    /// assert!((kernel[[0, 0]] - 0.6).abs() < 1e-6);
    /// ```
    ///
    /// Keras' constraint `UnitNorm`.
    #[doc(alias = "UnitNorm")]
    #[derive(Clone)]
    pub struct UnitLength {
        /// The axes that a vector runs over; all but the last without a setting, so that each unit has its own.
        axes: [some Vec<usize>] = None,
    }
}

impl Constraint for UnitLength {
    config!();

    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        rescale(&mut weights, self.axes.as_deref(), &|length| 1.0 / (EPSILON + length));
    }
}
