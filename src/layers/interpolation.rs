//! Interpolation between cells: which cells a number is made of, and the operation along an axis.

use std::f64::consts::PI;

use super::window::fewer_than;
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::config::named;
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::tensor::{Float, Tensor, data, tensor};

/// What [`Resize`](super::Resize), [`UpSample`](super::UpSample) and [`GridSample`](super::GridSample) put between cells.
/// Cells have their numbers at their centres; in several directions the weights are products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interpolation {
    /// The cell in which the centre of the new one lies: Keras' `nearest`, PyTorch's `nearest-exact`.
    #[default]
    Nearest,
    /// The cell in which the beginning of the new one lies: PyTorch's `nearest`. For whole factors it is the same.
    NearestFloor,
    /// A mean of two neighbours by their distance: `bilinear` for images.
    #[doc(alias = "bilinear")]
    #[doc(alias = "trilinear")]
    Linear,
    /// Cubic convolution of four neighbours with the coefficient -0.75, the border repeated: PyTorch's `bicubic`. With
    /// antialiasing it is [`Interpolation::CatmullRom`], as there.
    #[doc(alias = "bicubic")]
    Cubic,
    /// Cubic convolution with the coefficient -0.5, cells outside left out: Keras' `bicubic`.
    #[doc(alias = "bicubic")]
    CatmullRom,
    /// A windowed sinc over six neighbours, cells outside left out.
    Lanczos3,
    /// A windowed sinc over ten neighbours, cells outside left out.
    Lanczos5,
}

named!(Interpolation {
    Nearest = "nearest",
    NearestFloor = "nearest_floor",
    Linear = "linear",
    Cubic = "cubic",
    CatmullRom = "catmull_rom",
    Lanczos3 = "lanczos3",
    Lanczos5 = "lanczos5",
});

impl Interpolation {
    /// How far a cell reaches, in cells; `None` if one cell is taken as it is.
    fn radius(self) -> Option<f64> {
        match self {
            Self::Nearest | Self::NearestFloor => None,
            Self::Linear => Some(1.0),
            Self::Cubic | Self::CatmullRom => Some(2.0),
            Self::Lanczos3 => Some(3.0),
            Self::Lanczos5 => Some(5.0),
        }
    }

    /// The weight of a cell at a distance.
    pub(super) fn weight(self, distance: f64) -> f64 {
        let d = distance.abs();
        let lanczos = |a: f64| match d {
            0.0 => 1.0,
            _ if d < a => a * (PI * d).sin() * (PI * d / a).sin() / (PI * d).powi(2),
            _ => 0.0,
        };
        match self {
            Self::Nearest | Self::NearestFloor => 1.0,
            Self::Linear => (1.0 - d).max(0.0),
            Self::Cubic => cubic(-0.75, d),
            Self::CatmullRom => cubic(-0.5, d),
            Self::Lanczos3 => lanczos(3.0),
            Self::Lanczos5 => lanczos(5.0),
        }
    }
}

/// Keys' cubic convolution at a distance `d ≥ 0`.
fn cubic(a: f64, d: f64) -> f64 {
    match d {
        _ if d < 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
        _ if d < 2.0 => a * (((d - 5.0) * d + 8.0) * d - 4.0),
        _ => 0.0,
    }
}

/// How an axis comes to another length.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resampling {
    pub interpolation: Interpolation,
    pub align_corners: bool,
    pub antialias: bool,
}

impl Resampling {
    /// An error for settings that contradict each other.
    pub fn check(self) -> Result<()> {
        let wrong = match (self.interpolation.radius(), self.align_corners, self.antialias) {
            (None, true, _) => "aligned corners",
            (None, _, true) => "antialiasing",
            (_, true, true) => return Err(Error::value("expected aligned corners or antialiasing, got both")),
            _ => return Ok(()),
        };
        Err(Error::value(format!("expected {wrong} with an interpolation that is not {:?}", self.interpolation)))
    }

    /// The input `[batch, from.., channels]` as `[batch, to.., channels]`, one axis after the other. `steps` are the
    /// cells of the input that go to one of the output.
    pub fn run(self, x: &Var, to: &[usize], steps: &[f64]) -> Result<Var> {
        self.check()?;
        let n = to.len();
        if x.value.shape()[1..=n].contains(&0) {
            return Err(Error::shape(format!("expected an input with cells, got {:?}", x.value.shape())));
        }
        let shape = [&x.value.shape()[..1], to, &x.value.shape()[n + 1..]].concat();
        fewer_than(36, "numbers in the output", &shape)?;
        let mut y = x.clone();
        for (axis, (to, step)) in to.iter().zip(steps).enumerate() {
            let len = x.value.shape()[axis + 1];
            if *step != 1.0 || *to != len {
                let cells = (0..*to).map(|i| self.cells(i, len, *to, *step)).collect();
                y = x.tape().apply(Interpolate { way: self, step: *step, axis: axis + 1, cells, x: Vec::new() }, &[&y]);
            }
        }
        Ok(y)
    }

    /// The cells of an axis of length `len` of which cell `i` of `to` consists, with their weights.
    fn cells(self, i: usize, len: usize, to: usize, step: f64) -> Vec<(usize, Float)> {
        let (last, i) = (len as f64 - 1.0, i as f64);
        let Some(radius) = self.interpolation.radius() else {
            let offset = if self.interpolation == Interpolation::Nearest { 0.5 } else { 0.0 };
            // A place that is whole but for rounding counts as whole.
            return vec![(((i + offset) * step + 1e-9).floor().min(last) as usize, 1.0)];
        };
        let at = match self.align_corners {
            true => i * last / (to as f64 - 1.0).max(1.0),
            false => (i + 0.5) * step - 0.5,
        };
        let stretch = if self.antialias { step.max(1.0) } else { 1.0 };
        let kernel = match self.interpolation {
            Interpolation::Cubic if self.antialias => Interpolation::CatmullRom,
            other => other,
        };
        let mut cells: Vec<(usize, f64)> = Vec::new();
        let (first, end) = ((at - radius * stretch).ceil(), (at + radius * stretch).floor());
        // A factor may ask for places beyond the last cell.
        let (first, end) = (first.clamp(-radius, last), end.clamp(0.0, last + radius));
        for cell in first as isize..=end as isize {
            let inside = (cell as f64).clamp(0.0, last) as usize;
            let weight = kernel.weight((cell as f64 - at) / stretch);
            match cells.last_mut() {
                _ if weight == 0.0 || kernel != Interpolation::Cubic && inside as isize != cell => {}
                Some((same, sum)) if *same == inside => *sum += weight,
                _ => cells.push((inside, weight)),
            }
        }
        let sum: f64 = cells.iter().map(|(_, weight)| weight).sum();
        if cells.is_empty() {
            return vec![(at.clamp(0.0, last) as usize, 1.0)];
        }
        cells.into_iter().map(|(cell, weight)| (cell, (weight / sum) as Float)).collect()
    }
}

/// `y[i] = Σ weight x[cell]` along an axis
struct Interpolate {
    way: Resampling,
    /// Cells of the input that go to one of the output.
    step: f64,
    axis: usize,
    cells: Vec<Vec<(usize, Float)>>,
    x: Vec<usize>,
}

impl Interpolate {
    /// Numbers inside the axis, and with it in input and output.
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
        let mut work: Vec<_> = data(inputs[0]).chunks(from.max(1)).zip(y.chunks_mut(to.max(1))).collect();
        parallel::for_each(&mut work, |(x, y)| {
            for (y, cells) in y.chunks_mut(inner).zip(&self.cells) {
                let (first, rest) = cells.split_first().expect("at least one cell");
                let of = |cell: usize| &x[cell * inner..][..inner];
                match first.1 {
                    1.0 => y.copy_from_slice(of(first.0)),
                    weight => y.iter_mut().zip(of(first.0)).for_each(|(y, x)| *y = x * weight),
                }
                for (cell, weight) in rest {
                    y.iter_mut().zip(of(*cell)).for_each(|(y, x)| *y += x * weight);
                }
            }
        });
        tensor(&shape, y)
    }

    /// `dx[cell] += weight dy[i]`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let [inner, from, to] = self.lens();
            let mut out = zeros(self.x.iter().product());
            let mut work: Vec<_> = out.chunks_mut(from.max(1)).zip(data(dy).chunks(to.max(1))).collect();
            parallel::for_each(&mut work, |(out, dy)| {
                for (dy, cells) in dy.chunks(inner).zip(&self.cells) {
                    for (cell, weight) in cells {
                        let out = &mut out[cell * inner..][..inner];
                        out.iter_mut().zip(dy).for_each(|(out, dy)| *out += dy * weight);
                    }
                }
            });
            tensor(&self.x, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }

    /// The axis as the height of an image as wide as all behind it, which resizes images alone can do.
    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        use OnnxAttribute::{Float as Number, Int, Text};
        let Resampling { interpolation, align_corners, antialias } = self.way;
        let places = if align_corners { "align_corners" } else { "half_pixel" };
        let mut attributes = match interpolation {
            Interpolation::Nearest => vec![("mode", Text("nearest")), ("nearest_mode", Text("round_prefer_ceil"))],
            Interpolation::NearestFloor => vec![("mode", Text("nearest")), ("nearest_mode", Text("floor"))],
            Interpolation::Linear => vec![("mode", Text("linear"))],
            Interpolation::Cubic if !antialias => vec![("mode", Text("cubic"))],
            Interpolation::CatmullRom if !antialias => {
                vec![("mode", Text("cubic")), ("cubic_coeff_a", Number(-0.5)), ("exclude_outside", Int(1))]
            }
            _ => return None,
        };
        let is_floor = interpolation == Interpolation::NearestFloor;
        attributes.push(("coordinate_transformation_mode", Text(if is_floor { "asymmetric" } else { places })));
        if antialias {
            attributes.push(("antialias", Int(1)));
        }
        let (from, to) = (self.x[self.axis], self.cells.len());
        let [inner, ..] = self.lens();
        let outer: usize = self.x[..self.axis].iter().product();
        let image = form.reshape("in0", &[outer, 1, from, inner]);
        // A step of its own is a factor; it must come to the same length there.
        let y = if self.step == from as f64 / to as f64 || align_corners {
            let lengths = form.ints(&[outer, 1, to, inner]);
            form.node("Resize", &[&image, "", "", &lengths], &attributes)
        } else {
            let by = (1.0 / self.step) as Float;
            if (from as Float * by).floor() as usize != to {
                return None;
            }
            let factors = form.numbers(tensor(&[4], vec![1.0, 1.0, by, 1.0]));
            form.node("Resize", &[&image, "", &factors], &attributes)
        };
        let shape = form.output_shape().to_vec();
        Some(form.reshape(&y, &shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_one_and_fall_on_cells() {
        use Interpolation::*;
        for interpolation in [Nearest, NearestFloor, Linear, Cubic, CatmullRom, Lanczos3, Lanczos5] {
            for (len, to, antialias) in [(5, 7, false), (9, 4, false), (9, 4, true), (1, 3, false), (4, 1, true)] {
                let antialias = antialias && interpolation.radius().is_some();
                let way = Resampling { interpolation, antialias, ..Resampling::default() };
                for i in 0..to {
                    let cells = way.cells(i, len, to, len as f64 / to as f64);
                    let sum: Float = cells.iter().map(|(_, weight)| weight).sum();
                    assert!((sum - 1.0).abs() < 1e-5 && cells.iter().all(|(cell, _)| *cell < len), "{cells:?}");
                }
            }
        }
        let halfway = Resampling { interpolation: Cubic, ..Resampling::default() }.cells(1, 4, 2, 2.0);
        assert_eq!(halfway, [(1, -0.09375), (2, 0.59375), (3, 0.5)]);
    }
}
