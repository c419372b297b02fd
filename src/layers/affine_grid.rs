//! The places that an affine map gives.

use super::Layer;
use super::window::{at_least_1, fewer_than};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::{Float, tensor};

described! {
    /// For each cell of an output the place in the input that an affine map gives, as
    /// [`GridSample`](super::GridSample) wants it: both together are a spatial transformer.
    ///
    /// [`AffineGrid2d`] and [`AffineGrid3d`] are its names. Places go from -1 to 1 along each axis.
    ///
    /// # Shapes
    /// input `[batch, 2, 3]` for images, whose rows give the horizontal and the vertical place from `(horizontal, vertical,
    /// 1)`, and `[batch, 3, 4]` for volumes; output `[batch, lengths.., 2]` or `[batch, lengths.., 3]`
    /// # Defaults
    /// -1 and 1 are the borders, not the centres of the outermost cells
    /// # Errors
    /// an input of another shape; a length of 0
    /// # Example
    /// ```
    /// use gradus::layers::AffineGrid2d;
    /// use gradus::prelude::*;
    /// let turned = Tape::inference().input(ndarray::arr3(&[[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]]));
    /// let grid = AffineGrid2d::new([1, 2]).forward(&turned)?;
    /// assert_eq!(grid.value().as_slice().unwrap(), [0.0, -0.5, 0.0, 0.5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Jaderberg et al. 2015; PyTorch `affine_grid`
    #[derive(Clone, Copy)]
    pub struct AffineGrid<const N: usize> as ["AffineGrid1d", "AffineGrid2d", "AffineGrid3d"] (
        /// The lengths of the output.
        lengths: [size N],
    ) {
        /// Whether -1 and 1 are the centres of the outermost cells.
        align_corners: [bool] = false,
    }
}

/// [`AffineGrid`] for images.
pub type AffineGrid2d = AffineGrid<2>;
/// [`AffineGrid`] for volumes.
pub type AffineGrid3d = AffineGrid<3>;

/// `[cells, axes + 1]`: the place of each cell in the output, the last axis first, and 1.
fn places(lengths: &[usize], align_corners: bool) -> Vec<Float> {
    let cells: usize = lengths.iter().product();
    let mut places = Vec::with_capacity(cells * (lengths.len() + 1));
    for cell in 0..cells {
        let mut rest = cell;
        for len in lengths.iter().rev() {
            let (i, len) = ((rest % len) as f64, *len as f64);
            rest /= len as usize;
            places.push(match align_corners {
                true if len == 1.0 => 0.0,
                true => 2.0 * i / (len - 1.0) - 1.0,
                false => (2.0 * i + 1.0) / len - 1.0,
            } as Float);
        }
        places.push(1.0);
    }
    places
}

fn grid(x: &Var, lengths: &[usize], align_corners: bool) -> Result<Var> {
    let n = lengths.len();
    let batch = match *x.value.shape() {
        [batch, rows, columns] if [rows, columns] == [n, n + 1] => batch,
        ref other => return Err(Error::shape(format!("expected maps [batch, {n}, {}], got {other:?}", n + 1))),
    };
    at_least_1("length", lengths)?;
    fewer_than(36, "numbers in the output", &[&[batch, n], lengths].concat())?;
    let cells = lengths.iter().product();
    let places = x.tape().constant(tensor(&[cells, n + 1], places(lengths, align_corners)));
    let y = places.matmul(&x.clone().without_mask().transpose()?)?;
    y.reshape(&[&[batch], lengths, &[n]].concat())
}

impl<const N: usize> Layer for AffineGrid<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        grid(x, &self.lengths, self.align_corners)
    }
}
