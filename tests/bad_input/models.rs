//! Ready networks: their settings, folders and inputs.

use std::path::Path;

use gradus::models::*;
use gradus::prelude::*;
use serde_json::{Value, json};

use super::message;

pub(super) fn small() -> BertConfig {
    BertConfig { vocabulary: 9, size: 4, layers: 1, heads: 2, hidden: 6, positions: 5, ..BertConfig::default() }
}

fn ids(shape: [usize; 2], id: Float) -> Var {
    Tape::inference().input(ndarray::Array2::from_elem(shape, id))
}

#[test]
fn inputs_of_bert() {
    let bert = Bert::new(&small());
    let x = Tape::inference().input(ndarray::Array3::<Float>::zeros((1, 2, 3)));
    let expected = "expected ids [batch, time], or ids and token types [batch, time, 2], got [1, 2, 3]";
    assert_eq!(message(bert.forward(&x)), expected);
    assert_eq!(
        message(bert.forward(&ids([1, 2], 9.0))),
        "layer `embeddings.word_embeddings`: expected whole ids in 0..9, got 9 at [0, 0]; make the vocabulary larger, or map \
         rare and unknown words to an id of their own"
    );
    let pair = Tape::inference().input(ndarray::arr3(&[[[3.0, 2.0]]]));
    assert_eq!(
        message(bert.forward(&pair)),
        "layer `embeddings.token_type_embeddings`: expected whole ids in 0..2, got 2 at [0, 0]; make the vocabulary larger, or \
         map rare and unknown words to an id of their own"
    );
    assert_eq!(
        message(bert.forward(&ids([1, 6], 3.0))),
        "layer `embeddings.position_embeddings`: expected at most 5 steps, for which there are positions, got input [1, 6, 4]; \
         cut the sequences, or make the table longer"
    );
    assert!(bert.forward(&ids([1, 2], Float::NAN)).is_err());
    assert_eq!(bert.forward(&ids([2, 0], 0.0)).unwrap().shape(), [2, 0, 4]);
    let model = Bert::new(&small()).for_sequence_classification(2);
    assert_eq!(message(model.forward(&ids([2, 0], 0.0))), "layer `pooler`: expected at least 1 token, got [2, 0, 4]");
}

#[test]
fn settings() {
    let run = |config: BertConfig| message(Bert::new(&config).forward(&ids([1, 2], 1.0)));
    let heads = "expected a size that is a multiple of the number of heads, both at least 1, got 4 and 3";
    assert_eq!(run(BertConfig { heads: 3, ..small() }), heads);
    run(BertConfig { heads: 0, ..small() });
    run(BertConfig { size: 0, ..small() });
    run(BertConfig { vocabulary: 0, ..small() });
    run(BertConfig { positions: 0, ..small() });
    run(BertConfig { token_types: 0, ..small() });
    run(BertConfig { hidden: 0, ..small() });
    run(BertConfig { padding_id: Some(9), ..small() });
    run(BertConfig { epsilon: 0.0, ..small() });
    let tape = Tape::training();
    let training = |config: BertConfig| Bert::new(&config).forward(&tape.input(ndarray::arr2(&[[1, 2]])));
    let rate = "expected a dropout rate in 0..1 (1 excluded), got 1.5";
    assert_eq!(message(training(BertConfig { dropout: 1.5, ..small() })), format!("layer `embeddings`: {rate}"));
    let attention = BertConfig { attention_dropout: 1.5, ..small() };
    assert_eq!(message(training(attention)), format!("layer `encoder.layer.0.attention`: {rate}"));
}

#[test]
fn inputs_and_prompts_of_gpt2() {
    let config = Gpt2Config { vocabulary: 9, size: 4, layers: 1, heads: 2, positions: 5, ..Gpt2Config::default() };
    let gpt = Gpt2::new(&config);
    let x = Tape::inference().input(ndarray::Array3::<Float>::zeros((1, 2, 3)));
    assert_eq!(message(gpt.forward(&x)), "expected ids [batch, time], got [1, 2, 3]");
    assert!(message(gpt.forward(&ids([1, 6], 3.0))).starts_with("layer `wpe`: expected at most 5 steps"));
    let mut none = gpt.generate(&[], Sampling::new());
    let expected = "expected a prompt of at least 1 token, got none; give one that begins texts";
    assert_eq!(message(none.next().unwrap()), expected);
    assert!(none.next().is_none());
    assert!(
        message(gpt.generate(&[9], Sampling::new()).next().unwrap()).starts_with("layer `wte`: expected whole ids")
    );
    let sampling = Sampling::new().top_k(0);
    assert_eq!(
        message(gpt.generate(&[1], sampling).next().unwrap()),
        "Sampling: expected a `top_k` of at least 1, got 0"
    );
    let none = Gpt2::new(&Gpt2Config { positions: 0, ..config.clone() });
    assert!(none.generate(&[1], Sampling::new()).next().unwrap().is_err());
    let odd = Gpt2::new(&Gpt2Config { heads: 3, ..config });
    assert!(odd.forward(&ids([1, 2], 1.0)).is_err());
}

#[test]
fn beam_searches() {
    let found =
        |search: BeamSearch, scores: ndarray::Array2<Float>| search.search(&[1], |_| Ok(scores.clone().into_tensor()));
    let scores = ndarray::arr2(&[[0.0, 1.0, 2.0]]);
    for search in
        [BeamSearch::new(0, 2), BeamSearch::new(1, 2).max_length(0), BeamSearch::new(1, 2).length_penalty(Float::NAN)]
    {
        let text = message(found(search, scores.clone()));
        assert!(
            text.starts_with("BeamSearch: expected at least 1 beam, 1 token at most and a finite length penalty, got"),
            "{text}"
        );
    }
    let text = message(found(BeamSearch::new(2, 3), scores.clone()));
    assert_eq!(text, "BeamSearch: expected scores [1, vocabulary] of a vocabulary that has the token 3, got [1, 3]");
    for wrong in [Float::NAN, Float::INFINITY] {
        let text = message(found(BeamSearch::new(2, 2), ndarray::arr2(&[[0.0, wrong, 2.0]])));
        assert_eq!(text, "BeamSearch: expected scores that are numbers, got NaN or infinite ones");
    }
    // As many beams as there are: all that is possible, and nothing that is forbidden.
    let forbidding = ndarray::arr2(&[[Float::NEG_INFINITY, Float::NEG_INFINITY, 2.0]]);
    let only = found(BeamSearch::new(usize::MAX, 2), forbidding).unwrap();
    assert_eq!(only, [Hypothesis { ids: vec![2], score: 0.0 }]);
    assert!(message(BeamSearch::new(1, 0).search(&[1], |_| Err(Error::value("no scores")))).contains("no scores"));
}

/// What is said of a `config.json` with this field changed.
pub(super) fn config(folder: &Path, field: &str, value: Value) -> String {
    let mut fields = json!({
        "model_type": "bert", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 6,
    });
    fields[field] = value;
    let path = folder.join("config.json");
    std::fs::write(&path, fields.to_string()).unwrap();
    match BertConfig::open(&path) {
        Ok(config) => format!("{config:?}"),
        Err(error) => error.to_string().replace(&format!("{}: ", path.display()), ""),
    }
}

#[test]
fn fields_of_config_json() {
    let folder = tempfile::tempdir().unwrap();
    let of = |field: &str, value: Value| config(folder.path(), field, value);
    let whole = "to be a whole number from 1 to 2^24";
    assert_eq!(of("hidden_size", json!("4")), format!("expected `hidden_size` {whole}, got \"4\""));
    assert_eq!(of("hidden_size", json!(null)), format!("expected `hidden_size` {whole}, which is absent"));
    assert_eq!(of("vocab_size", json!(-1)), format!("expected `vocab_size` {whole}, got -1"));
    assert_eq!(of("vocab_size", json!(1e30)), format!("expected `vocab_size` {whole}, got 1e+30"));
    let layers = "expected `num_hidden_layers` to be at most 1000, got 1001";
    assert_eq!(of("num_hidden_layers", json!(1001)), layers);
    assert_eq!(
        of("hidden_act", json!("tan")),
        "expected `hidden_act` to be one of gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish, got \"tan\""
    );
    let share = "expected `hidden_dropout_prob` to be a number in 0..1 (1 excluded), got 1";
    assert_eq!(of("hidden_dropout_prob", json!(1)), share);
    assert_eq!(
        of("model_type", json!("roberta")),
        "expected `model_type` to be \"bert\", the only one known here, got \"roberta\""
    );
    assert_eq!(
        of("position_embedding_type", json!("relative_key")),
        "expected `position_embedding_type` to be \"absolute\", the only one known here, got \"relative_key\""
    );
    let padding = "expected `pad_token_id` to be a whole number from 0 on, or null, got -3";
    assert_eq!(of("pad_token_id", json!(-3)), padding);
    assert!(of("pad_token_id", json!(null)).contains("padding_id: none"));
    of("classifier_dropout", json!(null));
    assert_eq!(BertConfig::open(folder.path().join("config.json")).unwrap().classifier_dropout, 0.1);
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let open = || message(Bert::from_folder(folder.path()));
    assert!(open().starts_with(&path.display().to_string()));
    std::fs::write(&path, "[]").unwrap();
    assert!(open().ends_with("expected a JSON object with the settings of a network"));
    std::fs::write(&path, "{").unwrap();
    assert!(open().contains("is not JSON"));
    assert!(config(folder.path(), "layer_norm_eps", json!(1e-12)).starts_with("BertConfig"));
    let expected = "expected a folder with the weights in one of model.safetensors, model.safetensors.index.json, \
                    pytorch_model.bin, pytorch_model.bin.index.json";
    assert_eq!(open(), format!("{}: {expected}", folder.path().display()));
    let bert = Bert::new(&BertConfig { layers: 2, ..small() });
    bert.forward(&ids([1, 2], 1.0)).unwrap();
    Bert::translation().save(&bert, folder.path().join("model.safetensors")).unwrap();
    let error = open();
    assert!(
        error.contains("differently shaped: `embeddings.position_embeddings.table` is [512, _] in the model"),
        "{error}"
    );
    assert!(error.contains("not in the model: `encoder.layer.1.attention.output.LayerNorm.bias`"), "{error}");
    assert!(message(BertConfig::open(folder.path())).ends_with("is not a file"));
}
