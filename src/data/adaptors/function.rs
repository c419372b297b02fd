//! A function as data.

use crate::data::{Batch, Dataset, known, stack};
use crate::error::Result;
use crate::tensor::{IntoTensor, Tensor};

/// What [`from_fn`] makes.
#[derive(Clone, Debug)]
pub struct FromFn<F> {
    len: usize,
    function: F,
}

/// Creates a dataset whose example number `i` is what `function(i)` gives: an input and a target, of one shape for all
/// examples.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::data::from_fn;
/// let parabola = from_fn(100, |i| {
///     let x = i as Float / 50.0 - 1.0;
///     Ok((ndarray::arr1(&[x]), ndarray::arr1(&[x * x])))
/// });
/// assert_eq!(parabola.batch(&[50, 75])?.targets[0].as_slice(), Some(&[0.0, 0.25][..]));
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn from_fn<X, Y, F>(len: usize, function: F) -> FromFn<impl Fn(usize) -> Result<(Tensor, Tensor)> + Sync>
where
    X: IntoTensor,
    Y: IntoTensor,
    F: Fn(usize) -> Result<(X, Y)> + Sync,
{
    FromFn { len, function: move |i| function(i).map(|(x, y)| (x.into_tensor(), y.into_tensor())) }
}

impl<F: Fn(usize) -> Result<(Tensor, Tensor)> + Sync> Dataset for FromFn<F> {
    fn len(&self) -> usize {
        self.len
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        known(indices, self.len)?;
        let examples: Vec<(Tensor, Tensor)> = indices.iter().map(|i| (self.function)(*i)).collect::<Result<_>>()?;
        let (inputs, targets): (Vec<Tensor>, Vec<Tensor>) = examples.into_iter().unzip();
        Ok(Batch::new(vec![stack(indices, &inputs)?], vec![stack(indices, &targets)?]))
    }
}
