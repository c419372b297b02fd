//! Attention, positions and blocks of Transformers.

use gradus::layers::*;
use gradus::prelude::*;

use super::message;

fn zeros(shape: &[usize]) -> Var {
    Tape::training().input(ndarray::ArrayD::<Float>::zeros(shape))
}

fn attend(query: &[usize], key: &[usize], value: &[usize], options: impl Fn(&Tape) -> AttentionOptions) -> String {
    let tape = Tape::training();
    let input = |shape: &[usize]| tape.input(ndarray::ArrayD::<Float>::zeros(shape));
    let (query, key, value) = (input(query), input(key), input(value));
    message(scaled_dot_product_attention(&query, &key, &value, &options(&tape)))
}

#[test]
fn shapes_of_attention() {
    let plain = |_: &Tape| AttentionOptions::new();
    assert_eq!(
        attend(&[2, 3, 4], &[2, 3, 4], &[2, 3, 4], plain),
        "attention: expected arrays [batch, time, heads, size], got a query of shape [2, 3, 4], a key [2, 3, 4] and a \
         value [2, 3, 4]"
    );
    assert_eq!(
        attend(&[2, 3, 1, 4], &[2, 3, 1, 5], &[2, 3, 1, 5], plain),
        "attention: expected a key of as many examples and of the same size as the query, got a query of shape \
         [2, 3, 1, 4], a key [2, 3, 1, 5] and a value [2, 3, 1, 5]"
    );
    assert_eq!(
        attend(&[2, 3, 1, 4], &[2, 3, 1, 4], &[2, 2, 1, 5], plain),
        "attention: expected a value of as many examples, steps and heads as the key, got a query of shape \
         [2, 3, 1, 4], a key [2, 3, 1, 4] and a value [2, 2, 1, 5]"
    );
    assert_eq!(
        attend(&[2, 3, 3, 4], &[2, 3, 2, 4], &[2, 3, 2, 4], plain),
        "attention: expected a number of query heads that is a multiple of the number of key heads, got a query of shape \
         [2, 3, 3, 4], a key [2, 3, 2, 4] and a value [2, 3, 2, 4]"
    );
    assert_eq!(
        attend(&[2, 3, 0, 4], &[2, 3, 0, 4], &[2, 3, 0, 4], plain),
        "attention: expected at least 1 head and sizes of at least 1, got a query of shape [2, 3, 0, 4], a key \
         [2, 3, 0, 4] and a value [2, 3, 0, 4]"
    );
}

#[test]
fn nothing_to_attend_to_is_no_error() {
    for (batch, queries, keys) in [(0, 2, 2), (2, 0, 2), (2, 3, 0)] {
        let tape = Tape::training();
        let input = |time| tape.variable(ndarray::ArrayD::<Float>::ones(vec![batch, time, 1, 4]));
        let (query, key) = (input(queries), input(keys));
        let y = scaled_dot_product_attention(&query, &key, &key, &AttentionOptions::new().causal(true)).unwrap();
        assert!(y.shape() == [batch, queries, 1, 4] && y.value().iter().all(|y| *y == 0.0 || keys > 0));
        y.sum().backward().unwrap();
    }
}

#[test]
fn options_of_attention() {
    let one: &[usize] = &[2, 3, 1, 4];
    let with = |options: fn(&Tape) -> AttentionOptions| attend(one, one, one, options);
    assert_eq!(with(|_| AttentionOptions::new().dropout(1.0)), "expected a dropout rate in 0..1 (1 excluded), got 1");
    assert_eq!(with(|_| AttentionOptions::new().soft_cap(0.0)), "expected a soft cap above 0, got 0");
    assert_eq!(with(|_| AttentionOptions::new().scale(Float::NAN)), "expected a finite scale of the scores, got NaN");
    assert_eq!(
        with(|tape| AttentionOptions::new().mask(&tape.constant(ndarray::array![[0.0, 1.0, -1e9]]))),
        "expected an attention mask of zeros and ones, got -1000000000 in it; numbers to add to the scores are a `bias`"
    );
    assert_eq!(
        with(|tape| AttentionOptions::new().bias(&tape.constant(ndarray::Array2::<Float>::zeros((2, 3))))),
        "attention: expected a bias that broadcasts to [batch, heads, queries, keys] = [2, 1, 3, 3], got [2, 3]"
    );
    assert_eq!(
        with(|tape| AttentionOptions::new().mask(&tape.constant(ndarray::ArrayD::<Float>::zeros(vec![1; 5])))),
        "attention: expected a mask that broadcasts to [batch, heads, queries, keys] = [2, 1, 3, 3], got \
         [1, 1, 1, 1, 1]"
    );
}

#[test]
fn settings_of_multi_head_attention() {
    let at = |layer: MultiHeadAttention, shape: &[usize]| message(layer.forward(&zeros(shape)));
    assert_eq!(at(MultiHeadAttention::new(2, 4), &[2, 8]), "expected an input [batch, time, features], got [2, 8]");
    assert_eq!(
        at(MultiHeadAttention::new(0, 4), &[2, 3, 8]),
        "expected at least 1 head, and sizes of at least 1, got heads, size, value size, output size and heads of keys \
         [0, 4, 1, 1, 0]"
    );
    assert_eq!(
        at(MultiHeadAttention::new(3, 4).key_value_heads(2), &[2, 3, 8]),
        "expected a number of heads that is a multiple of `key_value_heads`, got 3 and 2"
    );
    assert_eq!(
        at(MultiHeadAttention::new(1, 3).rotary(RotaryEmbedding::new()), &[2, 3, 8]),
        "expected to turn an even number of features, at least 2 and at most those of the last axis, got 3 for input \
         [2, 3, 1, 3]"
    );
    let layer = MultiHeadAttention::new(2, 4);
    layer.forward(&zeros(&[2, 3, 8])).unwrap();
    assert_eq!(
        at(layer, &[2, 3, 7]),
        "layer `query`: expected 8 features in the last axis, got input [2, 3, 7]; feed what it was made for, or make a \
         new layer"
    );
}

#[test]
fn a_cache_takes_no_padding_and_no_other_batch() {
    let layer = MultiHeadAttention::new(2, 4);
    let mut cache = KeyValueCache::new();
    let padded = zeros(&[1, 2, 8]).with_mask(ndarray::array![[1, 0]]).unwrap();
    assert_eq!(
        message(layer.forward_cached(&padded, &mut cache)),
        "a cache takes sequences without padding, got one with a mask; `without_mask` drops it"
    );
    layer.forward_cached(&zeros(&[1, 2, 8]), &mut cache).unwrap();
    assert_eq!(
        message(layer.forward_cached(&zeros(&[2, 1, 8]), &mut cache)),
        "expected keys [batch, time, heads, size] as in the cache, [1, 2, 2, 4], got [2, 1, 2, 4]; another batch or layer wants \
         a cache of its own"
    );
    assert_eq!(cache.len(), 2);
}

#[test]
fn positions() {
    let model = Sequential::new().add(LearnedPositions::new(3));
    assert_eq!(
        message(model.forward(&zeros(&[1, 4, 2]))),
        "layer `learned_positions`: expected at most 3 steps, for which there are positions, got input [1, 4, 2]; cut \
         the sequences, or make the table longer"
    );
    assert_eq!(
        message(LearnedPositions::new(0).forward(&zeros(&[1, 0, 2]))),
        "expected a table of at least 1 row and 1 feature, got 0 rows and input [1, 0, 2]"
    );
    assert_eq!(
        message(SinusoidalPositions::new().forward(&zeros(&[4, 2]))),
        "expected an input [batch, time, features], got [4, 2]"
    );
    assert_eq!(
        message(RotaryEmbedding::new().base(-1.0).forward(&zeros(&[1, 4, 2]))),
        "expected a base above 0, got -1"
    );
    assert_eq!(
        message(RotaryEmbedding::new().forward(&zeros(&[4, 2]))),
        "expected an input [batch, time, ..., size], got [4, 2]"
    );
}

#[test]
fn blocks_of_transformers() {
    let model = Sequential::new().add_named("block", TransformerEncoder::new(8, 2, 16));
    assert_eq!(
        message(model.forward(&zeros(&[2, 3, 6]))),
        "layer `block`: expected an input [batch, time, 8], got [2, 3, 6]; make the block of that size, or put `Dense::new(8)` before \
         it"
    );
    assert_eq!(
        message(TransformerEncoder::new(8, 3, 16).forward(&zeros(&[2, 3, 8]))),
        "expected a size that is a multiple of the number of heads, both at least 1, got 8 and 3"
    );
    assert_eq!(
        message(TransformerEncoder::new(8, 0, 16).forward(&zeros(&[2, 3, 8]))),
        "expected a size that is a multiple of the number of heads, both at least 1, got 8 and 0"
    );
    assert_eq!(
        message(TransformerEncoder::new(8, 2, 0).forward(&zeros(&[2, 3, 8]))),
        "layer `linear_1`: expected at least 1 unit, got 0"
    );
    let decoder = TransformerDecoder::new(8, 2, 16);
    assert_eq!(
        message(decoder.forward(&{
            let tape = Tape::training();
            let input = |shape: &[usize]| tape.input(ndarray::ArrayD::<Float>::zeros(shape));
            (input(&[2, 3, 8]), input(&[2, 8]))
        })),
        "layer `cross_attention`: expected an input [batch, time, features], got [2, 8]"
    );
}
