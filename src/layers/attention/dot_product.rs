//! Scaled dot product attention.

use rand::RngExt;

use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::config::settings;
use crate::error::{Error, Result};
use crate::kernels::attention::{Attention, Broadcast, Sizes};
use crate::tensor::{Float, Tensor, data, tensor};

settings! {
    /// What [`scaled_dot_product_attention`] does besides.
    ///
    /// # Defaults
    /// every query sees every key, scores are divided by `√size`, no dropout
    /// # Example
    /// ```
    /// use gradus::layers::AttentionOptions;
    /// use gradus::prelude::*;
    /// let options = AttentionOptions::new().causal(true).dropout(0.1);
    /// ```
    #[derive(Clone, Debug)]
    pub struct AttentionOptions {
        /// The factor of the products of queries and keys, or else `1 / √size`.
        scale: [option Float] = None,
        /// Bends the scores so that none exceeds it: `most tanh(score / most)`, before masks, and before the bias unless
        /// [`Self::cap_bias`] is set.
        soft_cap: [option Float] = None,
        /// Whether the [soft cap](Self::soft_cap) bends the scores with the bias on them. Masks stay after it.
        cap_bias: [bool] = false,
        /// The share of the weights that are dropped in training.
        dropout: [Float] = 0.0,
    }
    private {
        causal: Option<usize> = None,
        mask: Option<Var> = None,
        bias: Option<Var> = None,
    }
}

impl AttentionOptions {
    /// Creates the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether query `i` sees the keys 0 to `i` only.
    #[doc(alias = "is_causal")]
    #[doc(alias = "use_causal_mask")]
    #[must_use]
    pub fn causal(self, yes: bool) -> Self {
        Self { causal: yes.then_some(0), ..self }
    }

    /// Lets query `i` see the keys 0 to `first + i` only, as when `first` keys were there before.
    #[must_use]
    pub fn causal_from(self, first: usize) -> Self {
        Self { causal: Some(first), ..self }
    }

    /// Sets which keys each query sees: 1 for those and 0 for others. Its shape broadcasts to
    /// `[batch, heads, queries, keys]`. No gradient flows into it.
    #[doc(alias = "attn_mask")]
    #[doc(alias = "attention_mask")]
    #[must_use]
    pub fn mask(self, mask: &Var) -> Self {
        Self { mask: Some(mask.detach()), ..self }
    }

    /// Sets what is added to the scores, such as a relative position bias; a shape that broadcasts to
    /// `[batch, heads, queries, keys]`. Gradients flow into it.
    #[doc(alias = "attn_mask")]
    #[must_use]
    pub fn bias(self, bias: &Var) -> Self {
        Self { bias: Some(bias.clone()), ..self }
    }

    fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::value(format!("expected a dropout rate in 0..1 (1 excluded), got {}", self.dropout)));
        }
        if let Some(scale) = self.scale.filter(|scale| !scale.is_finite()) {
            return Err(Error::value(format!("expected a finite scale of the scores, got {scale}")));
        }
        if let Some(cap) = self.soft_cap.filter(|cap| !(*cap > 0.0 && cap.is_finite())) {
            return Err(Error::value(format!("expected a soft cap above 0, got {cap}")));
        }
        Ok(())
    }
}

/// Computes attention: for each query a mean of the values, weighted by the softmax of its products with the keys,
/// `softmax(query · keyᵀ / √size) · value`.
///
/// One operation that works on some queries at a time and keeps one number for each, so that memory does not grow with
/// the square of the time. Keys that the [mask](Var::mask) of `key` (or else of `value`) leaves out are not seen; a
/// query that sees no key gives zeros.
///
/// # Shapes
/// query `[batch, queries, heads, size]`, key `[batch, keys, key_heads, size]`, value `[batch, keys, key_heads,
/// value_size]`, output `[batch, queries, heads, value_size]`. Fewer heads of keys than of queries are grouped-query
/// attention, one is multi-query attention: each serves `heads / key_heads` neighbours.
/// # Errors
/// other shapes; a number of heads that is not a multiple of that of the keys; a mask or bias that does not broadcast;
/// a mask of other numbers than 0 and 1; a rate outside of 0 to 1; a soft cap that is not above 0
/// # Example
/// ```
/// use gradus::layers::{AttentionOptions, scaled_dot_product_attention};
/// use gradus::prelude::*;
/// let tape = Tape::inference();
/// let query = tape.input(ndarray::Array4::<f32>::ones((2, 5, 8, 16)));
/// let key = tape.input(ndarray::Array4::<f32>::ones((2, 7, 4, 16)));
/// let value = tape.input(ndarray::Array4::<f32>::ones((2, 7, 4, 24)));
/// let y = scaled_dot_product_attention(&query, &key, &value, &AttentionOptions::new())?;
/// assert_eq!(y.shape(), [2, 5, 8, 24]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Vaswani et al. 2017; Dao et al. 2022 (blocks); Ainslie et al. 2023 (grouped queries); PyTorch
/// `scaled_dot_product_attention`, Keras `dot_product_attention`
#[doc(alias = "dot_product_attention")]
#[doc(alias = "flash_attention")]
pub fn scaled_dot_product_attention(query: &Var, key: &Var, value: &Var, options: &AttentionOptions) -> Result<Var> {
    options.check()?;
    let sizes = sizes(query.value.shape(), key.value.shape(), value.value.shape())?;
    let bias_shape = options.bias.as_ref().map(|bias| spread("bias", bias.value.shape(), &sizes)).transpose()?;
    let mask_shape = options.mask.as_ref().map(|mask| spread("mask", mask.value.shape(), &sizes)).transpose()?;
    if let Some(other) =
        options.mask.as_ref().and_then(|mask| data(&mask.value).iter().find(|x| **x != 0.0 && **x != 1.0))
    {
        return Err(Error::value(format!(
            "expected an attention mask of zeros and ones, got {other} in it; numbers to add to the scores are a `bias`"
        )));
    }
    let drops = options.dropout > 0.0 && query.tape().is_noisy();
    let op = AttentionOp {
        sizes,
        scale: options.scale.unwrap_or(1.0 / (sizes.size as Float).sqrt()),
        causal: options.causal,
        soft_cap: options.soft_cap,
        caps_bias: options.cap_bias,
        dropout: drops.then(|| (options.dropout, query.tape().random(|rng| rng.random()))),
        key_mask: key.mask.as_deref().or(value.mask.as_deref()).cloned(),
        bias_shape,
        mask_shape,
        inputs: Vec::new(),
        log_sums: Vec::new(),
    };
    // The steps of the output are those of the queries.
    let others = [Some(key), Some(value), options.bias.as_ref(), options.mask.as_ref()].into_iter().flatten();
    let others: Vec<Var> = others.map(|var| var.clone().without_mask()).collect();
    Ok(query.tape().apply(op, &[query].into_iter().chain(&others).collect::<Vec<_>>()))
}

fn sizes(query: &[usize], key: &[usize], value: &[usize]) -> Result<Sizes> {
    let fail = |expected: &str| {
        let shapes = format!("got a query of shape {query:?}, a key {key:?} and a value {value:?}");
        Err(Error::shape(format!("attention: expected {expected}, {shapes}")))
    };
    let (&[batch, queries, heads, size], &[_, keys, key_heads, _], &[.., value_size]) = (query, key, value) else {
        return fail("arrays [batch, time, heads, size]");
    };
    if key != [batch, keys, key_heads, size] {
        return fail("a key of as many examples and of the same size as the query");
    }
    if value != [batch, keys, key_heads, value_size] {
        return fail("a value of as many examples, steps and heads as the key");
    }
    if [heads, key_heads, size, value_size].contains(&0) {
        return fail("at least 1 head and sizes of at least 1");
    }
    if !heads.is_multiple_of(key_heads) {
        return fail("a number of query heads that is a multiple of the number of key heads");
    }
    Ok(Sizes { batch, heads, key_heads, queries, keys, size, value_size })
}

/// The shape with four axes, each as long as that of the scores or 1.
fn spread(who: &str, shape: &[usize], sizes: &Sizes) -> Result<[usize; 4]> {
    let scores = [sizes.batch, sizes.heads, sizes.queries, sizes.keys];
    let mut full = [1; 4];
    if shape.len() <= 4 {
        full[4 - shape.len()..].copy_from_slice(shape);
    }
    if shape.len() > 4 || full.iter().zip(scores).any(|(len, want)| *len != 1 && *len != want) {
        return Err(Error::shape(format!(
            "attention: expected a {who} that broadcasts to [batch, heads, queries, keys] = {scores:?}, got {shape:?}"
        )));
    }
    Ok(full)
}

/// `y = softmax(scale query · keyᵀ + bias) · value`
struct AttentionOp {
    sizes: Sizes,
    scale: Float,
    causal: Option<usize>,
    soft_cap: Option<Float>,
    caps_bias: bool,
    dropout: Option<(Float, u64)>,
    key_mask: Option<Tensor>,
    bias_shape: Option<[usize; 4]>,
    mask_shape: Option<[usize; 4]>,
    /// Query, key, value, bias if any, mask if any.
    inputs: Vec<Tensor>,
    log_sums: Vec<Float>,
}

impl AttentionOp {
    /// Keys or values, each as often as it serves heads of the queries.
    fn repeated(&self, form: &mut OnnxForm, name: &str) -> String {
        let Sizes { heads, key_heads, .. } = self.sizes;
        if heads == key_heads {
            return name.into();
        }
        let shape = form.shape(if name == "in1" { 1 } else { 2 }).to_vec();
        let (after, times) = (form.ints([&3]), form.ints(&[1, 1, 1, heads / key_heads, 1]));
        let apart = form.node("Unsqueeze", &[name, &after], &[]);
        let copies = form.node("Expand", &[&apart, &times], &[]);
        form.reshape(&copies, &[shape[0], shape[1], heads, shape[3]])
    }

    fn attention(&self) -> Attention<'_> {
        let Sizes { batch, keys, .. } = self.sizes;
        let extra =
            |shape: Option<[usize; 4]>, i: usize| shape.map(|shape| Broadcast::new(data(&self.inputs[i]), shape));
        let mask = extra(self.mask_shape, self.inputs.len() - 1);
        let key_mask = self.key_mask.as_ref().map(|mask| Broadcast::new(data(mask), [batch, 1, 1, keys]));
        Attention {
            sizes: self.sizes,
            query: data(&self.inputs[0]),
            key: data(&self.inputs[1]),
            value: data(&self.inputs[2]),
            scale: self.scale,
            causal: self.causal,
            soft_cap: self.soft_cap,
            caps_bias: self.caps_bias,
            bias: extra(self.bias_shape, 3),
            masks: [key_mask, mask],
            dropout: self.dropout,
        }
    }
}

impl Op for AttentionOp {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let Sizes { batch, heads, queries, value_size, .. } = self.sizes;
        self.inputs = inputs.iter().map(|input| (*input).clone()).collect();
        let (mut y, mut log_sums) = (buffer(batch * queries * heads * value_size), vec![0.0; batch * heads * queries]);
        self.attention().forward(&mut y, &mut log_sums);
        self.log_sums = log_sums;
        tensor(&[batch, queries, heads, value_size], y)
    }

    /// With the weights `p`: `dvalue = pᵀ · dy`, `dp = dy · valueᵀ`, `ds = p (dp - Σ p dp)`,
    /// `dquery = scale ds · key`, `dkey = scale dsᵀ · query`, `dbias = ds`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let mut grads: Vec<_> = self.inputs[..3].iter().map(|input| buffer(input.len())).collect();
        let wants_bias = self.bias_shape.is_some() && dx.wants(3);
        let mut bias = wants_bias.then(|| zeros(self.inputs[3].len()));
        if let [dq, dk, dv] = grads.as_mut_slice() {
            self.attention().backward(&self.log_sums, data(dy), [dq, dk, dv], bias.as_deref_mut());
        }
        for (i, (grad, input)) in grads.into_iter().chain(bias).zip(&self.inputs).enumerate() {
            dx.add(i, || tensor(input.shape(), grad));
        }
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        let shapes = self.bias_shape.iter().chain(&self.mask_shape);
        let of_inputs = inputs[..3].iter().all(|input| *input == Dependence::PerExample);
        let mut extras = inputs[3..].iter().zip(shapes).zip(&self.inputs[3..]);
        let apart = extras.all(|((input, shape), tensor)| match input {
            Dependence::PerExample => tensor.ndim() == 4 && shape[0] == self.sizes.batch,
            Dependence::Constant => shape[0] == 1,
            _ => false,
        });
        if of_inputs && apart { Dependence::PerExample } else { Dependence::across_batch(inputs) }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let Sizes { queries, keys, .. } = self.sizes;
        let query = form.permute("in0", [0, 2, 1, 3]);
        let [key, value] = ["in1", "in2"].map(|name| self.repeated(form, name));
        let key = form.permute(&key, [0, 2, 3, 1]);
        let value = form.permute(&value, [0, 2, 1, 3]);
        let scale = form.number(self.scale);
        let scores = form.node("MatMul", &[&query, &key], &[]);
        let mut scores = form.node("Mul", &[&scores, &scale], &[]);
        let cap = |form: &mut OnnxForm, scores: &str, most: Float| {
            let most = form.number(most);
            let small = form.node("Div", &[scores, &most], &[]);
            let bent = form.node("Tanh", &[&small], &[]);
            form.node("Mul", &[&bent, &most], &[])
        };
        if let Some(most) = self.soft_cap.filter(|_| !self.caps_bias) {
            scores = cap(form, &scores, most);
        }
        if self.bias_shape.is_some() {
            scores = form.node("Add", &[&scores, "in3"], &[]);
        }
        if let Some(most) = self.soft_cap.filter(|_| self.caps_bias) {
            scores = cap(form, &scores, most);
        }
        let least = form.number(-1e30);
        let hide = |form: &mut OnnxForm, seen: &str, scores: &str| {
            let seen = form.node("Cast", &[seen], &[("to", OnnxAttribute::Int(9))]);
            form.node("Where", &[&seen, scores, &least], &[])
        };
        if self.mask_shape.is_some() {
            let mask = form.input(form.len() - 1);
            scores = hide(form, &mask, &scores);
        }
        if let Some(mask) = &self.key_mask {
            let (mask, axes) = (form.mask(mask), form.ints([&1, &2]));
            let mask = form.node("Unsqueeze", &[&mask, &axes], &[]);
            scores = hide(form, &mask, &scores);
        }
        if let Some(first) = self.causal {
            let (one, shape, first) = (form.number(1.0), form.ints(&[queries, keys]), form.ints(&[first]));
            let (all, first) = (form.node("Expand", &[&one, &shape], &[]), form.node("Squeeze", &[&first], &[]));
            let seen = form.node("Trilu", &[&all, &first], &[("upper", OnnxAttribute::Int(0))]);
            scores = hide(form, &seen, &scores);
        }
        let weights = form.node("Softmax", &[&scores], &[("axis", OnnxAttribute::Int(-1))]);
        let y = form.node("MatMul", &[&weights, &value], &[]);
        Some(form.permute(&y, [0, 2, 1, 3]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr2, array};

    use super::*;
    use crate::autograd::Tape;

    /// One head of size 1 and the values 0, 10, 20, ...
    fn attend(queries: &[Float], keys: &[Float], options: &AttentionOptions) -> Vec<Float> {
        let tape = Tape::inference();
        let input = |numbers: Vec<Float>| tape.input(tensor(&[1, numbers.len(), 1, 1], numbers));
        let value = input((0..keys.len()).map(|i| i as Float * 10.0).collect());
        let y = scaled_dot_product_attention(&input(queries.into()), &input(keys.into()), &value, options).unwrap();
        y.value().iter().copied().collect()
    }

    #[test]
    fn is_a_mean_by_softmax() {
        // exp(ln 3) = 3: weights 1/4 and 3/4.
        let y = attend(&[1.0, 0.0], &[0.0, (3.0 as Float).ln()], &AttentionOptions::new());
        assert!((y[0] - 7.5).abs() < 1e-5 && (y[1] - 5.0).abs() < 1e-5, "{y:?}");
        let y = attend(&[0.0; 3], &[0.0; 3], &AttentionOptions::new().causal(true));
        assert!(y.iter().zip([0.0, 5.0, 10.0]).all(|(y, want)| (y - want).abs() < 1e-5), "{y:?}");
        assert_eq!(attend(&[0.0], &[0.0; 3], &AttentionOptions::new().causal_from(1)), [5.0]);
    }

    #[test]
    fn who_sees_no_key_gives_zeros_and_numbers_that_are_none_show() {
        let tape = Tape::training();
        let x = tape.variable(tensor(&[2, 2, 1, 1], vec![1.0, 2.0, 3.0, 4.0]));
        let key = x.clone().with_mask(arr2(&[[0, 0], [1, 0]])).unwrap();
        let y = scaled_dot_product_attention(&x, &key, &x, &AttentionOptions::new()).unwrap();
        assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.0, 3.0, 3.0]);
        assert!(y.mask().is_none());
        let dx = y.sum().backward().unwrap();
        assert_eq!(dx.of(&x).unwrap().as_slice().unwrap(), [0.0, 0.0, 2.0, 0.0]);
        assert!(attend(&[Float::NAN], &[1.0, 1.0], &AttentionOptions::new())[0].is_nan());
    }

    #[test]
    fn dropout_leaves_the_mean_and_the_backward_pass_drops_the_same() {
        let tape = Tape::training().seed(4);
        let ones = |shape: &[usize]| tape.variable(tensor(shape, vec![1.0; shape.iter().product()]));
        let (x, value) = (ones(&[1, 100, 1, 1]), ones(&[1, 100, 1, 1]));
        let y = scaled_dot_product_attention(&x, &x, &value, &AttentionOptions::new().dropout(0.25)).unwrap();
        let mean = y.value().sum() / 100.0;
        assert!((mean - 1.0).abs() < 0.02 && y.value().iter().any(|y| (y - 1.0).abs() > 0.02), "{mean}");
        // All values are 1, so that the sum of the weights that were kept is the sum of either.
        let dv = y.sum().backward().unwrap().of(&value).unwrap().sum();
        assert!((dv - y.value().sum()).abs() < 1e-3, "{dv}");
    }

    #[test]
    fn says_how_it_depends_on_examples() {
        let tape = Tape::inference();
        let x = tape.input(ndarray::Array4::<Float>::ones((2, 3, 1, 1)));
        let of = |options: AttentionOptions| scaled_dot_product_attention(&x, &x, &x, &options).unwrap().dependence;
        assert_eq!(of(AttentionOptions::new()), Dependence::PerExample);
        let constant = |shape: [usize; 4]| tape.constant(ndarray::Array4::<Float>::ones(shape));
        assert_eq!(of(AttentionOptions::new().bias(&constant([1, 1, 3, 3]))), Dependence::PerExample);
        assert_eq!(of(AttentionOptions::new().mask(&constant([2, 1, 3, 3]))), Dependence::AcrossBatch);
        let own = tape.input(ndarray::Array4::<Float>::ones((2, 1, 1, 3)));
        assert_eq!(of(AttentionOptions::new().mask(&own)), Dependence::PerExample);
        let row = tape.input(array![1.0, 0.0, 1.0]);
        assert_eq!(of(AttentionOptions::new().mask(&row)), Dependence::AcrossBatch);
    }
}
