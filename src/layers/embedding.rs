//! Vectors for ids.

use super::masking::mask_of_ids;
use super::{Layer, TiedDense};
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Param, ParamList, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, RandomUniform};
use crate::kernels::elementwise::PIECE;
use crate::kernels::parallel;
use crate::kernels::scatter::{NOWHERE, Scatter};
use crate::tensor::{Float, Tensor, data, tensor};

described! {
    /// A learned vector for each id: `y[..] = embeddings[x[..]]`.
    ///
    /// Ids are whole numbers from 0 to `vocabulary - 1`. They travel as [`Float`], which is exact up to 2²⁴.
    ///
    /// # Shapes
    /// input `[batch, ...]`, usually `[batch, time]`, output `[batch, ..., units]`; embeddings `[vocabulary, units]`
    /// # Defaults
    /// embeddings uniform between -0.05 and 0.05, no padding, no mask
    /// # Errors
    /// an id that is not whole or not below `vocabulary`; a vocabulary of 0 or above 2²⁴; 0 units; a padding index that
    /// is not an id; with `mask_zero`, an input that is not `[batch, time]`
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
    pub struct Embedding(
        /// How many ids there are.
        input_dim: [usize],
        /// The length of each vector.
        output_dim: [usize],
    ) {
        /// The id whose vector starts as zeros and receives no gradient, as PyTorch's `padding_idx`.
        padding_index: [option usize] = None,
        /// Whether id 0 is padding that gets 0 in the [mask](Var::mask) of the output, as in Keras. Its vector is trained like any
        /// other.
        mask_zero: [bool] = false,
    }
    params {
        embeddings: embeddings_initializer = RandomUniform::default(),
    }
}

impl Embedding {
    /// Returns the vectors, `[vocabulary, units]`.
    pub fn embeddings(&self) -> &Param {
        self.embeddings.shaped(&[Some(self.input_dim), Some(self.output_dim)])
    }

    /// Returns a layer with the same vectors that goes the other way, from units to a score for each id: see
    /// [`TiedDense`]. Call it after all other settings, which make new vectors.
    pub fn output_layer(&self) -> TiedDense {
        TiedDense { embeddings: self.embeddings.clone().into(), ..TiedDense::new(self.input_dim, self.output_dim) }
    }

    fn check(&self, x: &Var) -> Result<()> {
        let (vocabulary, units) = (self.input_dim, self.output_dim);
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
            let hint = match id.fract() == 0.0 && id >= 0.0 {
                true => "make the vocabulary larger, or map rare and unknown words to an id of their own",
                false => "number what is embedded from 0, such as by `StringLookup` or `TextVectorization`",
            };
            return Err(Error::value(format!("expected whole ids in 0..{vocabulary}, got {id} at {index:?}; {hint}")));
        }
        if self.mask_zero && x.value.shape().len() != 2 {
            return Err(Error::shape(format!("expected ids [batch, time] for a mask, got {:?}", x.value.shape())));
        }
        Ok(())
    }
}

impl Layer for Embedding {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.check(x)?;
        if let Some(id) = self.padding_index {
            let shape = [self.input_dim, self.output_dim];
            let fill = |values: &mut [Float]| values[id * shape[1]..][..shape[1]].fill(0.0);
            self.embeddings.create(x.tape(), &shape, fill)?;
        }
        let embeddings = self.embeddings.on(x, &[self.input_dim, self.output_dim])?;
        let ids = data(&x.value).iter().map(|id| *id as usize).collect();
        let take = Take { ids, padding: self.padding_index, rows: self.input_dim };
        let y = x.tape().apply(take, &[&embeddings, x]);
        if !self.mask_zero {
            return Ok(y);
        }
        Ok(y.masked(mask_of_ids(x, 0)))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("embeddings", self.embeddings());
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
        let (table, some) = (data(inputs[0]), (PIECE / units.max(1)).max(1));
        let mut y = buffer(self.ids.len() * units);
        let mut pieces: Vec<_> = y.chunks_mut((some * units).max(1)).zip(self.ids.chunks(some)).collect();
        parallel::for_each(&mut pieces, |(y, ids)| {
            for (y, id) in y.chunks_exact_mut(units).zip(*ids) {
                y.copy_from_slice(&table[id * units..][..units]);
            }
        });
        tensor(&[inputs[1].shape(), &[units]].concat(), y)
    }

    /// `dembeddings[ids[i]] += dy[i]`, in order; ids are not numbers that a gradient could change
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let units = dy.shape().last().copied().unwrap_or(1);
        dx.add_part(0, &[self.rows, units], |sum| {
            let mut places = self.ids.clone();
            if let Some(padding) = self.padding {
                places.iter_mut().filter(|id| **id == padding).for_each(|id| *id = NOWHERE);
            }
            Scatter::new(&places, self.rows).add(sum, data(dy), units);
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match inputs {
            [Dependence::Constant, ids] => Dependence::per_example(&[*ids]),
            _ => Dependence::across_batch(inputs),
        }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let ids = form.node("Cast", &["in1"], &[("to", OnnxAttribute::Int(7))]);
        Some(form.node("Gather", &["in0", &ids], &[]))
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
