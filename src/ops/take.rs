//! Places of an axis in another order, left out or repeated.

use super::{rearranged, resolve};
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::{Error, Result};
use crate::kernels::scatter::{NOWHERE, Scatter};
use crate::tensor::{Float, Tensor, data, in_memory, tensor};

/// Instead of a place, where a number is filled in.
pub(crate) const FILL: usize = NOWHERE;

impl Var {
    /// Returns what is at these places of an axis, which gives way to the axes of `indices`. These are whole numbers,
    /// of which negative ones count from the end; they have no gradient.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let words = tape.constant(ndarray::arr2(&[[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]]));
    /// let sentences = tape.input(ndarray::arr2(&[[2, 0, 2, 1], [1, 1, 0, -1]]));
    /// let y = words.take(&sentences, 0)?;
    /// assert_eq!(y.shape(), [2, 4, 2]);
    /// assert_eq!(y.value()[[1, 3, 0]], 2.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range; an index that is not whole or out of range.
    #[doc(alias = "gather")]
    #[doc(alias = "index_select")]
    pub fn take(&self, indices: &Self, axis: isize) -> Result<Self> {
        let axis = resolve("take", axis, self.value.shape())?;
        let sources = places("take", indices, axis, self.value.shape())?;
        let shape = [&self.value.shape()[..axis], indices.value.shape(), &self.value.shape()[axis + 1..]].concat();
        let keeps_rows = axis != 0 || !indices.value.shape().is_empty();
        let op = Pick { axis, sources, fill: 0.0, keeps_rows, shape, x: Vec::new() };
        Ok(self.tape().apply(op, &[self, &indices.detach()]))
    }

    /// Returns the same numbers with an axis in the other direction. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0, 3.0]]));
    /// assert_eq!(x.flip(-1)?.value().as_slice().unwrap(), [3.0, 2.0, 1.0]);
    /// assert_eq!(x.roll(1, -1)?.value().as_slice().unwrap(), [3.0, 1.0, 2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range.
    #[doc(alias = "reverse")]
    pub fn flip(&self, axis: isize) -> Result<Self> {
        let axis = resolve("flip", axis, self.value.shape())?;
        Ok(self.pick(axis, (0..self.value.shape()[axis]).rev().collect(), 0.0))
    }

    /// Moves the numbers by `shift` places along an axis; what falls off its end comes to the front again. Negative
    /// axes count from the end.
    ///
    /// # Errors
    /// An axis out of range.
    pub fn roll(&self, shift: isize, axis: isize) -> Result<Self> {
        let axis = resolve("roll", axis, self.value.shape())?;
        let len = self.value.shape()[axis];
        let start = len - shift.checked_rem_euclid(len as isize).unwrap_or(0) as usize;
        Ok(self.pick(axis, (0..len).map(|i| (start + i) % len).collect(), 0.0))
    }

    /// Repeats the whole this many times along each axis; where there are more `repeats` than axes, new ones come
    /// first.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]]));
    /// assert_eq!(x.tile(&[3])?.value().as_slice().unwrap(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(x.repeat(3, 1)?.value().as_slice().unwrap(), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    /// assert_eq!(x.tile(&[5, 2, 1])?.shape(), [5, 2, 2]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// A result too large for any memory.
    pub fn tile(&self, repeats: &[usize]) -> Result<Self> {
        let rank = self.value.shape().len().max(repeats.len());
        let mut x = self.clone();
        while x.value.shape().len() < rank {
            x = x.insert_axis(0)?;
        }
        let first = rank - repeats.len();
        let shape: Vec<usize> = (0..rank)
            .map(|axis| x.value.shape()[axis].saturating_mul(if axis < first { 1 } else { repeats[axis - first] }))
            .collect();
        checked_size("tile", &shape)?;
        for (axis, times) in repeats.iter().enumerate().map(|(i, times)| (first + i, *times)).filter(|(_, n)| *n != 1) {
            let len = x.value.shape()[axis];
            x = x.pick(axis, (0..len * times).map(|i| i % len).collect(), 0.0);
        }
        Ok(x)
    }

    /// Repeats each place of an axis this many times, one after the other. Negative axes count from the end.
    ///
    /// # Errors
    /// An axis out of range; a result too large for any memory.
    #[doc(alias = "repeat_interleave")]
    pub fn repeat(&self, times: usize, axis: isize) -> Result<Self> {
        let axis = resolve("repeat", axis, self.value.shape())?;
        let mut shape = self.value.shape().to_vec();
        shape[axis] = shape[axis].saturating_mul(times);
        checked_size("repeat", &shape)?;
        Ok(self.pick(axis, (0..shape[axis]).map(|i| i / times).collect(), 0.0))
    }

    /// These places of an axis, `fill` where one is [`FILL`].
    pub(crate) fn pick(&self, axis: usize, sources: Vec<usize>, fill: Float) -> Self {
        self.tape().apply(Pick::new(self.value.shape(), axis, sources, fill), &[self])
    }

    /// What is at each place of an axis, added up at these places of one of length `len`, or left out at [`FILL`]: what
    /// [`Var::pick`] does to gradients.
    pub(crate) fn put(&self, axis: usize, places: Vec<usize>, len: usize) -> Self {
        let mut shape = self.value.shape().to_vec();
        shape[axis] = len;
        let pick = Pick::new(&shape, axis, places, 0.0);
        self.tape().apply(Put(Pick { x: shape, ..pick }), &[self])
    }
}

/// Refuses a shape whose numbers no memory holds.
pub(super) fn checked_size(who: &str, shape: &[usize]) -> Result<()> {
    match in_memory(shape) {
        Some(_) => Ok(()),
        None => Err(Error::shape(format!("{who}: expected a result that fits into memory, got shape {shape:?}"))),
    }
}

/// The places that `indices` name along an axis; negative ones count from the end.
pub(super) fn places(who: &str, indices: &Var, axis: usize, shape: &[usize]) -> Result<Vec<usize>> {
    let len = shape[axis] as isize;
    let place = |index: &Float| {
        let whole = (index.fract() == 0.0).then_some(*index as isize).filter(|whole| (-len..len).contains(whole));
        let Some(whole) = whole else {
            return Err(Error::value(format!(
                "{who}: expected whole indices in {}..{len} for axis {axis} of shape {shape:?}, got {index}",
                -len
            )));
        };
        Ok(whole.rem_euclid(len) as usize)
    };
    data(&indices.value).iter().map(place).collect()
}

/// `y = x[.., sources, ..]`
struct Pick {
    axis: usize,
    sources: Vec<usize>,
    fill: Float,
    /// Whether axis 0 of the result is that of `x`; for axis 0 picked by another variable, that of the latter.
    keeps_rows: bool,
    /// The result's shape.
    shape: Vec<usize>,
    x: Vec<usize>,
}

impl Pick {
    fn new(x: &[usize], axis: usize, sources: Vec<usize>, fill: Float) -> Self {
        let mut shape = x.to_vec();
        shape[axis] = sources.len();
        Self { axis, sources, fill, keeps_rows: axis != 0, shape, x: Vec::new() }
    }

    /// `y[i] = x[sources[i]]`
    fn gathered(&self, x: &Tensor) -> Tensor {
        let (x, run) = (data(x), self.run());
        let mut y = buffer(self.shape.iter().product());
        self.runs(|from, to| match from {
            Some(from) => y[to..to + run].copy_from_slice(&x[from..from + run]),
            None => y[to..to + run].fill(self.fill),
        });
        tensor(&self.shape, y)
    }

    /// `x[sources[i]] += y[i]`
    fn scattered(&self, y: &Tensor) -> Tensor {
        let (y, run) = (data(y), self.run());
        let mut x = zeros(self.x.iter().product());
        let (len, count) = (self.x[self.axis], self.sources.len());
        let scatter = Scatter::new(&self.sources, len);
        let blocks: usize = self.x[..self.axis].iter().product();
        for block in 0..blocks {
            let to = &mut x[block * len * run..(block + 1) * len * run];
            scatter.add(to, &y[block * count * run..(block + 1) * count * run], run);
        }
        tensor(&self.x, x)
    }

    /// Visits the places of each run of memory in `x` and in `y`; that in `x` is none where a number is filled in.
    fn runs(&self, mut visit: impl FnMut(Option<usize>, usize)) {
        let run: usize = self.x[self.axis + 1..].iter().product();
        let blocks: usize = self.x[..self.axis].iter().product();
        for block in 0..blocks {
            for (i, source) in self.sources.iter().enumerate() {
                let from = (*source != FILL).then(|| (block * self.x[self.axis] + source) * run);
                visit(from, (block * self.sources.len() + i) * run);
            }
        }
    }

    fn run(&self) -> usize {
        self.x[self.axis + 1..].iter().product()
    }
}

impl Op for Pick {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.x = inputs[0].shape().into();
        self.gathered(inputs[0])
    }

    /// to each place the sum of `dy` wherever it was put
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.scattered(dy));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        use Dependence::{BatchMean, Constant, PerExample};
        match inputs {
            [_] | [BatchMean, Constant] => rearranged(&inputs[..1], self.keeps_rows),
            // Rows of a table that all examples share, as many as the example asks for.
            [Constant, PerExample] if self.axis == 0 && self.keeps_rows => PerExample,
            [PerExample, Constant] if self.axis != 0 => PerExample,
            _ => Dependence::across_batch(inputs),
        }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        if self.sources.contains(&FILL) {
            return None;
        }
        if form.len() == 1 && self.sources.iter().rev().copied().eq(0..self.x[self.axis]) {
            return Some(form.reverse("in0", self.axis));
        }
        let places = match form.len() {
            2 => form.node("Cast", &["in1"], &[("to", OnnxAttribute::Int(7))]),
            _ => form.ints(&self.sources),
        };
        Some(form.node("Gather", &["in0", &places], &[("axis", OnnxAttribute::Int(self.axis as i64))]))
    }
}

/// `y[places[i]] += x[i]`
struct Put(Pick);

impl Op for Put {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.0.scattered(inputs[0])
    }

    /// from each place `dy` to whatever was put there
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.0.gathered(dy));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        rearranged(inputs, self.0.keeps_rows)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis, arr1};

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn takes_as_ndarray_does() {
        let tape = Tape::inference();
        let array = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 12 + j * 4 + k) as Float);
        let x = tape.input(&array);
        for axis in 0..3 {
            let want = array.select(Axis(axis), &[1, 0, 1]).into_dyn();
            assert_eq!(*x.take(&tape.constant(arr1(&[1, 0, 1])), axis as isize).unwrap().value(), want);
        }
        assert_eq!(x.take(&tape.constant(2.0), 1).unwrap().shape(), [2, 4]);
        assert_eq!(x.take(&tape.constant(arr1(&[0; 0])), 1).unwrap().shape(), [2, 0, 4]);
    }

    #[test]
    fn what_is_taken_twice_has_both_gradients() {
        let tape = Tape::training();
        let x = tape.variable(arr1(&[1.0, 2.0, 3.0]));
        let y = x.take(&tape.constant(arr1(&[-1, 0, 2])), 0).unwrap() * tape.constant(arr1(&[1.0, 10.0, 100.0]));
        assert_eq!(y.sum().backward().unwrap().of(&x).unwrap().as_slice().unwrap(), [10.0, 0.0, 101.0]);
    }

    #[test]
    fn nothing_stays_nothing() {
        let x = Tape::inference().input(ndarray::Array2::<Float>::zeros((2, 0)));
        assert_eq!(x.roll(1, 1).unwrap().shape(), [2, 0]);
        assert_eq!(x.flip(1).unwrap().shape(), [2, 0]);
        assert_eq!(x.tile(&[0, 3]).unwrap().shape(), [0, 0]);
        assert_eq!(x.repeat(3, 1).unwrap().shape(), [2, 0]);
    }
}
