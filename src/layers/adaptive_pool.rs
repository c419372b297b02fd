//! Pooling to an output of given lengths.

use super::Layer;
use super::names::names;
use super::pool_op::{self, Pooling};
use super::window::at_least_1;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::kernels::pool::Span;

described! {
    /// The mean of windows that cut inputs of any lengths into outputs of given lengths: window `i` of an axis goes from
    /// `⌊i · input / output⌋` to `⌈(i + 1) · input / output⌉`.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, output lengths.., channels]`
    /// # Errors
    /// an input with another number of axes, or without cells; an output length of 0
    /// # Example
    /// ```
    /// use gradus::layers::AdaptiveAvgPool2d;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 9, 13, 5)));
    /// assert_eq!(AdaptiveAvgPool2d::new(6).forward(&x)?.shape(), [2, 6, 6, 5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `AdaptiveAveragePooling2D`, PyTorch `AdaptiveAvgPool2d`, and those of the other ranks
    #[derive(Clone, Copy)]
    pub struct AdaptiveAvgPool<const N: usize> as ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d"] (
        /// The lengths of the output.
        output_size: [size N],
    ) {}
}

described! {
    /// The greatest number in windows that cut inputs of any lengths into outputs of given lengths: window `i` of an axis
    /// goes from `⌊i · input / output⌋` to `⌈(i + 1) · input / output⌉`. Its gradient goes to the first maximum.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, output lengths.., channels]`
    /// # Errors
    /// an input with another number of axes, or without cells; an output length of 0
    /// # Example
    /// ```
    /// use gradus::layers::AdaptiveMaxPool2d;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 9, 13, 5)));
    /// assert_eq!(AdaptiveMaxPool2d::new([3, 1]).forward(&x)?.shape(), [2, 3, 1, 5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `AdaptiveMaxPooling2D`, PyTorch `AdaptiveMaxPool2d`, and those of the other ranks
    #[derive(Clone, Copy)]
    pub struct AdaptiveMaxPool<const N: usize> as ["AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d"] (
        /// The lengths of the output.
        output_size: [size N],
    ) {}
}

macro_rules! adaptive {
    ($layer:ident, $pooling:ident) => {
        impl<const N: usize> Layer for $layer<N> {
            fn forward(&self, x: &Var) -> Result<Var> {
                pool_op::run(Pooling::$pooling, x, N, true, &|input| spans(input, &self.output_size))
            }

            config!();
        }
    };
}
adaptive!(AdaptiveAvgPool, Average);
adaptive!(AdaptiveMaxPool, Max);

names! { AdaptiveAvgPool for:
    1 AdaptiveAvgPool1d "AdaptiveAveragePooling1D", 2 AdaptiveAvgPool2d "AdaptiveAveragePooling2D",
    3 AdaptiveAvgPool3d "AdaptiveAveragePooling3D"
}
names! { AdaptiveMaxPool for:
    1 AdaptiveMaxPool1d "AdaptiveMaxPooling1D", 2 AdaptiveMaxPool2d "AdaptiveMaxPooling2D",
    3 AdaptiveMaxPool3d "AdaptiveMaxPooling3D"
}

fn spans(input: &[usize], output: &[usize]) -> Result<Vec<Vec<Span>>> {
    at_least_1("output length", output)?;
    if input.contains(&0) {
        return Err(Error::shape(format!("expected an input with cells, got lengths {input:?}")));
    }
    super::window::fewer_than(32, "positions", output)?;
    let cut = |len: usize, windows: usize, i: usize| Span::of(i * len / windows, ((i + 1) * len).div_ceil(windows));
    let axes = input.iter().zip(output);
    Ok(axes.map(|(len, windows)| (0..*windows).map(|i| cut(*len, *windows, i)).collect()).collect())
}
