//! Larger sequences, images and volumes by repeating or interpolating.

use super::Layer;
use super::interpolation::{Interpolation, Resampling};
use super::names::names;
use super::window::{at_least_1, axes};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::Result;

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

impl<const N: usize> Layer for UpSample<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let (_, input, _) = axes(x.value.shape(), N)?;
        at_least_1("factor", &self.size)?;
        let longer: [usize; N] = std::array::from_fn(|axis| input[axis].saturating_mul(self.size[axis]));
        Resampling { interpolation: self.interpolation, align_corners: self.align_corners, antialias: false }.run(
            x,
            &longer,
            &self.size.map(|factor| 1.0 / factor as f64),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::Tape;

    #[test]
    fn interpolates_as_defined() {
        let x = Tape::inference().input(ndarray::arr3(&[[[0.0], [4.0]]]));
        let up = |interpolation, aligned| {
            let y = UpSample1d::new(2).interpolation(interpolation).align_corners(aligned).forward(&x).unwrap();
            y.value().iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(up(Interpolation::Nearest, false), [0.0, 0.0, 4.0, 4.0]);
        assert_eq!(up(Interpolation::Linear, false), [0.0, 1.0, 3.0, 4.0]);
        let aligned = up(Interpolation::Linear, true);
        assert!((aligned[1] - 4.0 / 3.0).abs() < 1e-6 && aligned[3] == 4.0, "{aligned:?}");
    }

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
