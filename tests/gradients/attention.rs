//! A row for attention, positions and the blocks of Transformers, and each of their options.

use gradus::initializers::RandomNormal;
use gradus::layers::{
    AdditiveAttention, Attention, AttentionOptions, LearnedPositions, Operator, Rescaling, RotaryEmbedding,
    SinusoidalPositions, TransformerDecoder, scaled_dot_product_attention,
};
use gradus::prelude::*;

use super::{Function, Row, function, layer, numbers};

/// Batch, time, heads and size of the queries; the keys have other times and fewer heads where that is tried.
const QUERY: &[usize] = &[2, 3, 2, 4];
const KEY: &[usize] = &[2, 4, 2, 4];

type Options = fn(AttentionOptions) -> AttentionOptions;

pub(crate) fn functions() -> Vec<Function> {
    let mut rows = Vec::new();
    let mut attention = |name: &str, query: &[usize], key: &[usize], value: &[usize], options: Options| {
        let inputs = [numbers(query), numbers(key), numbers(value)];
        rows.push(function(format!("scaled_dot_product_attention {name}"), &inputs, move |x| {
            scaled_dot_product_attention(&x[0], &x[1], &x[2], &options(AttentionOptions::new()))
        }));
    };
    attention("plain", QUERY, KEY, KEY, |options| options);
    attention("causal", QUERY, QUERY, QUERY, |options| options.causal(true));
    attention("causal from a step", QUERY, KEY, KEY, |options| options.causal_from(1));
    attention("scale", QUERY, KEY, KEY, |options| options.scale(-0.3));
    attention("soft cap", QUERY, KEY, KEY, |options| options.soft_cap(0.7));
    attention("dropout", QUERY, KEY, KEY, |options| options.dropout(0.3));
    attention("soft cap and dropout", QUERY, KEY, KEY, |options| options.soft_cap(2.0).dropout(0.3));
    attention("value size", QUERY, KEY, &[2, 4, 2, 3], |options| options);
    attention("grouped queries", &[2, 3, 4, 2], &[2, 5, 2, 2], &[2, 5, 2, 3], |options| options);
    attention("multi-query", &[1, 3, 3, 2], &[1, 5, 1, 2], &[1, 5, 1, 2], |options| options.causal_from(2));
    attention("several blocks", &[1, 140, 1, 1], &[1, 2, 1, 1], &[1, 2, 1, 1], |options| options);

    let inputs = [numbers(QUERY), numbers(KEY), numbers(KEY)];
    rows.push(function("scaled_dot_product_attention padding", &inputs, |x| {
        let key = x[1].clone().with_mask(ndarray::array![[1, 1, 1, 0], [0, 1, 0, 0]])?;
        scaled_dot_product_attention(&x[0], &key, &x[2], &AttentionOptions::new())
    }));
    rows.push(function("scaled_dot_product_attention with rows that see nothing", &inputs, |x| {
        let key = x[1].clone().with_mask(ndarray::array![[0, 0, 0, 0], [0, 1, 0, 0]])?;
        let mask = x[0].tape().constant(ndarray::array![[1, 0, 1, 0], [1, 1, 0, 1], [0, 1, 1, 1]]);
        scaled_dot_product_attention(&x[0], &key, &x[2], &AttentionOptions::new().mask(&mask).causal(true))
    }));
    for shape in [vec![2, 2, 3, 4], vec![3, 4], vec![2, 1, 1, 4], vec![2, 3, 1], vec![]] {
        let inputs = [numbers(QUERY), numbers(KEY), numbers(KEY), numbers(&shape)];
        rows.push(function(format!("scaled_dot_product_attention bias {shape:?}"), &inputs, |x| {
            let options = AttentionOptions::new().bias(&x[3]).soft_cap(3.0).dropout(0.2);
            scaled_dot_product_attention(&x[0], &x[1], &x[2], &options)
        }));
        rows.push(function(format!("scaled_dot_product_attention bias {shape:?}, cap over bias"), &inputs, |x| {
            let options = AttentionOptions::new().bias(&x[3]).soft_cap(3.0).cap_bias(true);
            scaled_dot_product_attention(&x[0], &x[1], &x[2], &options)
        }));
    }
    let inputs = [numbers(&[1, 3, 4, 2]), numbers(&[1, 3, 2, 2]), numbers(&[4, 3, 3])];
    rows.push(function("scaled_dot_product_attention bias of grouped queries", &inputs, |x| {
        scaled_dot_product_attention(&x[0], &x[1], &x[1], &AttentionOptions::new().bias(&x[2]).causal(true))
    }));
    rows
}

/// A layer of two sequences on one: the other is the first three steps of it, halved.
struct Paired<L>(L);

impl<L: Layer<(Var, Var)>> Layer for Paired<L> {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.0.forward(&(x.clone(), x.slice(1, ..3.min(x.shape()[1]))? * 0.5))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.0.params(list);
    }
}

/// A layer of a query, values and keys on one sequence: the query is its first steps, and the keys are half of it.
fn scored(attention: impl Layer<Vec<Var>>) -> Graph<Var, Var> {
    let first = Operator::new("get_item").slices(vec![vec![None, None], vec![None, Some(3)]]);
    Graph::new("x")
        .add("first", first, "x")
        .add("half", Rescaling::new(0.5), "x")
        .add("attention", attention, ["first", "x", "half"])
        .outputs("attention")
        .typed()
}

/// A layer on a sequence of which some steps are padding.
struct Padded<L>(L);

impl<L: Layer> Layer for Padded<L> {
    fn forward(&self, x: &Var) -> Result<Var> {
        let mask = ndarray::Array2::from_shape_fn((x.shape()[0], x.shape()[1]), |(_, step)| u8::from(step != 1));
        self.0.forward(&x.clone().with_mask(mask)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.0.params(list);
    }
}

pub(crate) fn table() -> Vec<Row> {
    // The last axis is what the parameters were made for.
    const SEQUENCES: &[usize] = &[2, 4, 6];
    const OTHER: Option<&[usize]> = Some(&[2, 4, 5]);
    let heads = || MultiHeadAttention::new(2, 4);
    let encoder = || TransformerEncoder::new(6, 2, 5).activation(Tanh);
    let decoder = || TransformerDecoder::new(6, 2, 5).activation(Tanh);
    vec![
        layer("MultiHeadAttention", SEQUENCES, OTHER, heads),
        layer("MultiHeadAttention value size", SEQUENCES, OTHER, move || heads().value_size(3)),
        layer("MultiHeadAttention output size", SEQUENCES, OTHER, move || heads().output_size(3)),
        layer("MultiHeadAttention without bias", SEQUENCES, OTHER, move || heads().use_bias(false)),
        layer("MultiHeadAttention causal", SEQUENCES, OTHER, move || heads().causal(true)),
        layer("MultiHeadAttention dropout", SEQUENCES, OTHER, move || heads().dropout(0.3)),
        layer("MultiHeadAttention grouped", SEQUENCES, OTHER, move || heads().key_value_heads(1)),
        layer("MultiHeadAttention rotary", SEQUENCES, OTHER, move || heads().rotary(RotaryEmbedding::new().base(10.0))),
        layer("MultiHeadAttention padding", SEQUENCES, OTHER, move || Padded(heads())),
        layer("CrossAttention", SEQUENCES, OTHER, move || Paired(heads().cross())),
        layer("CrossAttention grouped", SEQUENCES, OTHER, move || Paired(heads().key_value_heads(1).cross())),
        layer("Attention", SEQUENCES, Some(&[2, 4]), || scored(Attention::new())),
        layer("Attention scale", SEQUENCES, Some(&[2, 4]), || scored(Attention::new().use_scale(true))),
        layer("Attention causal, padding", SEQUENCES, Some(&[2, 4]), || Padded(scored(Attention::new().causal(true)))),
        layer("Attention dropout", SEQUENCES, Some(&[2, 4]), || scored(Attention::new().dropout(0.3))),
        layer("AdditiveAttention", SEQUENCES, OTHER, || scored(AdditiveAttention::new())),
        layer("AdditiveAttention without scale, padding", SEQUENCES, Some(&[2, 4]), || {
            Padded(scored(AdditiveAttention::new().use_scale(false)))
        }),
        layer("RotaryEmbedding", &[2, 3, 6], Some(&[2, 3, 5]), RotaryEmbedding::new),
        layer("RotaryEmbedding on heads", &[2, 3, 2, 4], Some(&[2, 4]), RotaryEmbedding::new),
        layer("RotaryEmbedding interleaved", &[2, 3, 6], Some(&[2, 3, 5]), || RotaryEmbedding::new().interleaved(true)),
        layer("RotaryEmbedding base and size", &[2, 3, 6], Some(&[2, 3, 3]), || {
            RotaryEmbedding::new().base(50.0).size(4)
        }),
        layer("SinusoidalPositions", &[2, 3, 5], Some(&[2, 3]), SinusoidalPositions::new),
        layer("SinusoidalPositions base", &[2, 3, 5], Some(&[2, 3]), || SinusoidalPositions::new().base(20.0)),
        layer("LearnedPositions", &[2, 3, 5], Some(&[2, 5, 5]), || LearnedPositions::new(4)),
        layer("LearnedPositions initializer", &[2, 3, 5], Some(&[2, 3, 4]), || {
            LearnedPositions::new(3).initializer(RandomNormal::default())
        }),
        layer("TransformerEncoder", SEQUENCES, OTHER, encoder),
        layer("TransformerEncoder before norms", SEQUENCES, OTHER, move || encoder().pre_norm(true).epsilon(1e-3)),
        layer("TransformerEncoder dropout", SEQUENCES, OTHER, move || encoder().dropout(0.2)),
        layer("TransformerEncoder causal", SEQUENCES, OTHER, move || encoder().causal(true).activation(Gelu)),
        layer("TransformerEncoder attention", SEQUENCES, OTHER, move || {
            encoder().attention(|attention| attention.key_value_heads(1).use_bias(false))
        }),
        layer("TransformerEncoder padding", SEQUENCES, OTHER, move || Padded(encoder())),
        layer("TransformerDecoder", SEQUENCES, OTHER, move || Paired(decoder())),
        layer("TransformerDecoder before norms", SEQUENCES, OTHER, move || Paired(decoder().pre_norm(true))),
        layer("TransformerDecoder that sees all", SEQUENCES, OTHER, move || Paired(decoder().causal(false))),
        layer("TransformerDecoder dropout", SEQUENCES, OTHER, move || Paired(decoder().dropout(0.2).epsilon(1e-3))),
    ]
}
