//! Pooling of sequences, images and volumes by sliding windows.

use super::names::names;
use super::pool_op::{self, Pooling};
use super::window::{Edges, Window};
use super::{Layer, Padding};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::Result;

described! {
    /// The greatest number in each window over `N` axes, for each channel; its gradient goes to the first maximum. Padding
    /// never wins.
    ///
    /// [`MaxPool1d`], [`MaxPool2d`] and [`MaxPool3d`] are its names.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, lengths'.., channels]`
    /// # Defaults
    /// stride as large as the window, dilation 1, no padding, windows that end inside
    /// # Errors
    /// an input with another number of axes; a window larger than the padded input; padding that is not smaller than the
    /// window; a size, stride or dilation of 0
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array3::<f32>::ones((2, 11, 4)));
    /// assert_eq!(MaxPool1d::new(2).forward(&x)?.shape(), [2, 5, 4]);
    /// assert_eq!(MaxPool1d::new(2).ceil_mode(true).forward(&x)?.shape(), [2, 6, 4]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `MaxPooling1D` and so on, PyTorch `MaxPool1d` and so on
    #[derive(Clone, Copy)]
    pub struct MaxPool<const N: usize> as ["MaxPool1d", "MaxPool2d", "MaxPool3d"] (
        /// The size of the windows.
        pool_size: [size N],
    ) {
        /// By how many cells the window moves; by its own size without a setting.
        strides: [sizes N] = None,
        /// What is put around the input.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
        /// Whether a window that starts inside may end outside, as in PyTorch's ceil mode.
        ceil_mode: [bool] = false,
    }
}

described! {
    /// The mean of each window over `N` axes, for each channel.
    ///
    /// [`AvgPool1d`], [`AvgPool2d`] and [`AvgPool3d`] are its names.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, lengths'.., channels]`
    /// # Defaults
    /// stride as large as the window, dilation 1, no padding, windows that end inside; padding is left out of the mean, as in
    /// Keras
    /// # Errors
    /// an input with another number of axes; a window larger than the padded input; padding that is not smaller than the
    /// window; a size, stride or dilation of 0
    /// # Example
    /// ```
    /// use gradus::layers::AvgPool1d;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array3::<f32>::ones((2, 11, 4)));
    /// assert_eq!(AvgPool1d::new(3).strides(2).forward(&x)?.shape(), [2, 5, 4]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `AveragePooling1D` and so on, PyTorch `AvgPool1d` and so on (which count padding by default)
    #[derive(Clone, Copy)]
    pub struct AvgPool<const N: usize> as ["AvgPool1d", "AvgPool2d", "AvgPool3d"] (
        /// The size of the windows.
        pool_size: [size N],
    ) {
        /// By how many cells the window moves; by its own size without a setting.
        strides: [sizes N] = None,
        /// What is put around the input.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
        /// Whether a window that starts inside may end outside, as in PyTorch's ceil mode.
        ceil_mode: [bool] = false,
        /// Whether padding counts as zeros in the mean, as in PyTorch.
        count_padding: [bool] = false,
    }
}

names! {
    MaxPool: "Max pooling", output "channels";
    1 MaxPool1d "MaxPooling1D", ", PyTorch `MaxPool1d`": "(2, 10, 4)" { "MaxPool1d::new(2)" => "[2, 5, 4]" }
    2 MaxPool2d "MaxPooling2D", ", PyTorch `MaxPool2d`": "(2, 11, 11, 64)" {
        "MaxPool2d::new(2)" => "[2, 5, 5, 64]",
        "MaxPool2d::new(3).strides(2).padding(Padding::Same)" => "[2, 6, 6, 64]"
    }
    3 MaxPool3d "MaxPooling3D", ", PyTorch `MaxPool3d`": "(2, 4, 6, 6, 3)" { "MaxPool3d::new([1, 2, 2])" => "[2, 4, 3, 3, 3]" }
}

names! {
    AvgPool: "Average pooling", output "channels";
    1 AvgPool1d "AveragePooling1D", ", PyTorch `AvgPool1d`": "(2, 10, 4)" { "AvgPool1d::new(2)" => "[2, 5, 4]" }
    2 AvgPool2d "AveragePooling2D", ", PyTorch `AvgPool2d`": "(2, 11, 11, 64)" {
        "AvgPool2d::new(2)" => "[2, 5, 5, 64]",
        "AvgPool2d::new(3).padding(Padding::Same)" => "[2, 4, 4, 64]"
    }
    3 AvgPool3d "AveragePooling3D", ", PyTorch `AvgPool3d`": "(2, 4, 6, 6, 3)" { "AvgPool3d::new(2)" => "[2, 2, 3, 3, 3]" }
}

macro_rules! window {
    ($layer:ident) => {
        impl<const N: usize> $layer<N> {
            fn window(&self) -> Window<'_> {
                let (size, dilation, padding) = (&self.pool_size, &self.dilation_rate, self.padding.edges());
                Window { size, stride: self.strides.as_ref().unwrap_or(size), dilation, padding }
            }
        }
    };
}
window!(MaxPool);
window!(AvgPool);

impl<const N: usize> MaxPool<N> {
    /// The window over an image, if its places touch each other and stay inside.
    fn tiles(&self) -> Option<[usize; 2]> {
        let Window { size, stride, dilation, padding } = self.window();
        let &[height, width] = size else { return None };
        let plain = padding == Edges::Valid && dilation == [1, 1] && stride == size && !self.ceil_mode;
        (plain && (1..=256).contains(&height.saturating_mul(width))).then_some([height, width])
    }

    /// Returns the maxima, and where they are: the number of the cell in its input, all axes laid one after the other.
    /// [`MaxUnpool`](super::MaxUnpool) takes both.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr3(&[[[1.0], [5.0], [7.0], [3.0]]]));
    /// let (y, indices) = MaxPool1d::new(2).forward_with_indices(&x)?;
    /// assert_eq!(y.value().as_slice().unwrap(), [5.0, 7.0]);
    /// assert_eq!(indices.value().as_slice().unwrap(), [1.0, 2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// those of the layer; an input with more than 2^24 cells, which indices cannot count; a window of padding only
    #[doc(alias = "return_indices")]
    pub fn forward_with_indices(&self, x: &Var) -> Result<(Var, Var)> {
        pool_op::maxima(x, N, &|input| self.window().spans(input, self.ceil_mode, false))
    }
}

impl<const N: usize> Layer for MaxPool<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let pooling = self.tiles().map_or(Pooling::Max, Pooling::MaxOfTiles);
        pool_op::run(pooling, x, N, true, &|input| self.window().spans(input, self.ceil_mode, false))
    }
}

impl<const N: usize> Layer for AvgPool<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        pool_op::run(Pooling::Average, x, N, true, &|input| {
            self.window().spans(input, self.ceil_mode, self.count_padding)
        })
    }
}
