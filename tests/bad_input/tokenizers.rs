//! Files of tokenizers.

use gradus::models::*;
use gradus::prelude::*;
use serde_json::json;

use super::message;
use super::models::{config, small};

/// Some editors put a byte order mark before JSON.
#[test]
fn marks_before_json() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, json: serde_json::Value| {
        std::fs::write(folder.path().join(name), format!("\u{feff}{json}")).unwrap();
    };
    config(folder.path(), "layer_norm_eps", json!(1e-12));
    let written = std::fs::read_to_string(folder.path().join("config.json")).unwrap();
    write("config.json", serde_json::from_str(&written).unwrap());
    write("tokenizer.json", words(json!({})));
    write("sentence_bert_config.json", json!({ "max_seq_length": 2 }));
    assert_eq!(BertConfig::open(folder.path().join("config.json")).unwrap().layers, small().layers);
    let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
    assert_eq!(tokenizer.encode(&["one two one"]).unwrap(), ndarray::arr2(&[[1.0, 2.0]]).into_dyn());
}

#[test]
fn tokenizers_without_padding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, "{}").unwrap();
    assert!(message(Tokenizer::open(&path)).contains("is not a valid tokenizer of Hugging Face"));
    let vocabulary = json!({ "[UNK]": 0, "one": 1, "two": 2 });
    let words = json!({
        "version": "1.0", "pre_tokenizer": { "type": "Whitespace" },
        "model": { "type": "WordLevel", "unk_token": "[UNK]", "vocab": vocabulary },
    });
    std::fs::write(&path, words.to_string()).unwrap();
    let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
    assert_eq!(
        tokenizer.encode(&["one two", "two three"]).unwrap(),
        ndarray::arr2(&[[1.0, 2.0], [2.0, 0.0]]).into_dyn()
    );
    assert_eq!(tokenizer.ids("two one").unwrap(), [2, 1]);
    assert_eq!(tokenizer.decode(&[2, 1]).unwrap(), "two one");
    assert_eq!(tokenizer.vocabulary(), 3);
    assert!(message(tokenizer.decode(&[3])).ends_with("there is no token 3"));
    let expected = "has no padding token, which texts of unequal length need; encode them one by one";
    assert!(message(tokenizer.encode(&["one two", "two"])).ends_with(expected));
    assert_eq!(message(tokenizer.max_length(1)), "expected a length of at least 2, got 1");
    let short = Tokenizer::open(&path).unwrap().max_length(2).unwrap();
    assert_eq!(short.encode(&["one two two"]).unwrap().shape(), [1, 2]);
    assert_eq!(short.encode::<&str>(&[]).unwrap().shape(), [0, 0]);
}

/// A tokenizer of words, with these fields beside its model.
fn words(fields: serde_json::Value) -> serde_json::Value {
    let vocabulary = json!({ "[UNK]": 0, "one": 1, "two": 2, "[PAD]": 3, "[CLS]": 4 });
    let mut file = json!({
        "version": "1.0", "pre_tokenizer": { "type": "Whitespace" },
        "model": { "type": "WordLevel", "unk_token": "[UNK]", "vocab": vocabulary },
    });
    for (name, value) in fields.as_object().unwrap() {
        file[name] = value.clone();
    }
    file
}

#[test]
fn tokenizers_that_contradict_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let open = |file: serde_json::Value| {
        std::fs::write(&path, file.to_string()).unwrap();
        Tokenizer::open(&path)
    };
    let start = format!("{}: is not a valid tokenizer of Hugging Face: ", path.display());
    let refused = |file: serde_json::Value| {
        let text = message(open(file));
        text.strip_prefix(&start).map(String::from).unwrap_or_else(|| panic!("{text}"))
    };
    let template = |single: serde_json::Value, tokens: serde_json::Value| {
        words(json!({ "post_processor": {
            "type": "TemplateProcessing", "single": single, "special_tokens": tokens,
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
        } }))
    };
    let cls = json!({ "SpecialToken": { "id": "[CLS]", "type_id": 0 } });
    let text = |id: &str| json!({ "Sequence": { "id": id, "type_id": 0 } });
    let token = |ids: &[u64], tokens: &[&str]| json!({ "[CLS]": { "id": "[CLS]", "ids": ids, "tokens": tokens } });
    let known = token(&[4], &["[CLS]"]);
    let good = open(template(json!([cls, text("A")]), known.clone())).unwrap();
    assert_eq!(good.encode(&["one two"]).unwrap(), ndarray::arr2(&[[4.0, 1.0, 2.0]]).into_dyn());
    assert_eq!(
        refused(template(json!([cls, text("A")]), json!({}))),
        "its post-processor puts the token `[CLS]` into texts, which it does not describe"
    );
    assert_eq!(
        refused(template(json!([cls, text("A")]), token(&[101], &["[CLS]"]))),
        "its post-processor adds the token `[CLS]` of id 101, which there is not"
    );
    assert_eq!(
        refused(template(json!([cls, text("A")]), token(&[4, 1], &["[CLS]"]))),
        "its post-processor describes `[CLS]` by 2 ids of 1 tokens"
    );
    assert_eq!(
        refused(template(json!([text("B")]), known)),
        "its post-processor wants a second text where there is one"
    );
    let bert = json!({ "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 4] } });
    assert_eq!(refused(words(bert)), "its post-processor adds the token `[SEP]` of id 102, which there is not");
    let merges = |prefix: &str, merge: &str| {
        json!({ "version": "1.0", "model": {
            "type": "BPE", "continuing_subword_prefix": prefix, "merges": [merge],
            "vocab": { "a": 0, "b": 1, "ab": 2, "##b": 3, "ä": 4 },
        } })
    };
    assert_eq!(open(merges("##", "a ##b")).unwrap().vocabulary(), 5);
    for merge in ["a b", "a ä"] {
        assert_eq!(
            refused(merges("##", merge)),
            format!(
                "its merge \"{merge}\" joins a token without the prefix `##` of the tokens inside of words; export the \
                 tokenizer again"
            )
        );
    }
    assert!(
        refused(words(json!({ "truncation": {
        "max_length": 0, "stride": 0, "strategy": "LongestFirst", "direction": "Right"
    } })))
        .contains("expected a length of at least 2, got 0")
    );
    // A panic of the crate, which is caught.
    let panics = json!({ "pre_tokenizer": { "type": "FixedLength", "length": 0 } });
    match open(words(panics)) {
        Err(error) => assert!(error.to_string().starts_with(&start), "{error}"),
        Ok(tokenizer) => {
            let text = tokenizer.encode(&["one two"]).map(drop);
            if let Err(error) = text {
                assert!(error.to_string().contains("the crate `tokenizers` panics at it"), "{error}");
            }
        }
    }
}

/// However long a file would pad texts, they are as long as the longest.
#[test]
fn padding_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in [json!("BatchLongest"), json!({ "Fixed": 1_u64 << 40 })] {
        let padding = json!({
            "strategy": strategy, "direction": "Right", "pad_to_multiple_of": 1_u64 << 40, "pad_id": 3, "pad_type_id": 0,
            "pad_token": "[PAD]",
        });
        let file = words(json!({ "padding": padding }));
        std::fs::write(folder.path().join("tokenizer.json"), file.to_string()).unwrap();
        let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
        assert_eq!(tokenizer.encode(&["one two", "two"]).unwrap(), ndarray::arr2(&[[1.0, 2.0], [2.0, 3.0]]).into_dyn());
    }
}

#[test]
fn sentences_are_as_long_as_their_folder_says() {
    let folder = tempfile::tempdir().unwrap();
    let cut = json!({ "max_length": 4, "stride": 0, "strategy": "LongestFirst", "direction": "Right" });
    std::fs::write(folder.path().join("tokenizer.json"), words(json!({ "truncation": cut })).to_string()).unwrap();
    let length = || {
        let tokenizer = Tokenizer::from_folder(folder.path())?;
        tokenizer.encode(&["one two ONE two one two one two"]).map(|ids| (ids.len(), ids[[0, 2]]))
    };
    assert_eq!(length().unwrap(), (4, 0.0));
    let settings = folder.path().join("sentence_bert_config.json");
    std::fs::write(&settings, json!({ "max_seq_length": 6, "do_lower_case": true }).to_string()).unwrap();
    assert_eq!(length().unwrap(), (6, 1.0));
    std::fs::write(&settings, json!({ "max_seq_length": null }).to_string()).unwrap();
    assert_eq!(length().unwrap(), (4, 0.0));
    std::fs::write(&settings, json!({ "max_seq_length": -1 }).to_string()).unwrap();
    assert_eq!(
        message(length()),
        format!("{}: expected `max_seq_length` to be a whole number from 1 on or null, got -1", settings.display())
    );
}
