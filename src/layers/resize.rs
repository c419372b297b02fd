//! Sequences, images and volumes of another size: resized, or made longer by whole factors.

use super::interpolation::{Interpolation, Resampling};
use super::names::names;
use super::window::{at_least_1, axes};
use super::{Layer, Size};
use crate::autograd::Var;
use crate::config::{Config, Registry, Setting, Value, config, described, expected};
use crate::error::{Error, Result};

described! {
    /// Brings the `N` axes between batch and channels to another length, longer or shorter.
    ///
    /// [`Resize1d`], [`Resize2d`] and [`Resize3d`] are its names.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, new lengths.., channels]`; by factors, each new length is
    /// `⌊length · factor⌋`
    /// # Defaults
    /// the nearest cell, centres of cells in the same places, no antialiasing
    /// # Errors
    /// an input with another number of axes, or without cells; a new length of 0; a factor that is not above 0; aligned
    /// corners or antialiasing of the nearest cell, or both at once
    /// # Example
    /// ```
    /// use gradus::layers::{Interpolation, Resize2d};
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 5, 7, 3)));
    /// let layer = Resize2d::new([8, 4]).interpolation(Interpolation::Cubic);
    /// assert_eq!(layer.forward(&x)?.shape(), [2, 8, 4, 3]);
    /// assert_eq!(Resize2d::by([1.5, 0.4]).forward(&x)?.shape(), [2, 7, 2, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Resizing`, PyTorch `interpolate`; Keys 1981 for cubic convolution
    #[doc(alias = "Resizing")]
    #[doc(alias = "interpolate")]
    #[derive(Clone, Copy)]
    pub struct Resize<const N: usize> as ["Resize1d", "Resize2d", "Resize3d"] (
        /// The new lengths, or the factors to them.
        to: [into ResizeTo<N>],
    ) {
        /// What is put between two cells.
        interpolation: [Interpolation] = Interpolation::Nearest,
        /// Whether the first and last cells of input and output are in one place, as PyTorch's `align_corners` has it.
        align_corners: [bool] = false,
        /// Whether, where axes get shorter, more cells take part, so that none is skipped.
        antialias: [bool] = false,
    }
}

/// What [`Resize`] makes of an input: lengths, which a number or one for each direction turns into, or factors.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ResizeTo<const N: usize> {
    /// These lengths.
    Lengths([usize; N]),
    /// The old lengths times these factors, rounded down. Places follow from the factors, as in PyTorch without
    /// `recompute_scale_factor`, though the new lengths are whole.
    Factors([f64; N]),
}

impl<const N: usize, S: Size<N>> From<S> for ResizeTo<N> {
    fn from(lengths: S) -> Self {
        Self::Lengths(lengths.sizes())
    }
}

impl<const N: usize> Setting for ResizeTo<N> {
    fn to_value(&self) -> Value {
        match self {
            Self::Lengths(lengths) => Value::Config(Config::new("Lengths").with("lengths", lengths)),
            Self::Factors(factors) => Value::Config(Config::new("Factors").with("factors", factors)),
        }
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        let config = value.as_config()?;
        match (config.kind(), config.get("lengths"), config.get("factors")) {
            ("Lengths", Some(lengths), None) => Setting::from_value(lengths, registry).map(Self::Lengths),
            ("Factors", None, Some(factors)) => Setting::from_value(factors, registry).map(Self::Factors),
            _ => Err(expected("`Lengths` or `Factors`", value)),
        }
    }
}

names! { Resize for: 1 Resize1d, 2 Resize2d, 3 Resize3d }

impl<const N: usize> Resize<N> {
    /// Creates the layer from factors, one for each direction; see [`ResizeTo::Factors`].
    #[doc(alias = "scale_factor")]
    pub fn by(factors: [f64; N]) -> Self {
        Self::new(ResizeTo::Factors(factors))
    }
}

described! {
    /// Makes the `N` axes between batch and channels longer by whole factors; [`Resize`](super::Resize) does it by any.
    ///
    /// [`UpSample1d`], [`UpSample2d`] and [`UpSample3d`] are its names.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, length · factor.., channels]`
    /// # Defaults
    /// the nearest cell
    /// # Errors
    /// an input with another number of axes, or without cells; a factor of 0; aligned corners of the nearest cell
    /// # Example
    /// ```
    /// use gradus::layers::Interpolation;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 5, 5, 3)));
    /// assert_eq!(UpSample2d::new([2, 3]).forward(&x)?.shape(), [2, 10, 15, 3]);
    /// let bilinear = UpSample2d::new(2).interpolation(Interpolation::Linear);
    /// assert_eq!(bilinear.forward(&x)?.item(), 1.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `UpSampling2D`, PyTorch `Upsample`
    #[doc(alias = "Upsample")]
    #[derive(Clone, Copy)]
    pub struct UpSample<const N: usize> as ["UpSample1d", "UpSample2d", "UpSample3d"] (
        /// The factors.
        size: [size N],
    ) {
        /// What is put between two cells.
        interpolation: [Interpolation] = Interpolation::Nearest,
        /// Whether the first and last cells of input and output are in one place, as PyTorch's `align_corners` has it.
        align_corners: [bool] = false,
    }
}

names! { UpSample for: 1 UpSample1d "UpSampling1D", 2 UpSample2d "UpSampling2D", 3 UpSample3d "UpSampling3D" }

impl<const N: usize> Layer for Resize<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let Self { interpolation, align_corners, antialias, .. } = *self;
        let resampling = Resampling { interpolation, align_corners, antialias };
        match &self.to {
            ResizeTo::Lengths(lengths) => to(x, &resampling, lengths),
            ResizeTo::Factors(factors) => by(x, &resampling, factors),
        }
    }
}

impl<const N: usize> Layer for UpSample<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        at_least_1("factor", &self.size)?;
        let Self { interpolation, align_corners, .. } = *self;
        by(x, &Resampling { interpolation, align_corners, antialias: false }, &self.size.map(|factor| factor as f64))
    }
}

/// Resamples to these lengths.
fn to(x: &Var, resampling: &Resampling, lengths: &[usize]) -> Result<Var> {
    let (_, input, _) = axes(x.value.shape(), lengths.len())?;
    at_least_1("length", lengths)?;
    let steps: Vec<f64> = input.iter().zip(lengths).map(|(old, new)| *old as f64 / *new as f64).collect();
    resampling.run(x, lengths, &steps)
}

/// Resamples by these factors.
fn by(x: &Var, resampling: &Resampling, factors: &[f64]) -> Result<Var> {
    let (_, input, _) = axes(x.value.shape(), factors.len())?;
    let lengths: Vec<usize> = input.iter().zip(factors).map(|(len, by)| (*len as f64 * by).floor() as usize).collect();
    if factors.iter().any(|factor| !factor.is_finite() || *factor <= 0.0) || lengths.contains(&0) {
        return Err(Error::value(format!(
            "expected factors above 0 that leave at least one cell, got {factors:?} for input {:?}",
            x.value.shape()
        )));
    }
    let steps: Vec<f64> = factors.iter().map(|factor| 1.0 / factor).collect();
    resampling.run(x, &lengths, &steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::Tape;

    /// Of the last cell there is no next one.
    #[test]
    fn one_cell_is_repeated() {
        let x = Tape::inference().input(ndarray::arr3(&[[[3.0]]]));
        for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
            let y = UpSample1d::new(3).interpolation(interpolation).forward(&x).unwrap();
            assert_eq!(y.value().as_slice().unwrap(), [3.0; 3]);
        }
    }
}
