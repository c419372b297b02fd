//! Vectors for ids.

use std::sync::Arc;

use super::{Layer, TiedDense};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::initializers::{Except, Initializer, RandomUniform};
use crate::kernels::elementwise::add_assign;
use crate::param::{Param, ParamList};
use crate::tensor::{Float, Tensor, data, tensor};

/// A learned vector for each id: `y[..] = embeddings[x[..]]`.
///
/// Ids are whole numbers from 0 to `vocabulary - 1`. They travel as [`Float`], which is exact up to 2²⁴.
///
/// # Shapes
/// input `[batch, ...]`, usually `[batch, time]`, output `[batch, ..., units]`; embeddings `[vocabulary, units]`
/// # Defaults
/// embeddings uniform between -0.05 and 0.05, no padding, no mask
/// # Errors
/// an id that is not whole or not below `vocabulary`; a vocabulary of 0 or above 2²⁴; 0 units; a padding index that is no id; with
/// `mask_zero`, an input that is not `[batch, time]`
/// # Example
/// ```
/// use gradus::prelude::*;
/// let layer = Embedding::new(10_000, 128).mask_zero(true);
/// let y = layer.forward(&Tape::inference().input(ndarray::arr2(&[[17, 3, 0], [9_999, 0, 0]])))?;
/// assert_eq!(y.shape(), [2, 3, 128]);
/// assert_eq!(y.mask().unwrap().as_slice().unwrap(), [1.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `Embedding`, PyTorch `Embedding`; Bengio et al. 2003
pub struct Embedding {
    vocabulary: usize,
    units: usize,
    embeddings: Param,
    initializer: Arc<dyn Initializer>,
    padding_index: Option<usize>,
    mask_zero: bool,
}

impl Embedding {
    /// For this many ids, vectors of so many units.
    pub fn new(vocabulary: usize, units: usize) -> Self {
        let initializer = Arc::new(RandomUniform::default());
        let embeddings = Param::new(RandomUniform::default());
        Self { vocabulary, units, embeddings, initializer, padding_index: None, mask_zero: false }.renewed()
    }

    /// Sets the first values.
    pub fn embeddings_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.initializer = Arc::new(initializer);
        self.renewed()
    }

    /// Sets the id whose vector starts as zeros and receives no gradient, as PyTorch's `padding_idx`.
    #[doc(alias = "padding_idx")]
    pub fn padding_index(mut self, id: usize) -> Self {
        self.padding_index = Some(id);
        self.renewed()
    }

    /// With vectors made anew after a setting has changed.
    fn renewed(mut self) -> Self {
        let units = self.units;
        let range = self.padding_index.map(|id| id.saturating_mul(units)..id.saturating_add(1).saturating_mul(units));
        let initializer = Except { all: self.initializer.clone(), range, value: 0.0 };
        self.embeddings = Param::new(initializer).pattern(&[Some(self.vocabulary), Some(units)]);
        self
    }

    /// Sets whether id 0 is padding that gets 0 in the [mask](Var::mask) of the output, as in Keras. Its vector is trained like
    /// any other.
    pub fn mask_zero(mut self, yes: bool) -> Self {
        self.mask_zero = yes;
        self
    }

    /// The vectors, `[vocabulary, units]`.
    pub fn embeddings(&self) -> &Param {
        &self.embeddings
    }

    /// A layer with the same vectors that goes the other way, from units to a score for each id: see [`TiedDense`]. Call it
    /// after all other settings, which make new vectors.
    pub fn output_layer(&self) -> TiedDense {
        TiedDense::new(self.vocabulary, self.units, self.embeddings.clone())
    }

    fn check(&self, x: &Var) -> Result<()> {
        let (vocabulary, units) = (self.vocabulary, self.units);
        if vocabulary == 0 || units == 0 {
            return Err(Error::value(format!(
                "expected at least 1 id and 1 unit, got {vocabulary} ids of {units} units"
            )));
        }
        if vocabulary > 1 << 24 || vocabulary.checked_mul(units).and_then(|len| len.checked_mul(8)).is_none() {
            return Err(Error::value(format!(
                "expected at most 2^24 ids, which numbers can tell apart, and vectors that fit into memory, got {vocabulary} ids \
                 of {units} units"
            )));
        }
        if let Some(id) = self.padding_index.filter(|id| *id >= vocabulary) {
            return Err(Error::value(format!("expected a padding index in 0..{vocabulary}, got {id}")));
        }
        let is_id = |id: Float| (0.0..vocabulary as Float).contains(&id) && id.fract() == 0.0;
        if let Some(place) = data(&x.value).iter().position(|id| !is_id(*id)) {
            let id = data(&x.value)[place];
            let mut rest = place;
            let mut index: Vec<usize> = x.value.shape().iter().rev().map(|len| (rest % len, rest /= len).0).collect();
            index.reverse();
            return Err(Error::value(format!(
                "expected whole ids in 0..{vocabulary}, got {id} at {index:?}; make the vocabulary larger, or map rare and \
                 unknown words to an id of their own"
            )));
        }
        if self.mask_zero && x.value.shape().len() != 2 {
            return Err(Error::shape(format!("expected ids [batch, time] for a mask, got {:?}", x.value.shape())));
        }
        Ok(())
    }
}

impl Layer for Embedding {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.check(x)?;
        let embeddings = self.embeddings.on(x, &[self.vocabulary, self.units])?;
        let ids = data(&x.value).iter().map(|id| *id as usize).collect();
        let take = Take { ids, padding: self.padding_index, rows: self.vocabulary };
        let y = x.tape().apply(take, &[&embeddings, x]);
        if !self.mask_zero {
            return Ok(y);
        }
        let mask: Vec<Float> = data(&x.value).iter().map(|id| Float::from(u8::from(*id != 0.0))).collect();
        y.with_mask(tensor(x.value.shape(), mask))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("embeddings", &self.embeddings);
    }
}

/// `y[i] = embeddings[ids[i]]`; inputs are the embeddings and the ids
struct Take {
    ids: Vec<usize>,
    padding: Option<usize>,
    rows: usize,
}

impl Op for Take {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let units = inputs[0].shape()[1];
        let mut y = buffer(self.ids.len() * units);
        for (y, id) in y.chunks_exact_mut(units).zip(&self.ids) {
            y.copy_from_slice(&data(inputs[0])[id * units..][..units]);
        }
        tensor(&[inputs[1].shape(), &[units]].concat(), y)
    }

    /// `dembeddings[ids[i]] += dy[i]`, in order; ids are not numbers that a gradient could change
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let units = dy.shape().last().copied().unwrap_or(1);
        dx.add_part(0, &[self.rows, units], |sum| {
            let rows = self.ids.iter().zip(data(dy).chunks_exact(units));
            for (id, dy) in rows.filter(|(id, _)| Some(**id) != self.padding) {
                add_assign(&mut sum[id * units..][..units], dy);
            }
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match inputs {
            [Dependence::Constant, ids] => Dependence::per_example(&[*ids]),
            _ => Dependence::across_batch(inputs),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;
    use crate::autograd::Tape;
    use crate::initializers::Ones;

    #[test]
    fn gradients_of_one_id_add_up_and_padding_gets_none() {
        let layer = Embedding::new(4, 2).padding_index(1).embeddings_initializer(Ones);
        let tape = Tape::training();
        let y = layer.forward(&tape.input(arr2(&[[3, 1, 3], [0, 1, 3]]))).unwrap();
        assert_eq!(data(&y.value)[..4], [1.0, 1.0, 0.0, 0.0]);
        let weights = arr2(&[[1.0], [2.0], [4.0]]);
        let gradients = (&y * &tape.constant(weights)).sum().backward().unwrap();
        let gradient = gradients.get(layer.embeddings()).unwrap();
        assert_eq!(data(gradient), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 9.0, 9.0]);
    }
}
