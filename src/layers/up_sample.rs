//! Larger sequences, images and volumes by repeating or interpolating.

use super::window::{at_least_1, axes, fewer_than};
use super::{Layer, Size};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// What [`UpSample`] puts between two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest cell: each is repeated.
    #[default]
    Nearest,
    /// A mean of the neighbours by their distance, in each direction: bilinear for images. Cells have their numbers at
    /// their centres, as in Keras and in PyTorch without `align_corners`.
    Linear,
    /// The same, with the corners of input and output in one place: PyTorch's `align_corners`.
    LinearAligned,
}

/// Makes the `N` axes between batch and channels longer by whole factors.
///
/// [`UpSample1d`], [`UpSample2d`] and [`UpSample3d`] are its names.
///
/// # Shapes
/// input `[batch, lengths.., channels]`, output `[batch, length · factor.., channels]`
/// # Defaults
/// the nearest cell
/// # Errors
/// an input with another number of axes; a factor of 0; interpolation of an input without cells
/// # Example
/// ```
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
#[derive(Clone, Copy, Debug)]
pub struct UpSample<const N: usize> {
    factors: [usize; N],
    interpolation: Interpolation,
}

/// [`UpSample`] for sequences `[batch, time, channels]`.
#[doc(alias = "UpSampling1D")]
pub type UpSample1d = UpSample<1>;
/// [`UpSample`] for images `[batch, height, width, channels]`.
#[doc(alias = "UpSampling2D")]
pub type UpSample2d = UpSample<2>;
/// [`UpSample`] for volumes `[batch, depth, height, width, channels]`.
#[doc(alias = "UpSampling3D")]
pub type UpSample3d = UpSample<3>;

impl<const N: usize> UpSample<N> {
    /// By these factors: a number, or one for each direction.
    pub fn new(factors: impl Size<N>) -> Self {
        Self { factors: factors.sizes(), interpolation: Interpolation::Nearest }
    }

    /// Sets what is put between two cells.
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
}

impl<const N: usize> Layer for UpSample<N> {
    fn forward(&self, x: &Var) -> Result<Var> {
        let (batch, input, channels) = axes::<N>(x.shape())?;
        at_least_1("factor", self.factors)?;
        if input.contains(&0) {
            return Err(Error::shape(format!("expected an input with cells, got {:?}", x.shape())));
        }
        let longer = std::array::from_fn::<_, N, _>(|axis| input[axis].saturating_mul(self.factors[axis]));
        fewer_than(36, "numbers in the output", &[&[batch], &longer[..], &[channels]].concat())?;
        // One axis after the other: the weights of a cell are products.
        (0..N).filter(|axis| self.factors[*axis] > 1).try_fold(x.clone(), |x, axis| {
            let cells = (0..longer[axis]).map(|i| self.interpolation.cell(i, input[axis], longer[axis])).collect();
            Ok(x.tape().apply(Interpolate { axis: axis + 1, cells, x: Vec::new() }, &[&x]))
        })
    }

    fn kind(&self) -> &'static str {
        ["UpSample1d", "UpSample2d", "UpSample3d"][N - 1]
    }
}

impl Interpolation {
    /// The cell of an axis of length `len` on which cell `i` of `longer` is based, and the share of the next one.
    fn cell(self, i: usize, len: usize, longer: usize) -> (usize, Float) {
        let (position, len, longer) = (i as f64, len as f64, longer as f64);
        let at = match self {
            Self::Nearest => (position * len / longer + 1e-9).floor(),
            Self::Linear => ((position + 0.5) * len / longer - 0.5).clamp(0.0, len - 1.0),
            Self::LinearAligned => position * (len - 1.0) / (longer - 1.0).max(1.0),
        };
        let cell = at.floor().min(len - 1.0);
        (cell as usize, (at - cell) as Float)
    }
}

/// `y[i] = x[cell] (1 - share) + x[cell + 1] share` along an axis
struct Interpolate {
    axis: usize,
    cells: Vec<(usize, Float)>,
    x: Vec<usize>,
}

impl Interpolate {
    /// Numbers in the axis and what is inside it, for each cell and for input and output.
    fn lens(&self) -> [usize; 3] {
        let inner: usize = self.x[self.axis + 1..].iter().product();
        [inner, self.x[self.axis] * inner, self.cells.len() * inner]
    }
}

impl Op for Interpolate {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.x = inputs[0].shape().into();
        let mut shape = self.x.clone();
        shape[self.axis] = self.cells.len();
        let [inner, from, to] = self.lens();
        let mut y = buffer(shape.iter().product());
        for (x, y) in data(inputs[0]).chunks(from.max(1)).zip(y.chunks_mut(to.max(1))) {
            for (y, (cell, share)) in y.chunks_mut(inner).zip(&self.cells) {
                let this = &x[cell * inner..][..inner];
                if *share == 0.0 {
                    y.copy_from_slice(this);
                    continue;
                }
                let next = &x[(cell + 1) * inner..][..inner];
                for (y, (this, next)) in y.iter_mut().zip(this.iter().zip(next)) {
                    *y = this * (1.0 - share) + next * share;
                }
            }
        }
        tensor(&shape, y)
    }

    /// `dx[cell] += (1 - share) dy[i]`, `dx[cell + 1] += share dy[i]`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let [inner, from, to] = self.lens();
            let mut out = zeros(self.x.iter().product());
            for (out, dy) in out.chunks_mut(from.max(1)).zip(data(dy).chunks(to.max(1))) {
                for (dy, (cell, share)) in dy.chunks(inner).zip(&self.cells) {
                    for (cell, share) in [(*cell, 1.0 - share), (cell + 1, *share)] {
                        if share != 0.0 {
                            let out = &mut out[cell * inner..][..inner];
                            out.iter_mut().zip(dy).for_each(|(out, dy)| *out += dy * share);
                        }
                    }
                }
            }
            tensor(&self.x, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;

    #[test]
    fn interpolates_as_defined() {
        let x = Tape::inference().input(ndarray::arr3(&[[[0.0], [4.0]]]));
        let up = |interpolation| {
            let y = UpSample1d::new(2).interpolation(interpolation).forward(&x).unwrap();
            y.value().iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(up(Interpolation::Nearest), [0.0, 0.0, 4.0, 4.0]);
        assert_eq!(up(Interpolation::Linear), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(up(Interpolation::LinearAligned)[3], 4.0);
        assert!((up(Interpolation::LinearAligned)[1] - 4.0 / 3.0).abs() < 1e-6);
    }

    /// Of the last cell there is no next one.
    #[test]
    fn one_cell_is_repeated() {
        let x = Tape::inference().input(ndarray::arr3(&[[[3.0]]]));
        for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::LinearAligned] {
            let y = UpSample1d::new(3).interpolation(interpolation).forward(&x).unwrap();
            assert_eq!(y.value().as_slice().unwrap(), [3.0; 3]);
        }
    }
}
