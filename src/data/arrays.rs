//! Arrays as data.

use ndarray::{ArrayBase, Axis, Data, Dimension, RemoveAxis};
use num_traits::AsPrimitive;

use super::{Batch, Dataset, known};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::preprocessing::PaddedSequences;
use crate::tensor::{Float, Tensor, rounded, tensor};

/// What a model predicts from: an array whose axis 0 counts examples, of any number type, owned or viewed; or a tuple
/// or `Vec` of them for a model with several inputs.
#[diagnostic::on_unimplemented(
    message = "a model does not predict from `{Self}`",
    note = "pass an array whose axis 0 counts examples, such as `&images`, or a tuple of them; a `Vec` of numbers becomes an array by \
            `ndarray::Array2::from_shape_vec`"
)]
pub trait Inputs: Sync {
    /// Number of examples of each array, which should all be the same.
    fn lengths(&self) -> Vec<usize>;

    /// Returns these examples, converted, one tensor for each array.
    ///
    /// # Errors
    /// numbers of examples that there are not
    fn gather(&self, indices: &[usize]) -> Result<Vec<Tensor>>;

    /// Refuses what [`gather`](Inputs::gather) would change; called before the first batch.
    ///
    /// # Errors
    /// whole numbers that [`Float`] does not hold exactly, such as 16,777,217 (2²⁴ + 1) in `f32`
    fn check_numbers(&self) -> Result<()> {
        Ok(())
    }
}

impl<A, S, D> Inputs for ArrayBase<S, D>
where
    A: AsPrimitive<Float>,
    S: Data<Elem = A>,
    D: Dimension + RemoveAxis,
    Self: Sync,
{
    fn lengths(&self) -> Vec<usize> {
        // An array without axes has no examples.
        vec![self.shape().first().copied().unwrap_or(0)]
    }

    fn gather(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
        known(indices, self.shape().first().copied().unwrap_or(0))?;
        let mut shape = self.shape().to_vec();
        shape[0] = indices.len();
        let row = self.shape()[1..].iter().product::<usize>();
        let mut out = buffer(row * indices.len());
        for (out, index) in out.chunks_mut(row.max(1)).zip(indices) {
            let view = self.index_axis(Axis(0), *index);
            match view.as_slice() {
                Some(slice) => out.iter_mut().zip(slice).for_each(|(out, x)| *out = x.as_()),
                None => out.iter_mut().zip(view.iter()).for_each(|(out, x)| *out = x.as_()),
            }
        }
        Ok(vec![tensor(&shape, out)])
    }

    fn check_numbers(&self) -> Result<()> {
        exact(self)
    }
}

/// Refuses whole numbers that would be rounded: an id would become another one in silence.
fn exact<'a, A: 'static>(numbers: impl IntoIterator<Item = &'a A>) -> Result<()> {
    let Some(number) = rounded(numbers) else { return Ok(()) };
    let float = std::any::type_name::<Float>();
    Err(Error::value(format!(
        "expected whole numbers that {float} holds exactly, got {number}, which would become {}; number ids from 0 on, or convert \
         the array by `mapv(|x| x as {float})` where numbers may be rounded",
        number as Float
    )))
}

impl<T: Inputs + ?Sized> Inputs for &T {
    fn lengths(&self) -> Vec<usize> {
        (**self).lengths()
    }

    fn gather(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
        (**self).gather(indices)
    }

    fn check_numbers(&self) -> Result<()> {
        (**self).check_numbers()
    }
}

impl Inputs for PaddedSequences {
    fn lengths(&self) -> Vec<usize> {
        vec![self.sequences().len()]
    }

    fn gather(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
        Ok(vec![self.batch(indices)?])
    }
}

impl<T: Inputs> Inputs for Vec<T> {
    fn lengths(&self) -> Vec<usize> {
        self.iter().flat_map(|array| array.lengths()).collect()
    }

    fn gather(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
        let all: Vec<Vec<Tensor>> = self.iter().map(|array| array.gather(indices)).collect::<Result<_>>()?;
        Ok(all.concat())
    }

    fn check_numbers(&self) -> Result<()> {
        self.iter().try_for_each(Inputs::check_numbers)
    }
}

macro_rules! tuple {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Inputs),+> Inputs for ($($name,)+) {
            fn lengths(&self) -> Vec<usize> {
                [$(self.$index.lengths()),+].concat()
            }

            fn gather(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
                Ok([$(self.$index.gather(indices)?),+].concat())
            }

            fn check_numbers(&self) -> Result<()> {
                $(self.$index.check_numbers()?;)+
                Ok(())
            }
        }
    };
}
tuple!(A 0 B 1);
tuple!(A 0 B 1 C 2);
tuple!(A 0 B 1 C 2 D 3);

/// All lengths must be the same; returns it.
pub(crate) fn common_length(lengths: &[usize]) -> Result<usize> {
    match lengths {
        [first, rest @ ..] if rest.iter().all(|len| len == first) => Ok(*first),
        _ => Err(Error::shape(format!("expected inputs of one length, got {lengths:?} examples"))),
    }
}

impl<I: Inputs, T: Inputs> Dataset for (I, T) {
    fn len(&self) -> usize {
        self.0.lengths().first().copied().unwrap_or(0)
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        Ok(Batch::new(self.0.gather(indices)?, self.1.gather(indices)?))
    }

    fn check(&self) -> Result<()> {
        let inputs = common_length(&self.0.lengths())?;
        let targets = common_length(&self.1.lengths())?;
        if inputs != targets {
            let got = format!("{inputs} inputs and {targets} targets");
            return Err(Error::shape(format!("expected as many targets as inputs, got {got}")));
        }
        self.0.check_numbers().map_err(|error| Error::value(format!("inputs: {error}")))?;
        self.1.check_numbers().map_err(|error| Error::value(format!("targets: {error}")))
    }
}

impl<I: Inputs, T: Inputs, W: Inputs> Dataset for (I, T, W) {
    fn len(&self) -> usize {
        self.0.lengths().first().copied().unwrap_or(0)
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        Ok(Batch::new(self.0.gather(indices)?, self.1.gather(indices)?).weights(self.2.gather(indices)?))
    }

    fn check(&self) -> Result<()> {
        (&self.0, &self.1).check()?;
        let (inputs, weights) = (common_length(&self.0.lengths())?, common_length(&self.2.lengths())?);
        if inputs != weights {
            let got = format!("{inputs} inputs and {weights} weights");
            return Err(Error::shape(format!("expected as many weights as inputs, got {got}")));
        }
        self.2.check_numbers().map_err(|error| Error::value(format!("weights: {error}")))
    }
}
