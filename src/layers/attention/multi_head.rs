//! Attention with several heads, between linear projections.

use std::fmt;

use super::{AttentionOptions, RotaryEmbedding, scaled_dot_product_attention};
use crate::autograd::{Noise, ParamList, Var};
use crate::config::{Config, Described, Reader, config, described, described_as};
use crate::error::{Error, Result};
use crate::layers::{Dense, Layer};
use crate::tensor::{Float, Tensor};

/// Attention of a sequence to itself with several heads: `output(attention(query(x), key(x), value(x)))`.
///
/// The padding that the [mask](Var::mask) of the sequence marks is not seen. [`MultiHeadAttention::cross`] makes a layer
/// that attends to another sequence, [`MultiHeadAttention::attend`] takes all three and further options.
///
/// # Shapes
/// input `[batch, time, features]`, output `[batch, time, output_size]`. Each projection is a [`Dense`]: `query.kernel`
/// `[features, heads · size]`, `key.kernel` `[features, key_value_heads · size]`, `value.kernel` `[features,
/// key_value_heads · value_size]`, `output.kernel` `[heads · value_size, output_size]`.
///
/// Keras' kernels `[features, heads, size]` and `[heads, value_size, output_size]` are the same numbers in the same
/// order. PyTorch's `in_proj_weight` is the transposed kernels of query, key and value, one below the other, with heads
/// of `features / heads`; its `out_proj.weight` is the transposed `output.kernel`.
/// # Defaults
/// values as large as keys, as many features out as the queries have, a head of keys and values for each head of
/// queries, every step sees every other, with biases, no dropout of the weights, no rotary positions; kernels Xavier
/// uniform, biases zeros
/// # Errors
/// an input of other than three axes; sizes or heads of 0; a number of heads that is not a multiple of
/// `key_value_heads`; features other than those that the kernels were made for; a rate outside of 0 to 1
/// # Example
/// ```
/// use gradus::prelude::*;
/// let layer = MultiHeadAttention::new(8, 64).causal(true).dropout(0.1);
/// let y = layer.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((2, 10, 512))))?;
/// assert_eq!(y.shape(), [2, 10, 512]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Vaswani et al. 2017; Keras `MultiHeadAttention` and `GroupQueryAttention`, PyTorch `MultiheadAttention`
#[doc(alias = "MultiheadAttention")]
#[doc(alias = "GroupQueryAttention")]
#[doc(alias = "GroupedQueryAttention")]
#[must_use]
pub struct MultiHeadAttention {
    heads: usize,
    size: usize,
    value_size: Option<usize>,
    output_size: Option<usize>,
    key_value_heads: Option<usize>,
    causal: bool,
    dropout: Float,
    pub(crate) noise: Noise,
    rotary: Option<RotaryEmbedding>,
    /// Makes the queries.
    pub query: Dense,
    /// Makes the keys.
    pub key: Dense,
    /// Makes the values.
    pub value: Dense,
    /// Mixes the heads.
    pub output: Dense,
}

impl MultiHeadAttention {
    /// Creates a layer with this many heads, whose queries and keys have `size` features each.
    pub fn new(heads: usize, size: usize) -> Self {
        let (query, key, value, output) = (Dense::new(0), Dense::new(0), Dense::new(0), Dense::open());
        let (value_size, output_size, key_value_heads) = (None, None, None);
        let (causal, dropout, rotary) = (false, 0.0, None);
        Self {
            heads,
            size,
            value_size,
            output_size,
            key_value_heads,
            causal,
            dropout,
            noise: Noise::default(),
            rotary,
            query,
            key,
            value,
            output,
        }
        .resized()
    }

    /// Sets the size of each head's values.
    #[doc(alias = "value_dim")]
    #[doc(alias = "vdim")]
    pub fn value_size(self, size: usize) -> Self {
        Self { value_size: Some(size), ..self }.resized()
    }

    /// Sets the number of features of the output.
    #[doc(alias = "output_shape")]
    pub fn output_size(self, size: usize) -> Self {
        Self { output_size: Some(size), ..self }.resized()
    }

    /// Sets the number of heads of keys and values, each of which serves several of queries: 1 is multi-query attention.
    #[doc(alias = "num_key_value_heads")]
    pub fn key_value_heads(self, heads: usize) -> Self {
        Self { key_value_heads: Some(heads), ..self }.resized()
    }

    /// Sets whether the projections have biases.
    pub fn use_bias(self, yes: bool) -> Self {
        Self {
            query: self.query.use_bias(yes),
            key: self.key.use_bias(yes),
            value: self.value.use_bias(yes),
            output: self.output.use_bias(yes),
            ..self
        }
    }

    /// Sets whether a step sees only itself and those before it.
    pub fn causal(self, yes: bool) -> Self {
        Self { causal: yes, ..self }
    }

    /// Sets the share of the attention's weights that are dropped in training.
    pub fn dropout(self, rate: Float) -> Self {
        Self { dropout: rate, ..self }
    }

    /// Turns queries and keys by their positions.
    #[doc(alias = "RoPE")]
    pub fn rotary(self, rotary: RotaryEmbedding) -> Self {
        Self { rotary: Some(rotary), ..self }
    }

    /// Turns this layer into one that attends to another sequence.
    pub fn cross(self) -> CrossAttention {
        CrossAttention(self)
    }

    fn key_heads(&self) -> usize {
        self.key_value_heads.unwrap_or(self.heads)
    }

    /// The projections as large as the settings have them, and else as they are.
    fn resized(mut self) -> Self {
        let (key_heads, value_size) = (self.key_heads(), self.value_size.unwrap_or(self.size));
        self.query.units = self.heads.saturating_mul(self.size);
        self.key.units = key_heads.saturating_mul(self.size);
        self.value.units = key_heads.saturating_mul(value_size);
        if let Some(size) = self.output_size {
            self.output.units = size;
        }
        self
    }

    /// Returns what this layer always asks of attention, to which further options may be added for
    /// [`MultiHeadAttention::attend`].
    pub fn options(&self) -> AttentionOptions {
        AttentionOptions::new().causal(self.causal).dropout(self.noise.of(self.dropout))
    }

    /// Runs the forward pass with queries, keys and values from anywhere, and further options such as a mask.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let layer = MultiHeadAttention::new(2, 4);
    /// let tape = Tape::inference();
    /// let x = tape.input(ndarray::Array3::<f32>::ones((1, 3, 8)));
    /// let mask = tape.constant(ndarray::array![[1, 0, 0], [1, 1, 0], [0, 1, 1]]);
    /// let y = layer.attend(&x, &x, &x, &layer.options().mask(&mask))?;
    /// assert_eq!(y.shape(), [1, 3, 8]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// those of the layer and of [`scaled_dot_product_attention`]
    pub fn attend(&self, query: &Var, key: &Var, value: &Var, options: &AttentionOptions) -> Result<Var> {
        self.check(&[query, key, value])?;
        let (q, k, v) = (self.queries(query, 0)?, self.keys(key, 0)?, self.values(value)?);
        self.mix(query, &q, &k, &v, options)
    }

    /// Runs the forward pass for the next steps of a sequence whose earlier ones were given in earlier calls, with the
    /// same `cache`: each step sees all before it. No gradient flows into earlier steps.
    ///
    /// ```
    /// use gradus::layers::KeyValueCache;
    /// use gradus::prelude::*;
    /// let layer = MultiHeadAttention::new(2, 4).causal(true);
    /// let tape = Tape::inference();
    /// let x = tape.input(ndarray::Array3::from_shape_fn((1, 3, 8), |(_, i, j)| (i * j) as f32));
    /// let whole = layer.forward(&x)?;
    /// let mut cache = KeyValueCache::new();
    /// layer.forward_cached(&x.slice(1, ..2)?, &mut cache)?;
    /// let last = layer.forward_cached(&x.slice(1, 2..)?, &mut cache)?;
    /// assert!((last - whole.slice(1, 2..)?).abs().max().item() < 1e-5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// those of the layer; a sequence with a mask; another number of examples than before
    pub fn forward_cached(&self, x: &Var, cache: &mut KeyValueCache) -> Result<Var> {
        self.check(&[x])?;
        if x.mask.as_deref().is_some() {
            return Err(Error::value(
                "a cache takes sequences without padding, got one with a mask; `without_mask` drops it",
            ));
        }
        let start = cache.len();
        let (k, v) = cache.extend(self.keys(x, start)?, self.values(x)?)?;
        self.mix(x, &self.queries(x, start)?, &k, &v, &self.options().causal_from(start))
    }

    fn check(&self, inputs: &[&Var]) -> Result<()> {
        if let Some(other) = inputs.iter().find(|x| x.value.shape().len() != 3) {
            let shape = other.value.shape();
            return Err(Error::shape(format!("expected an input [batch, time, features], got {shape:?}")));
        }
        let sizes =
            [self.heads, self.size, self.value_size.unwrap_or(1), self.output_size.unwrap_or(1), self.key_heads()];
        if sizes.contains(&0) {
            return Err(Error::value(format!(
                "expected at least 1 head, and sizes of at least 1, got heads, size, value size, output size and heads of \
                 keys {sizes:?}"
            )));
        }
        if !self.heads.is_multiple_of(self.key_heads()) {
            return Err(Error::value(format!(
                "expected a number of heads that is a multiple of `key_value_heads`, got {} and {}",
                self.heads,
                self.key_heads()
            )));
        }
        Ok(())
    }

    fn queries(&self, x: &Var, start: usize) -> Result<Var> {
        self.turned(heads("query", &self.query, x, self.heads)?, start)
    }

    fn keys(&self, x: &Var, start: usize) -> Result<Var> {
        self.turned(heads("key", &self.key, x, self.key_heads())?, start)
    }

    fn values(&self, x: &Var) -> Result<Var> {
        heads("value", &self.value, x, self.key_heads())
    }

    fn turned(&self, x: Var, start: usize) -> Result<Var> {
        self.rotary.map_or(Ok(x.clone()), |rotary| rotary.forward_from(&x, start))
    }

    fn mix(&self, query: &Var, q: &Var, k: &Var, v: &Var, options: &AttentionOptions) -> Result<Var> {
        let y = scaled_dot_product_attention(q, k, v, options)?;
        let [batch, time, features] = [query.value.shape()[0], query.value.shape()[1], query.value.shape()[2]];
        let y = y.reshape(&[batch, time, y.value.shape()[2] * y.value.shape()[3]])?;
        let units = if self.output.units > 0 { self.output.units } else { features };
        self.output.project(&y, units).map_err(|error| error.within("output"))
    }
}

/// A projection, cut into heads: `[batch, time, heads, size]`.
fn heads(name: &str, projection: &Dense, x: &Var, heads: usize) -> Result<Var> {
    let y = projection.forward(x).map_err(|error| error.within(name))?;
    y.reshape(&[y.value.shape()[0], y.value.shape()[1], heads, y.value.shape()[2] / heads])
}

impl MultiHeadAttention {
    /// The same settings with projections as they are made, to tell which were changed.
    fn plain(&self) -> Self {
        Self {
            value_size: self.value_size,
            output_size: self.output_size,
            key_value_heads: self.key_value_heads,
            ..Self::new(self.heads, self.size)
        }
        .resized()
    }

    fn describe(&self) -> Config {
        let plain = self.plain();
        Config::new(Self::KIND)
            .with("heads", &self.heads)
            .with("size", &self.size)
            .with_default("value_size", &self.value_size, &None)
            .with_default("output_size", &self.output_size, &None)
            .with_default("key_value_heads", &self.key_value_heads, &None)
            .with_default("causal", &self.causal, &false)
            .with_default("dropout", &self.dropout, &0.0)
            .with_default("rotary", &self.rotary, &None)
            .with_default("query", &self.query, &plain.query)
            .with_default("key", &self.key, &plain.key)
            .with_default("value", &self.value, &plain.value)
            .with_default("output", &self.output, &plain.output)
    }
}

impl Described for MultiHeadAttention {
    const KIND: &'static str = "MultiHeadAttention";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&[
            "heads",
            "size",
            "value_size",
            "output_size",
            "key_value_heads",
            "causal",
            "dropout",
            "rotary",
            "query",
            "key",
            "value",
            "output",
        ])?;
        let new = Self {
            value_size: from.get_or("value_size", None)?,
            output_size: from.get_or("output_size", None)?,
            key_value_heads: from.get_or("key_value_heads", None)?,
            causal: from.get_or("causal", false)?,
            dropout: from.get_or("dropout", 0.0)?,
            rotary: from.get_or("rotary", None)?,
            ..Self::new(from.get("heads")?, from.get("size")?)
        }
        .resized();
        Ok(Self {
            query: from.get_or("query", new.query)?,
            key: from.get_or("key", new.key)?,
            value: from.get_or("value", new.value)?,
            output: from.get_or("output", new.output)?,
            ..new
        })
    }
}

described!(@setting MultiHeadAttention);

impl fmt::Debug for MultiHeadAttention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.describe())
    }
}

impl Layer for MultiHeadAttention {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.attend(x, x, x, &self.options())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("query", &self.query);
        list.nest("key", &self.key);
        list.nest("value", &self.value);
        list.nest("output", &self.output);
        list.noise(&self.noise);
    }
}

/// [`MultiHeadAttention`] of a sequence to another one: the layer takes `(queries, keys_and_values)`.
///
/// # Shapes
/// inputs `[batch, time, features]` and `[batch, other_time, other_features]`, output `[batch, time, output_size]`
/// # Defaults
/// those of [`MultiHeadAttention`]
/// # Errors
/// those of [`MultiHeadAttention`]
/// # Example
/// ```
/// use gradus::prelude::*;
/// let layer = MultiHeadAttention::new(8, 64).cross();
/// let tape = Tape::inference();
/// let target = tape.input(ndarray::Array3::<f32>::ones((2, 10, 512)));
/// let source = tape.input(ndarray::Array3::<f32>::ones((2, 30, 256)));
/// assert_eq!(layer.forward(&(target, source))?.shape(), [2, 10, 512]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Vaswani et al. 2017
#[derive(Debug)]
pub struct CrossAttention(pub MultiHeadAttention);

described_as!(CrossAttention("attention"));

impl Layer<(Var, Var)> for CrossAttention {
    config!();

    fn forward(&self, (x, other): &(Var, Var)) -> Result<Var> {
        self.0.attend(x, other, other, &self.0.options())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(&self.0);
    }
}

/// The keys and values of the steps that [`MultiHeadAttention::forward_cached`] has seen.
#[derive(Clone, Debug, Default)]
pub struct KeyValueCache(Option<(Tensor, Tensor)>);

impl KeyValueCache {
    /// Creates a cache of no steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of steps.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |(keys, _)| keys.shape()[1])
    }

    /// Whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the keys and values of the next steps, and gives those of all.
    pub(crate) fn extend(&mut self, mut k: Var, mut v: Var) -> Result<(Var, Var)> {
        if let Some((keys, values)) = &self.0 {
            let others = |shape: &[usize]| [shape[0], shape[2], shape[3]];
            if others(keys.shape()) != others(k.value.shape()) || others(values.shape()) != others(v.value.shape()) {
                return Err(Error::shape(format!(
                    "expected keys [batch, time, heads, size] as in the cache, {:?}, got {:?}; another batch or layer wants \
                     a cache of its own",
                    keys.shape(),
                    k.value.shape()
                )));
            }
            let before = |tensor: &Tensor| k.tape().examples(tensor.clone());
            let (keys, values) = (before(keys), before(values));
            (k, v) = (Var::concat(&[&keys, &k], 1)?, Var::concat(&[&values, &v], 1)?);
        }
        self.0 = Some(((*k.value).clone(), (*v.value).clone()));
        Ok((k, v))
    }
}
