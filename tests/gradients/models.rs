//! Rows of ready networks.

use gradus::models::*;
use gradus::prelude::*;

use super::recurrent::to_ids;
use super::{Row, layer};

/// Ids from 0 to 5, some of them masked, and token types.
fn pairs(x: &Var) -> Var {
    let types = to_ids(x) * 0.0 + x.tape().constant(ndarray::arr1(&[0.0, 1.0, 1.0, 0.0]));
    Var::stack(&[&to_ids(x), &types], 2).unwrap().with_mask(mask(x)).unwrap()
}

fn masked(x: &Var) -> Var {
    to_ids(x).with_mask(mask(x)).unwrap()
}

fn mask(x: &Var) -> ndarray::Array2<u8> {
    ndarray::Array2::from_shape_fn((x.shape()[0], x.shape()[1]), |(_, step)| u8::from(step != 2))
}

pub(crate) fn table() -> Vec<Row> {
    const IDS: &[usize] = &[2, 4];
    let config = BertConfig {
        vocabulary: 7,
        size: 4,
        layers: 2,
        heads: 2,
        hidden: 5,
        positions: 4,
        epsilon: 1e-3,
        deviation: 0.5,
        // The embedding of padding gets no gradient, so that only the mean may see it.
        padding_id: Some(6),
        ..BertConfig::default()
    };
    let with_padding = BertConfig { padding_id: Some(0), ..config.clone() };
    let bert = move || Bert::new(&config);
    let on = |input: fn(&Var) -> Var, model: Sequential| Sequential::new().add(input).add(model);
    let config = Gpt2Config {
        vocabulary: 6,
        size: 4,
        layers: 2,
        heads: 2,
        positions: 5,
        epsilon: 1e-2,
        deviation: 0.2,
        ..Gpt2Config::default()
    };
    vec![
        layer("Bert", IDS, None, {
            let bert = bert.clone();
            move || Sequential::new().add(masked).add(bert())
        }),
        layer("Bert for pairs", IDS, None, {
            let bert = bert.clone();
            move || on(pairs, bert().for_sequence_classification(3))
        }),
        layer("Bert for tokens", IDS, None, {
            let bert = bert.clone();
            move || on(masked, bert().for_token_classification(3))
        }),
        layer("Bert for masked language modelling", IDS, None, move || {
            on(masked, bert().for_masked_language_modelling())
        }),
        layer("Bert for sentence embedding", IDS, None, move || {
            on(to_ids, Bert::new(&with_padding).for_sentence_embedding())
        }),
        layer("Gpt2", IDS, None, move || Sequential::new().add(to_ids).add(Gpt2::new(&config))),
    ]
}
