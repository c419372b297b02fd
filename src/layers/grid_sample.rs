//! Numbers at places between cells.

use super::Layer;
use super::interpolation::Interpolation;
use super::names::names;
use super::window::{axes, words};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::zeros;
use crate::config::{config, described, named};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::tensor::{Float, Tensor, data, empty, tensor};

/// What [`GridSample`] finds outside of its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outside {
    /// Zeros.
    #[default]
    Zeros,
    /// The nearest cell of the border.
    Border,
    /// The input again, mirrored at its border.
    Reflection,
}

described! {
    /// What an image or volume has at given places between its cells. Gradients flow into the image and the places.
    ///
    /// [`GridSample2d`] and [`GridSample3d`] are its names; [`AffineGrid`](super::AffineGrid) makes places. A place counts
    /// from -1 to 1 along each axis, the last axis first: `(horizontal, vertical)` for images.
    ///
    /// # Shapes
    /// inputs: `[batch, lengths.., channels]`, and places `[batch, lengths'.., axes]`; output `[batch, lengths'.., channels]`
    /// # Defaults
    /// linear interpolation, zeros outside, -1 and 1 are the borders and not the centres of the outermost cells
    /// # Errors
    /// an input with another number of axes, or without cells or channels; places for another batch, or of another number of axes; an
    /// interpolation other than `Nearest`, `Linear` and `Cubic`
    /// # Example
    /// ```
    /// use gradus::layers::GridSample2d;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let image = tape.input(ndarray::array![[[[0.0], [1.0]], [[2.0], [3.0]]]]);
    /// let places = tape.input(ndarray::array![[[[0.0, 0.0], [-0.5, 0.5]]]]);
    /// let y = GridSample2d::new().forward(&(image, places))?;
    /// assert_eq!(y.value().as_slice().unwrap(), [1.5, 2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Jaderberg et al. 2015; PyTorch `grid_sample`
    #[derive(Clone, Copy)]
    pub struct GridSample<const N: usize> as ["GridSample1d", "GridSample2d", "GridSample3d"] {
        /// What is put between cells. Of two nearest cells, the one with the even number is taken.
        interpolation: [Interpolation] = Interpolation::Linear,
        /// What is found outside of the input.
        outside: [Outside] = Outside::Zeros,
        /// Whether -1 and 1 are the centres of the outermost cells.
        align_corners: [bool] = false,
    }
}

names! { GridSample for: 2 GridSample2d, 3 GridSample3d }

named!(Outside { Zeros = "zeros", Border = "border", Reflection = "reflection" });

impl<const N: usize> Layer<(Var, Var)> for GridSample<N> {
    config!();

    fn forward(&self, (x, places): &(Var, Var)) -> Result<Var> {
        let (batch, input, channels) = axes(x.value.shape(), N)?;
        if input.contains(&0) || channels == 0 {
            return Err(Error::shape(format!("expected an input with cells and channels, got {:?}", x.value.shape())));
        }
        let at = places.value.shape();
        if at.len() != N + 2 || at[0] != batch || at[N + 1] != N {
            return Err(Error::shape(format!(
                "expected places [{batch}, lengths.., {N}] for {} {:?}, got {at:?}",
                words(N).what,
                x.value.shape()
            )));
        }
        use Interpolation::{Cubic, Linear, Nearest};
        if !matches!(self.interpolation, Nearest | Linear | Cubic) {
            let got = self.interpolation;
            return Err(Error::value(format!("expected the interpolation Nearest, Linear or Cubic, got {got:?}")));
        }
        let sampling =
            Sampling { interpolation: self.interpolation, outside: self.outside, align_corners: self.align_corners };
        let lengths = std::array::from_fn(|axis| input[axis]);
        let op: Sample<N> = Sample { sampling, lengths, x: empty(), places: None };
        Ok(x.tape().apply(op, &[x, places]))
    }
}

/// A cell of an axis, if it is inside, with its weight and how that changes with the place.
type Tap = (Option<usize>, f64, f64);

/// What a [`GridSample`] does along an axis, of which each has the same.
struct Sampling {
    interpolation: Interpolation,
    outside: Outside,
    align_corners: bool,
}

impl Sampling {
    /// The place along an axis of `len` cells, in cells, and how it changes with `place`.
    fn cells(&self, place: f64, len: usize) -> (f64, f64) {
        let len = len as f64;
        match self.align_corners {
            true => ((place + 1.0) / 2.0 * (len - 1.0), (len - 1.0) / 2.0),
            false => (((place + 1.0) * len - 1.0) / 2.0, len / 2.0),
        }
    }

    /// A place brought inside, and how it changes with what it was.
    fn inside(&self, at: f64, len: usize) -> (f64, f64) {
        let last = len as f64 - 1.0;
        let (at, slope) = match self.outside {
            Outside::Zeros => return (at, 1.0),
            Outside::Border => (at, 1.0),
            Outside::Reflection => {
                let (low, span) = if self.align_corners { (0.0, last) } else { (-0.5, last + 1.0) };
                let distance = (at - low).abs();
                let sign = if at < low { -1.0 } else { 1.0 };
                match (distance / span).floor() % 2.0 {
                    _ if span == 0.0 => (0.0, 0.0),
                    0.0 => (distance % span + low, sign),
                    _ => (span - distance % span + low, -sign),
                }
            }
        };
        if at > 0.0 && at < last { (at, slope) } else { (at.clamp(0.0, last), 0.0) }
    }

    /// The cells of which the number at a place consists; those of weight 0 fill up.
    fn taps(&self, place: Float, len: usize) -> ([Tap; 4], usize) {
        let valid = |cell: f64| (cell >= 0.0 && cell < len as f64).then_some(cell as usize);
        let (at, by_place) = self.cells(f64::from(place), len);
        let mut taps = [(None, 0.0, 0.0); 4];
        if self.interpolation == Interpolation::Cubic {
            let first = at.floor();
            for (i, tap) in taps.iter_mut().enumerate() {
                let cell = first + i as f64 - 1.0;
                let (weight, slope) = (Interpolation::Cubic.weight(at - cell), cubic_slope(at - cell));
                *tap = (valid(self.inside(cell, len).0), weight, slope * by_place);
            }
            return (taps, 4);
        }
        let (at, slope) = self.inside(at, len);
        if self.interpolation == Interpolation::Nearest {
            taps[0] = (valid(at.round_ties_even()), 1.0, 0.0);
            return (taps, 1);
        }
        let (first, slope) = (at.floor(), slope * by_place);
        taps[0] = (valid(first), 1.0 - (at - first), -slope);
        taps[1] = (valid(first + 1.0), at - first, slope);
        (taps, 2)
    }
}

/// The derivative of the weight of [`Interpolation::Cubic`].
fn cubic_slope(distance: f64) -> f64 {
    let (d, a) = (distance.abs(), -0.75);
    let slope = match d {
        _ if d < 1.0 => (3.0 * (a + 2.0) * d - 2.0 * (a + 3.0)) * d,
        _ if d < 2.0 => a * ((3.0 * d - 10.0) * d + 8.0),
        _ => 0.0,
    };
    slope * distance.signum()
}

/// `y = Σ weight(place) x[cell]`
struct Sample<const N: usize> {
    sampling: Sampling,
    lengths: [usize; N],
    x: Tensor,
    places: Option<Tensor>,
}

impl<const N: usize> Sample<N> {
    /// Calls `visit(cell, weight, slopes)` for each cell of which the number at a place consists.
    fn each(&self, place: &[Float], mut visit: impl FnMut(usize, f64, [f64; N])) {
        // The last axis comes first in a place.
        let taps: [([Tap; 4], usize); N] =
            std::array::from_fn(|axis| self.sampling.taps(place[N - 1 - axis], self.lengths[axis]));
        for number in 0..taps.iter().map(|(_, count)| count).product() {
            let (mut rest, mut chosen) = (number, [(None, 0.0, 0.0); N]);
            for (chosen, (taps, count)) in chosen.iter_mut().zip(&taps) {
                *chosen = taps[rest % count];
                rest /= count;
            }
            let cell = chosen.iter().zip(self.lengths).try_fold(0, |cell, ((i, ..), len)| Some(cell * len + (*i)?));
            if let Some(cell) = cell {
                let weight = chosen.iter().map(|(_, weight, _)| weight).product();
                let slope = |axis: usize| {
                    let others =
                        chosen.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, (_, weight, _))| weight);
                    chosen[axis].2 * others.product::<f64>()
                };
                visit(cell, weight, std::array::from_fn(slope));
            }
        }
    }

    /// Numbers of an example: of the input, the places, and the output; and channels.
    fn lens(&self, places: &Tensor) -> [usize; 4] {
        let channels = self.x.shape()[N + 1];
        let points: usize = places.shape()[1..=N].iter().product();
        [self.lengths.iter().product::<usize>() * channels, points * N, points * channels, channels]
    }
}

impl<const N: usize> Op for Sample<N> {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let places = inputs[1];
        self.x = inputs[0].clone();
        let [image, points, out, channels] = self.lens(places);
        let mut shape = places.shape().to_vec();
        shape[N + 1] = channels;
        let mut y = zeros(shape.iter().product());
        let examples = data(&self.x).chunks(image.max(1)).zip(data(places).chunks(points.max(1)));
        let mut work: Vec<_> = y.chunks_mut(out.max(1)).zip(examples).collect();
        parallel::for_each(&mut work, |(y, (x, places))| {
            for (y, place) in y.chunks_mut(channels).zip(places.chunks(N)) {
                self.each(place, |cell, weight, _| {
                    let x = &x[cell * channels..][..channels];
                    y.iter_mut().zip(x).for_each(|(y, x)| *y += x * weight as Float);
                });
            }
        });
        self.places = Some(places.clone());
        tensor(&shape, y)
    }

    /// `dx[cell] += weight dy`, `dplace = Σ slope x[cell] · dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let Some(places) = &self.places else { return };
        let [image, points, out, channels] = self.lens(places);
        dx.add(0, || {
            let mut grad = zeros(self.x.len());
            let examples = data(dy).chunks(out.max(1)).zip(data(places).chunks(points.max(1)));
            let mut work: Vec<_> = grad.chunks_mut(image.max(1)).zip(examples).collect();
            parallel::for_each(&mut work, |(grad, (dy, places))| {
                for (dy, place) in dy.chunks(channels).zip(places.chunks(N)) {
                    self.each(place, |cell, weight, _| {
                        let grad = &mut grad[cell * channels..][..channels];
                        grad.iter_mut().zip(dy).for_each(|(grad, dy)| *grad += dy * weight as Float);
                    });
                }
            });
            tensor(self.x.shape(), grad)
        });
        dx.add(1, || {
            let mut grad = zeros(places.len());
            let examples = data(dy).chunks(out.max(1)).zip(data(&self.x).chunks(image.max(1)));
            let examples = examples.zip(data(places).chunks(points.max(1)));
            let mut work: Vec<_> = grad.chunks_mut(points.max(1)).zip(examples).collect();
            parallel::for_each(&mut work, |(grad, ((dy, x), places))| {
                for ((grad, dy), place) in grad.chunks_mut(N).zip(dy.chunks(channels)).zip(places.chunks(N)) {
                    let mut sums = [0.0; N];
                    self.each(place, |cell, _, slopes| {
                        let x = &x[cell * channels..][..channels];
                        let along: f64 = x.iter().zip(dy).map(|(x, dy)| f64::from(*x) * f64::from(*dy)).sum();
                        sums.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope * along);
                    });
                    grad.iter_mut().zip(sums.iter().rev()).for_each(|(grad, sum)| *grad = *sum as Float);
                }
            });
            tensor(places.shape(), grad)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match inputs.iter().all(|input| *input == Dependence::PerExample) {
            true => Dependence::PerExample,
            false => Dependence::across_batch(inputs),
        }
    }

    fn keeps_steps(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::Tape;

    /// Places far outside, and numbers that are none.
    #[test]
    fn any_place_gives_a_number_or_none() {
        let tape = Tape::training();
        let x = tape.variable(ndarray::array![[[[1.0], [2.0], [4.0]]]]);
        let far = [-1e30, 1e30, Float::INFINITY, Float::NAN, -3.0];
        let places =
            tape.variable(ndarray::Array4::from_shape_fn((1, 1, 5, 2), |(.., i, axis)| far[i] * axis as Float));
        for outside in [Outside::Zeros, Outside::Border, Outside::Reflection] {
            for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
                let layer = GridSample2d::new().outside(outside).interpolation(interpolation);
                let y = layer.forward(&(x.clone(), places.clone())).unwrap();
                y.sum().backward().unwrap();
                if outside == Outside::Border && interpolation == Interpolation::Linear {
                    assert_eq!(y.value()[[0, 0, 4, 0]], 2.0);
                }
            }
        }
    }
}
