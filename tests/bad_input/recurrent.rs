//! Ids, sequences, masks and states that a layer cannot work with.

use gradus::layers::Recurrent;
use gradus::ndarray::{ArrayD, arr2};
use gradus::prelude::*;

use super::message;

fn zeros(shape: &[usize]) -> Var {
    Tape::training().input(ArrayD::<Float>::zeros(shape))
}

fn at(layer: impl Layer, shape: &[usize]) -> String {
    message(Sequential::new().add(layer).forward(&zeros(shape)))
}

#[test]
fn ids_that_are_none() {
    let ids = |id: Float| {
        let x = Tape::training().input(arr2(&[[0.0, 1.0, 2.0], [3.0, 4.0, id]]));
        message(Sequential::new().add(Embedding::new(5, 2)).forward(&x))
    };
    let larger = "make the vocabulary larger, or map rare and unknown words to an id of their own";
    let number = "number what is embedded from 0, such as by `StringLookup` or `TextVectorization`";
    for (id, text, hint) in [
        (5.0, "5", larger),
        (-1.0, "-1", number),
        (1.5, "1.5", number),
        (Float::NAN, "NaN", number),
        (Float::INFINITY, "inf", number),
    ] {
        assert_eq!(ids(id), format!("layer `embedding`: expected whole ids in 0..5, got {text} at [1, 2]; {hint}"));
    }
}

#[test]
fn settings_of_an_embedding() {
    assert_eq!(
        at(Embedding::new(0, 2), &[1, 1]),
        "layer `embedding`: expected at least 1 id and 1 unit, got 0 ids of 2 units"
    );
    assert_eq!(
        at(Embedding::new(usize::MAX, 2), &[1, 1]),
        format!(
            "layer `embedding`: expected at most 2^24 ids, which numbers can tell apart, and vectors that fit into memory, \
             got {} ids of 2 units",
            usize::MAX
        )
    );
    assert_eq!(
        at(Embedding::new(3, 2).padding_index(3), &[1, 1]),
        "layer `embedding`: expected a padding index in 0..3, got 3"
    );
    assert_eq!(
        at(Embedding::new(3, 2).mask_zero(true), &[4]),
        "layer `embedding`: expected ids [batch, time] for a mask, got [4]"
    );
    assert_eq!(
        at(Embedding::new(3, 2).output_layer(), &[4, 3]),
        "layer `tied_dense`: expected an input [batch, ..., 2] with the embedding's units in the last axis, got [4, 3]"
    );
}

#[test]
fn inputs_that_are_no_sequence() {
    assert_eq!(
        at(Lstm::new(2), &[4, 3]),
        "layer `lstm`: expected a sequence [batch, time, features], got [4, 3]; numbers take a last axis of length 1 \
         (`Reshape`), ids an `Embedding` before the layer, and a recurrent layer before it `return_sequences(true)`"
    );
    assert_eq!(
        at(Gru::new(2), &[4, 0, 3]),
        "layer `gru`: expected a sequence [batch, time, features], got [4, 0, 3]; there must be at least one step of one \
         feature"
    );
    assert_eq!(
        at(SimpleRnn::new(2), &[4, 5, 3, 2]),
        "layer `simple_rnn`: expected a sequence [batch, time, features], got [4, 5, 3, 2]; bring the axes after the \
         second into one with `TimeDistributed::new(Flatten)`"
    );
    assert_eq!(
        at(Masking::new(0.0), &[4, 5]),
        "layer `masking`: expected a sequence [batch, time, features], got [4, 5]"
    );
    assert_eq!(
        at(TimeDistributed::new(Dense::new(2)), &[4, 5]),
        "layer `time_distributed`: expected a sequence [batch, time, ...] of at least three axes, got [4, 5]"
    );
    assert_eq!(
        at(TimeDistributed::new(GlobalAvgPool2d), &[4, 5, 2]),
        "layer `time_distributed`: expected an input [batch, height, width, channels], got [20, 2]; give it its axes back \
         with `Reshape`"
    );
    assert_eq!(
        at(Bidirectional::new(|| Lstm::new(0)), &[4, 5, 2]),
        "layer `bidirectional.forward`: expected at least 1 unit, got 0"
    );
}

#[test]
fn settings_of_recurrent_layers() {
    let shape = &[4, 5, 2];
    assert_eq!(at(Lstm::new(0), shape), "layer `lstm`: expected at least 1 unit, got 0");
    assert!(at(Gru::new(usize::MAX / 2), shape).contains("units for input [4, 5, 2] are more than memory can hold"));
    assert_eq!(at(Gru::new(2).dropout(1.0), shape), "layer `gru`: expected a dropout rate in 0..1 (1 excluded), got 1");
    assert_eq!(
        at(SimpleRnn::new(2).recurrent_dropout(-0.5), shape),
        "layer `simple_rnn`: expected a dropout rate in 0..1 (1 excluded), got -0.5"
    );
    assert_eq!(
        at(Lstm::new(2).activation(Softmax), shape),
        "layer `lstm`: expected an activation of each number alone whose slope follows from its value, such as `Tanh`, \
         `Sigmoid` or `Relu`; another one takes a `Cell` in an `Rnn`"
    );
    assert_eq!(
        message(Masking::new(Float::NAN).forward(&zeros(shape))),
        "expected a number as padding, got NaN, which equals nothing"
    );
}

#[test]
fn another_sequence_than_before() {
    let model = Sequential::new().add(Lstm::new(2));
    model.forward(&zeros(&[4, 5, 3])).unwrap();
    model.forward(&zeros(&[1, 9, 3])).unwrap();
    assert_eq!(
        message(model.forward(&zeros(&[4, 5, 2]))),
        "layer `lstm`: expected 3 features in the last axis, got input [4, 5, 2]; feed what it was made for, or make a new \
         layer"
    );
}

#[test]
fn states_of_another_shape() {
    let x = zeros(&[4, 5, 3]);
    let state = |shape: &[usize]| x.tape().input(ArrayD::<Float>::zeros(shape));
    let expected = "expected a state [batch, units] = [4, 2] for input [4, 5, 3], got";
    let given = (state(&[4, 2]), state(&[3, 2]));
    assert_eq!(message(Lstm::new(2).forward_from(&x, Some(&given))), format!("{expected} [3, 2]"));
    assert_eq!(message(Gru::new(2).forward_from(&x, Some(&state(&[4, 1, 2])))), format!("{expected} [4, 1, 2]"));
}
