//! Maxima put back where they were.

use super::names::names;
use super::window::{Edges, Window, axes, fewer_than};
use super::{Layer, Padding};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

described! {
    /// Puts the maxima of a [`MaxPool`](super::MaxPool) back where they were, and zeros elsewhere.
    ///
    /// [`MaxUnpool1d`], [`MaxUnpool2d`] and [`MaxUnpool3d`] are its names. It takes what
    /// [`MaxPool::forward_with_indices`](super::MaxPool::forward_with_indices) gives.
    ///
    /// # Shapes
    /// inputs: maxima `[batch, lengths.., channels]` and indices of the same shape; output `[batch, lengths'.., channels]`
    /// # Defaults
    /// stride as large as the window, dilation 1, no padding, the least lengths that give these windows
    /// # Errors
    /// inputs with another number of axes, or of two shapes; an index that is not whole or out of range; padding `Same` or
    /// `Causal` without [`MaxUnpool::output_size`]; a size, stride or dilation of 0
    /// # Example
    /// ```
    /// use gradus::layers::MaxUnpool1d;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr3(&[[[1.0], [5.0], [7.0], [3.0]]]));
    /// let y = MaxUnpool1d::new(2).forward(&MaxPool1d::new(2).forward_with_indices(&x)?)?;
    /// assert_eq!(y.value().as_slice().unwrap(), [0.0, 5.0, 7.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Zeiler & Fergus 2014; PyTorch `MaxUnpool1d` and so on
    #[derive(Clone, Copy)]
    pub struct MaxUnpool<const N: usize> as ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"] (
        /// The size of the windows.
        pool_size: [size N],
    ) {
        /// By how many cells the window moves; by its own size without a setting.
        strides: [sizes N] = None,
        /// What was put around the input of the pooling.
        padding: [Padding<N>] = Padding::Valid,
        /// The distance between the window's cells.
        dilation_rate: [size N] = [1; N],
        /// The lengths of the output: those of the input of the pooling, where they do not follow from the windows.
        output_size: [sizes N] = None,
    }
}

names! { MaxUnpool for: 1 MaxUnpool1d, 2 MaxUnpool2d, 3 MaxUnpool3d }

/// The least lengths that give this many windows.
fn lengths(window: &Window<'_>, input: &[usize]) -> Result<Vec<usize>> {
    let padding = match window.padding {
        Edges::Valid => &[[0; 2]; 3][..input.len()],
        Edges::Explicit(cells) => cells,
        other => {
            let wrong = "expected padding Valid or Explicit, or lengths set by `output_size`";
            return Err(Error::value(format!("{wrong}, got {other:?}")));
        }
    };
    let length = |i: usize| {
        let covered = (input[i].saturating_sub(1)).saturating_mul(window.stride[i]);
        let padded = padding[i][0].saturating_add(padding[i][1]);
        covered.saturating_add(window.reach(i)).saturating_sub(padded)
    };
    Ok((0..input.len()).map(length).collect())
}

fn unpool(window: &Window<'_>, output_size: Option<&[usize]>, x: &Var, indices: &Var) -> Result<Var> {
    let (batch, input, channels) = axes(x.value.shape(), window.size.len())?;
    if indices.value.shape() != x.value.shape() {
        let (x, indices) = (x.value.shape(), indices.value.shape());
        return Err(Error::shape(format!("expected an index for each of the maxima {x:?}, got indices {indices:?}")));
    }
    window.check()?;
    let lengths = match output_size {
        Some(lengths) => lengths.to_vec(),
        None => lengths(window, input)?,
    };
    let shape = [&[batch], &lengths[..], &[channels]].concat();
    fewer_than(36, "numbers in the output", &shape)?;
    let [from, to] = [input, &lengths].map(|lengths| [batch, lengths.iter().product(), channels]);
    let empty = x.tape().examples(Tensor::zeros(to.as_slice()));
    let y = empty.scatter(&indices.reshape(&from)?, &x.reshape(&from)?, 1)?;
    y.without_mask().reshape(&shape)
}

impl<const N: usize> Layer<(Var, Var)> for MaxUnpool<N> {
    config!();

    fn forward(&self, (x, indices): &(Var, Var)) -> Result<Var> {
        let (size, dilation, padding) = (&self.pool_size, &self.dilation_rate, self.padding.edges());
        let window = Window { size, stride: self.strides.as_ref().unwrap_or(size), dilation, padding };
        unpool(&window, self.output_size.as_ref().map(|lengths| &lengths[..]), x, indices)
    }
}
