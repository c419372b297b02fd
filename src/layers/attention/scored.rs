//! Attention of one head without projections, by a product or by a sum.

use crate::autograd::{Noise, Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Ones, XavierUniform};
use crate::layers::Layer;
use crate::layers::noise::dropout_factors;
use crate::tensor::{Float, tensor};

described! {
    /// Attention by products, of one head and without projections: `softmax(query · keyᵀ) · value`, or with a learned scale
    /// `softmax(scale · query · keyᵀ) · value`.
    ///
    /// It takes `[query, value]` or `[query, value, key]`; without a key the values are the keys. Steps that the
    /// [mask](Var::mask) of the values marks as padding are not seen, and where the query is padding the output is 0, as in Keras.
    /// [`MultiHeadAttention`](super::MultiHeadAttention) is what transformers use.
    ///
    /// # Shapes
    /// query `[batch, queries, features]`, value `[batch, keys, values]`, key `[batch, keys, features]`, output `[batch, queries,
    /// values]`; scale `[]`
    /// # Defaults
    /// no scale, no dropout, every query sees every key
    /// # Errors
    /// other numbers of inputs or axes; lengths that do not fit; a dropout rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::layers::Attention;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let query = tape.input(ndarray::arr3(&[[[1.0, 0.0]]]));
    /// let value = tape.input(ndarray::arr3(&[[[3.0, 5.0], [3.0, 9.0]]]));
    /// assert_eq!(Attention::new().forward(&vec![query, value])?.value().as_slice().unwrap(), [3.0, 7.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Luong et al. 2015; Keras `Attention` with the score mode `dot`
    pub struct Attention {
        /// Whether a learned number scales the products.
        use_scale: [bool] = false,
        /// The share of the weights that are dropped in training.
        dropout: [Float] = 0.0,
        /// Whether a query sees the keys up to its own place only.
        causal: [bool] = false,
    }
    private {
        scale: Param = Param::new(Ones).pattern(&[]),
        noise: Noise = Noise::default(),
    }
}

described! {
    /// Attention by sums, of one head and without projections: the score of a query and a key is the sum of `scale · tanh(query +
    /// key)` over the features.
    ///
    /// It takes `[query, value]` or `[query, value, key]` as [`Attention`] does.
    ///
    /// # Shapes
    /// those of [`Attention`]; scale `[features]`
    /// # Defaults
    /// a scale, no dropout, every query sees every key
    /// # Errors
    /// those of [`Attention`]
    /// # Example
    /// ```
    /// use gradus::layers::AdditiveAttention;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = || tape.input(ndarray::Array3::<f32>::ones((2, 5, 3)));
    /// assert_eq!(AdditiveAttention::new().forward(&vec![x(), x()])?.shape(), [2, 5, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Bahdanau et al. 2015; Keras `AdditiveAttention`
    pub struct AdditiveAttention {
        /// Whether each feature has a learned factor.
        use_scale: [bool] = true,
        /// The share of the weights that are dropped in training.
        dropout: [Float] = 0.0,
        /// Whether a query sees the keys up to its own place only.
        causal: [bool] = false,
    }
    private {
        scale: Param = Param::new(XavierUniform).pattern(&[None]),
        noise: Noise = Noise::default(),
    }
}

/// What a masked score is lowered by, as in Keras: its softmax is 0 unless all are masked.
const HIDDEN: Float = -1e9;

fn three(x: &[Var]) -> Result<[&Var; 3]> {
    let [query, value, key] = match x {
        [query, value] => [query, value, value],
        [query, value, key] => [query, value, key],
        other => {
            let other = other.len();
            return Err(Error::shape(format!("expected [query, value] or [query, value, key], got {other} inputs")));
        }
    };
    match [query, value, key].map(|x| x.value.shape()) {
        [[a, _, size], [b, keys, _], [c, steps, features]] if a == b && b == c && keys == steps && size == features => {
            Ok([query, value, key])
        }
        other => Err(Error::shape(format!(
            "expected query [batch, queries, features], value [batch, keys, values] and key [batch, keys, features], got {other:?}"
        ))),
    }
}

/// The mean of the values by the softmax of the scores, `[batch, queries, keys]`.
fn mean(scores: Var, value: &Var, rate: Float, causal: bool) -> Result<Var> {
    let (tape, shape) = (scores.tape().clone(), scores.value.shape().to_vec());
    let mut seen: Option<Var> = None;
    if let Some(mask) = value.mask.as_deref() {
        seen = Some(tape.examples(crate::tensor::reshaped(mask, &[shape[0], 1, shape[2]])));
    }
    if causal {
        let sees = |i: usize| if i % shape[2] > i / shape[2] { 0.0 } else { 1.0 };
        let sees = tape.constant(tensor(&[1, shape[1], shape[2]], (0..shape[1] * shape[2]).map(sees).collect()));
        seen = Some(match seen {
            Some(real) => real * sees,
            None => sees,
        });
    }
    let scores = match seen {
        Some(seen) => scores + (1.0 - seen) * HIDDEN,
        None => scores,
    };
    let mut weights = scores.softmax(-1)?;
    if let Some(factors) = dropout_factors(&tape, rate, &shape)? {
        weights = weights * tape.examples(factors);
    }
    weights.matmul(&value.clone().without_mask())
}

macro_rules! attention {
    ($name:ident) => {
        impl $name {
            /// Returns the learned scale.
            pub fn scale(&self) -> Option<&Param> {
                self.use_scale.then_some(&self.scale)
            }
        }

        impl Layer<Vec<Var>> for $name {
            fn forward(&self, x: &Vec<Var>) -> Result<Var> {
                let [query, value, key] = three(x)?;
                let y = mean(self.scores(query, key)?, value, self.noise.of(self.dropout), self.causal)?;
                match query.mask.as_deref() {
                    Some(mask) => {
                        let [batch, queries] = [mask.shape()[0], mask.shape()[1]];
                        let real = y.tape().examples(crate::tensor::reshaped(mask, &[batch, queries, 1]));
                        Ok((y.without_mask() * real).with_mask_of(query))
                    }
                    None => Ok(y.without_mask()),
                }
            }

            fn params<'a>(&'a self, list: &mut ParamList<'a>) {
                self.scale().into_iter().for_each(|scale| list.add("scale", scale));
                list.noise(&self.noise);
            }

            config!();
        }
    };
}
attention!(Attention);
attention!(AdditiveAttention);

impl Attention {
    fn scores(&self, query: &Var, key: &Var) -> Result<Var> {
        let products = query.clone().without_mask().matmul(&key.clone().without_mask().permute(&[0, 2, 1])?)?;
        Ok(match self.scale() {
            Some(scale) => &products * scale.on(&products, &[])?,
            None => products,
        })
    }
}

impl AdditiveAttention {
    fn scores(&self, query: &Var, key: &Var) -> Result<Var> {
        let (q, k) = (query.clone().without_mask().insert_axis(2)?, key.clone().without_mask().insert_axis(1)?);
        let sums = (q + k).tanh();
        let size = key.value.shape()[2];
        match self.scale() {
            Some(scale) => (&sums * scale.on(&sums, &[size])?).sum_axes(&[-1]),
            None => sums.sum_axes(&[-1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::Tape;
    use crate::tensor::data;
    use ndarray::{arr2, arr3};

    /// The numbers are Keras', with the same masks.
    #[test]
    fn padding_of_queries_gives_zeros_and_what_is_hidden_twice_counts_once() {
        let tape = Tape::inference();
        let query = tape.input(arr3(&[[[1.0, 0.0], [0.0, 2.0]]])).with_mask(arr2(&[[1.0, 0.0]])).unwrap();
        let additive = AdditiveAttention::new().use_scale(false);
        let layers: [&dyn Layer<Vec<Var>>; 2] = [&Attention::new(), &additive];
        for layer in layers {
            let y = layer.forward(&vec![query.clone(), query.clone()]).unwrap();
            assert_eq!(data(y.value()), [1.0, 0.0, 0.0, 0.0]);
            assert_eq!(data(y.mask().unwrap()), [1.0, 0.0]);
        }
        let query = tape.input(arr3(&[[[1.0], [0.0], [2.0]]]));
        let value = tape.input(arr3(&[[[3.0], [0.0], [6.0]]])).with_mask(arr2(&[[0.0, 1.0, 0.0]])).unwrap();
        let y = Attention::new().causal(true).forward(&vec![query, value]).unwrap();
        let mean = if cfg!(float64) { data(y.value())[0] } else { 3.0 };
        assert_eq!(data(y.value()), [mean, 0.0, 0.0]);
    }
}
