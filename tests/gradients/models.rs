//! Rows of ready networks.

use gradus::models::*;
use gradus::prelude::*;

use super::recurrent::to_ids;
use super::{Row, layer};

/// Ids from 0 to 5, of which 0 is padding, and token types.
fn pairs(x: &Var) -> Var {
    let types = to_ids(x) * 0.0 + x.tape().constant(ndarray::arr1(&[0.0, 1.0, 1.0, 0.0]));
    Var::stack(&[&to_ids(x), &types], 2).unwrap()
}

pub(crate) fn table() -> Vec<Row> {
    const IDS: &[usize] = &[2, 4];
    let config = BertConfig {
        vocabulary: 6,
        size: 4,
        layers: 2,
        heads: 2,
        hidden: 5,
        positions: 4,
        epsilon: 1e-3,
        deviation: 0.5,
        ..BertConfig::default()
    };
    let bert = move || Bert::new(&config);
    let on = |input: fn(&Var) -> Var, model: Sequential| Sequential::new().add(input).add(model);
    let config = Gpt2Config {
        vocabulary: 6,
        size: 4,
        layers: 2,
        heads: 2,
        positions: 5,
        deviation: 0.5,
        ..Gpt2Config::default()
    };
    vec![
        layer("Bert", IDS, None, {
            let bert = bert.clone();
            move || Sequential::new().add(to_ids).add(bert())
        }),
        layer("Bert for pairs", IDS, None, {
            let bert = bert.clone();
            move || on(pairs, bert().for_sequence_classification(3))
        }),
        layer("Bert for tokens", IDS, None, {
            let bert = bert.clone();
            move || on(to_ids, bert().for_token_classification(3))
        }),
        layer("Bert for masked language modelling", IDS, None, {
            let bert = bert.clone();
            move || on(to_ids, bert().for_masked_language_modelling())
        }),
        layer("Bert for sentence embedding", IDS, None, move || on(to_ids, bert().for_sentence_embedding())),
        layer("Gpt2", IDS, None, move || Sequential::new().add(to_ids).add(Gpt2::new(&config))),
    ]
}
