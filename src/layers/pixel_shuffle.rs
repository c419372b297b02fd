//! Channels turned into pixels, and back.

use super::Layer;
use super::window::{at_least_1, axes};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};

described! {
    /// Turns channels into pixels: channel `c · factor² + i · factor + j` becomes pixel `(i, j)` of a block of channel `c`.
    ///
    /// # Shapes
    /// input `[batch, height, width, channels · factor²]`, output `[batch, height · factor, width · factor, channels]`
    /// # Errors
    /// an input of other than four axes; channels that `factor²` does not divide; a factor of 0
    /// # Example
    /// ```
    /// use gradus::layers::PixelShuffle;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::zeros((2, 5, 7, 12)));
    /// assert_eq!(PixelShuffle::new(2).forward(&x)?.shape(), [2, 10, 14, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Shi et al. 2016; PyTorch `PixelShuffle`
    #[derive(Clone, Copy)]
    pub struct PixelShuffle(
        /// By how much images get larger in both directions.
        factor: [usize],
    ) {}
}

described! {
    /// Turns pixels into channels: pixel `(i, j)` of a block of channel `c` becomes channel `c · factor² + i · factor + j`.
    ///
    /// # Shapes
    /// input `[batch, height · factor, width · factor, channels]`, output `[batch, height, width, channels · factor²]`
    /// # Errors
    /// an input of other than four axes; a height or width that the factor does not divide; a factor of 0
    /// # Example
    /// ```
    /// use gradus::layers::PixelUnshuffle;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::zeros((2, 10, 14, 3)));
    /// assert_eq!(PixelUnshuffle::new(2).forward(&x)?.shape(), [2, 5, 7, 12]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// PyTorch `PixelUnshuffle`
    #[derive(Clone, Copy)]
    pub struct PixelUnshuffle(
        /// By how much images get smaller in both directions.
        factor: [usize],
    ) {}
}

impl Layer for PixelShuffle {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let (batch, lengths, channels) = axes(x.value.shape(), 2)?;
        let [height, width] = [lengths[0], lengths[1]];
        let f = self.factor;
        at_least_1("factor", &[f])?;
        let Some(after) =
            f.checked_mul(f).filter(|block| channels.is_multiple_of(*block)).map(|block| channels / block)
        else {
            return Err(Error::shape(format!("expected channels that {f}² divides, got input {:?}", x.value.shape())));
        };
        let split = x.reshape(&[batch, height, width, after, f, f])?;
        split.permute(&[0, 1, 4, 2, 5, 3])?.reshape(&[batch, height * f, width * f, after])
    }
}

impl Layer for PixelUnshuffle {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let (batch, lengths, channels) = axes(x.value.shape(), 2)?;
        let [height, width] = [lengths[0], lengths[1]];
        let f = self.factor;
        at_least_1("factor", &[f])?;
        if !height.is_multiple_of(f) || !width.is_multiple_of(f) {
            let shape = x.value.shape();
            return Err(Error::shape(format!("expected height and width that {f} divides, got input {shape:?}")));
        }
        let split = x.reshape(&[batch, height / f, f, width / f, f, channels])?;
        split.permute(&[0, 1, 3, 5, 2, 4])?.reshape(&[batch, height / f, width / f, channels * f * f])
    }
}
