//! Windows laid out one after the other, and put together again.

use super::names::names;
use super::window::{Window, axes, fewer_than};
use super::{Layer, Padding};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::ops::FILL;

described! {
    /// Lays out what a window covers at each of its positions, as a convolution sees it: patches, such as a vision
    /// transformer takes.
    ///
    /// [`Unfold1d`], [`Unfold2d`] and [`Unfold3d`] are its names.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, positions.., window · channels]`: of each position the cells of
    /// the window in row-major order, each with its channels. PyTorch has `[batch, channels · window, positions]`.
    /// # Defaults
    /// stride 1, dilation 1, no padding; padding is zeros
    /// # Errors
    /// an input with another number of axes; a window larger than the padded input; a size, stride or dilation of 0
    /// # Example
    /// ```
    /// use gradus::layers::Unfold2d;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 28, 28, 3)));
    /// assert_eq!(Unfold2d::new(7).strides(7).forward(&x)?.shape(), [2, 4, 4, 147]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `ops.image.extract_patches`, PyTorch `Unfold`
    #[doc(alias = "im2col")]
    #[doc(alias = "extract_patches")]
    #[derive(Clone, Copy)]
    pub struct Unfold<const N: usize> as ["Unfold1d", "Unfold2d", "Unfold3d"] (
        /// The size of the windows.
        kernel_size: [size N],
    ) {
        /// By how many cells the window moves.
        strides: [size N] = [1; N],
        /// How zeros are put around the input.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
    }
}

described! {
    /// Puts what [`Unfold`] laid out back where it was, and adds up where windows overlap.
    ///
    /// [`Fold1d`], [`Fold2d`] and [`Fold3d`] are its names.
    ///
    /// # Shapes
    /// input `[batch, positions.., window · channels]`, output `[batch, lengths.., channels]`
    /// # Defaults
    /// stride 1, dilation 1, no padding; what lies in the padding is left out
    /// # Errors
    /// an input with another number of axes, or with other positions than the window has on these lengths; a last axis that
    /// the window does not divide; a window larger than the padded output; a size, stride or dilation of 0
    /// # Example
    /// ```
    /// use gradus::layers::Fold1d;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr3(&[[[1.0, 2.0], [3.0, 4.0]]]));
    /// let y = Fold1d::new(3, 2).forward(&x)?;
    /// assert_eq!(y.value().as_slice().unwrap(), [1.0, 5.0, 4.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// PyTorch `Fold`
    #[doc(alias = "col2im")]
    #[derive(Clone, Copy)]
    pub struct Fold<const N: usize> as ["Fold1d", "Fold2d", "Fold3d"] (
        /// The lengths of the output.
        output_size: [size N],
        /// The size of the windows.
        kernel_size: [size N],
    ) {
        /// By how many cells the window moves.
        strides: [size N] = [1; N],
        /// How zeros are put around the input.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
    }
}

names! { Unfold for: 1 Unfold1d, 2 Unfold2d, 3 Unfold3d }
names! { Fold for: 1 Fold1d, 2 Fold2d, 3 Fold3d }

macro_rules! window {
    ($layer:ident) => {
        impl<const N: usize> $layer<N> {
            fn window(&self) -> Window<'_> {
                let padding = self.padding.edges();
                Window { size: &self.kernel_size, stride: &self.strides, dilation: &self.dilation_rate, padding }
            }
        }
    };
}
window!(Unfold);
window!(Fold);

impl Window<'_> {
    /// The positions on an input of these lengths, and for each one the cells under the window: numbers of the input's
    /// cells in row-major order, [`FILL`] for padding.
    fn cells(&self, input: &[usize]) -> Result<(Vec<usize>, Vec<usize>)> {
        let n = input.len();
        let (padding, positions) = self.place(input, false)?;
        let lens = [&positions[..], self.size].concat();
        fewer_than(32, "cells under all windows", &lens)?;
        let under = |axis: usize, position: usize, place: usize| {
            let at = (position * self.stride[axis] + place * self.dilation[axis]).checked_sub(padding[axis][0]);
            at.filter(|at| *at < input[axis])
        };
        let mut cells = Vec::new();
        let mut index = vec![0; 2 * n];
        for _ in 0..lens.iter().product() {
            let cell =
                (0..n).try_fold(0, |cell, axis| Some(cell * input[axis] + under(axis, index[axis], index[n + axis])?));
            cells.push(cell.unwrap_or(FILL));
            for axis in (0..2 * n).rev() {
                index[axis] += 1;
                if index[axis] < lens[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok((positions, cells))
    }

    fn unfold(&self, x: &Var) -> Result<Var> {
        let (batch, input, channels) = axes(x.value.shape(), self.size.len())?;
        let (positions, cells) = self.cells(input)?;
        let patch = self.size.iter().product::<usize>().saturating_mul(channels);
        let shape = [&[batch], &positions[..], &[patch]].concat();
        fewer_than(36, "numbers in the output", &shape)?;
        let flat = x.reshape(&[batch, input.iter().product(), channels])?.without_mask();
        flat.pick(1, cells, 0.0).reshape(&shape)
    }

    fn fold(&self, x: &Var, output: &[usize]) -> Result<Var> {
        let (batch, given, patch) = axes(x.value.shape(), self.size.len())?;
        let (positions, cells) = self.cells(output)?;
        let size: usize = self.size.iter().product();
        if given != positions || !patch.is_multiple_of(size) {
            return Err(Error::shape(format!(
                "expected windows at the positions {positions:?}, with {size} cells of some channels each, got input {:?}",
                x.value.shape()
            )));
        }
        let (channels, total) = (patch / size, output.iter().product());
        let shape = [&[batch], output, &[channels]].concat();
        fewer_than(36, "numbers in the output", &shape)?;
        let flat = x.reshape(&[batch, cells.len(), channels])?.without_mask();
        flat.put(1, cells, total).reshape(&shape)
    }
}

impl<const N: usize> Layer for Unfold<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.window().unfold(x)
    }
}

impl<const N: usize> Layer for Fold<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.window().fold(x, &self.output_size)
    }
}
