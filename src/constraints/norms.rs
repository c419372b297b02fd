//! Bounds on the length of vectors.

use ndarray::{ArrayViewMut, Axis, IxDyn};

use super::Constraint;
use crate::tensor::Float;

/// What Keras adds to a length before it divides by it.
const EPSILON: f64 = 1e-7;

/// Multiplies each vector by a factor that depends on its length. A vector is what leads to one unit: all axes but the
/// last, or those given.
fn rescale(weights: &mut ArrayViewMut<Float, IxDyn>, axes: Option<&[usize]>, factor: impl Fn(f64) -> f64) {
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

macro_rules! axes {
    () => {
        /// Sets the axes that a vector runs over; the default is all but the last, so that each unit has its own.
        pub fn axes(mut self, axes: impl Into<Vec<usize>>) -> Self {
            self.axes = Some(axes.into());
            self
        }
    };
}

/// No vector longer than a bound.
///
/// ```
/// use gradus::prelude::*;
/// let mut kernel = ndarray::arr2(&[[3.0, 0.1], [4.0, 0.1]]).into_dyn();
/// MaxNorm::new(1.0).apply(kernel.view_mut());
/// assert!((kernel[[0, 0]] - 0.6).abs() < 1e-6 && (kernel[[0, 1]] - 0.1).abs() < 1e-6);
/// ```
///
/// Keras `MaxNorm`, whose default bound is 2 and whose axis is 0; Srebro et al. 2005.
#[derive(Clone, Debug)]
pub struct MaxNorm {
    max: Float,
    axes: Option<Vec<usize>>,
}

impl MaxNorm {
    /// With this bound.
    pub fn new(max: Float) -> Self {
        Self { max, axes: None }
    }

    axes!();
}

impl Constraint for MaxNorm {
    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        rescale(&mut weights, self.axes.as_deref(), |length| length.min(f64::from(self.max)) / (EPSILON + length));
    }
}

/// Each vector's length between two bounds, or on the way there.
///
/// ```
/// use gradus::prelude::*;
/// let mut kernel = ndarray::arr2(&[[3.0, 0.3], [4.0, 0.4]]).into_dyn();
/// MinMaxNorm::new(1.0, 2.0).apply(kernel.view_mut());
/// assert!((kernel[[0, 0]] - 1.2).abs() < 1e-6 && (kernel[[0, 1]] - 0.6).abs() < 1e-6);
/// ```
///
/// Keras `MinMaxNorm`, whose default bounds are 0 and 1.
#[derive(Clone, Debug)]
pub struct MinMaxNorm {
    min: Float,
    max: Float,
    rate: Float,
    axes: Option<Vec<usize>>,
}

impl MinMaxNorm {
    /// Between these bounds.
    pub fn new(min: Float, max: Float) -> Self {
        Self { min, max, rate: 1.0, axes: None }
    }

    /// Sets how far to go at each step, from 0 to 1; the default is 1.
    pub fn rate(mut self, rate: Float) -> Self {
        self.rate = rate;
        self
    }

    axes!();
}

impl Constraint for MinMaxNorm {
    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        rescale(&mut weights, self.axes.as_deref(), |length| {
            let [min, max, rate] = [self.min, self.max, self.rate].map(f64::from);
            let wanted = length.max(min).min(max);
            (rate * wanted + (1.0 - rate) * length) / (EPSILON + length)
        });
    }
}

/// Each vector of length 1.
///
/// ```
/// use gradus::prelude::*;
/// let mut kernel = ndarray::arr2(&[[3.0], [4.0]]).into_dyn();
/// UnitLength::new().apply(kernel.view_mut());
/// assert!((kernel[[0, 0]] - 0.6).abs() < 1e-6);
/// ```
///
/// Keras' constraint `UnitNorm`.
#[doc(alias = "UnitNorm")]
#[derive(Clone, Debug, Default)]
pub struct UnitLength {
    axes: Option<Vec<usize>>,
}

impl UnitLength {
    /// Of all vectors.
    pub fn new() -> Self {
        Self::default()
    }

    axes!();
}

impl Constraint for UnitLength {
    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        rescale(&mut weights, self.axes.as_deref(), |length| 1.0 / (EPSILON + length));
    }
}
