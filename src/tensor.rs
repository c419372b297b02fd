//! Tensors are `ndarray`'s shared arrays, without a wrapper; here are the conversions.

use std::any::Any;
use std::ops::Deref;

use ndarray::{ArcArray, ArrayBase, Data, Dimension, IxDyn};
use num_traits::AsPrimitive;

use crate::buffers::{SMALLEST_KEPT, buffer, keep, zeros};
pub use crate::float::Float;
use crate::kernels::elementwise::{add_assign, pieces};

/// An array of any number of axes whose data is shared until it is changed. Cloning costs a reference count.
pub type Tensor = ArcArray<Float, IxDyn>;

/// Whatever converts into a [`Tensor`]: owned or viewed arrays of any number type and any number of axes.
///
/// Each number becomes the nearest [`Float`], as by `as`: whole numbers beyond ±2²⁴ = 16,777,216 are rounded in `f32`, such as ids of
/// 16,777,217. What is trained with or predicted from ([`Inputs`](crate::data::Inputs)) is checked for such numbers.
///
/// ```
/// use gradus::{IntoTensor, ndarray::array};
/// let images = array![[0_u8, 255], [128, 3]];
/// assert_eq!(images.view().into_tensor().shape(), [2, 2]);
/// assert_eq!((&images).into_tensor()[[0, 1]], 255.0);
/// ```
pub trait IntoTensor {
    /// The tensor, in standard (row-major) layout.
    fn into_tensor(self) -> Tensor;
}

impl<A: AsPrimitive<Float>, S: Data<Elem = A>, D: Dimension> IntoTensor for ArrayBase<S, D> {
    fn into_tensor(self) -> Tensor {
        (&self).into_tensor()
    }
}

impl<A: AsPrimitive<Float>, S: Data<Elem = A>, D: Dimension> IntoTensor for &ArrayBase<S, D> {
    fn into_tensor(self) -> Tensor {
        let mut buffer = buffer(self.len());
        for (out, value) in buffer.iter_mut().zip(self.iter()) {
            *out = value.as_();
        }
        tensor(self.shape(), buffer)
    }
}

impl IntoTensor for Float {
    fn into_tensor(self) -> Tensor {
        tensor(&[], vec![self])
    }
}

/// A whole number among these that [`Float`] does not hold exactly; only types of 32 bits or more have such.
pub(crate) fn rounded<'a, A: 'static>(numbers: impl IntoIterator<Item = &'a A>) -> Option<i128> {
    for number in numbers {
        let whole = whole(number)?;
        if whole as Float as i128 != whole {
            return Some(whole);
        }
    }
    None
}

/// A number of a type of whole numbers that reach beyond what [`Float`] holds exactly.
fn whole<A: 'static>(number: &A) -> Option<i128> {
    let number: &dyn Any = number;
    macro_rules! of {
        ($($kind:ty)+) => { $(if let Some(number) = number.downcast_ref::<$kind>() { return i128::try_from(*number).ok(); })+ }
    }
    of!(i32 u32 i64 u64 isize usize i128 u128);
    None
}

/// How many numbers a shape has; `None` if no memory holds them. An allocation that fails would end the program.
pub(crate) fn in_memory(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1_usize, |count, len| count.checked_mul(*len))?;
    let is_small = count <= 1 << 26;
    (is_small || Vec::<Float>::new().try_reserve_exact(count).is_ok()).then_some(count)
}

/// A tensor over `data`, whose length is the product of `shape`.
pub(crate) fn tensor(shape: &[usize], data: Vec<Float>) -> Tensor {
    ArcArray::from_shape_vec(IxDyn(shape), data).expect("length equals the product of the shape")
}

/// A tensor without numbers, in the place of one that a forward pass will leave there.
pub(crate) fn empty() -> Tensor {
    tensor(&[0], Vec::new())
}

/// The numbers of a tensor in row-major order. All tensors on a tape are in standard layout.
pub(crate) fn data(tensor: &Tensor) -> &[Float] {
    tensor.as_slice().expect("tensors on a tape are in standard layout")
}

/// A tensor with another shape over the same numbers.
pub(crate) fn reshaped(tensor: &Tensor, shape: &[usize]) -> Tensor {
    tensor.clone().into_shape_with_order(IxDyn(shape)).expect("same number of elements in standard layout")
}

/// The rows with these numbers, in this order, where the first `axes` axes together count the rows.
pub(crate) fn rows(all: &Tensor, axes: usize, indices: &[usize]) -> Tensor {
    let (count, row) = all.shape().split_at(axes);
    let width = all.len() / count.iter().product::<usize>().max(1);
    let all = all.as_standard_layout();
    let numbers = all.as_slice().expect("standard layout");
    let mut out = Vec::with_capacity(indices.len() * width);
    for index in indices {
        out.extend_from_slice(&numbers[index * width..][..width]);
    }
    tensor(&[&[indices.len()], row].concat(), out)
}

/// Matrices of this many rows and columns, one after the other, each transposed.
pub(crate) fn transposed(x: &[Float], rows: usize, columns: usize) -> Vec<Float> {
    let mut out = buffer(x.len());
    let len = (rows * columns).max(1);
    for (x, out) in x.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
        for (j, out) in out.chunks_exact_mut(rows).enumerate() {
            for (i, out) in out.iter_mut().enumerate() {
                *out = x[i * columns + j];
            }
        }
    }
    out
}

/// Zeros, and a one at the place of each number along a new last axis of `classes` places.
pub(crate) fn one_hot(shape: &[usize], classes: usize, places: impl Iterator<Item = usize>) -> Tensor {
    let mut out = zeros(shape.iter().product::<usize>() * classes);
    for (row, place) in out.chunks_mut(classes.max(1)).zip(places) {
        row[place] = 1.0;
    }
    tensor(&[shape, &[classes]].concat(), out)
}

/// A tensor of zeros, which all threads write.
pub(crate) fn zeros_of(shape: &[usize]) -> Tensor {
    let mut zeros = buffer(shape.iter().product());
    pieces(&mut zeros, |_, piece| piece.fill(0.0));
    tensor(shape, zeros)
}

/// The sum of two tensors of one shape, in the memory of the first where nobody else reads it.
pub(crate) fn add_into(mut sum: Tensor, other: &Tensor) -> Tensor {
    match sum.as_slice_mut() {
        Some(slice) => add_assign(slice, data(other)),
        None => sum += other,
    }
    sum
}

/// Keeps the memory of a tensor for [`buffer`] if nobody else holds it.
pub(crate) fn recycle(tensor: Tensor) {
    if tensor.len() >= SMALLEST_KEPT
        && let Ok(owned) = tensor.try_into_owned_nocopy()
    {
        keep(owned.into_raw_vec_and_offset().0);
    }
}

/// A tensor whose memory goes back to [`buffer`] when its last holder is gone.
#[derive(Clone, Debug)]
pub(crate) struct Pooled(Option<Tensor>);

impl From<Tensor> for Pooled {
    fn from(tensor: Tensor) -> Self {
        Self(Some(tensor))
    }
}

impl Deref for Pooled {
    type Target = Tensor;
    fn deref(&self) -> &Tensor {
        self.0.as_ref().expect("emptied in drop only")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(tensor) = self.0.take() {
            recycle(tensor);
        }
    }
}
