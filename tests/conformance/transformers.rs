//! BERT and GPT-2 against Hugging Face's transformers: `tests/fixtures/make_transformers.py` made the folders.

use std::path::PathBuf;

use gradus::models::*;
use gradus::prelude::*;
use gradus::saving::{Translation, Weights};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transformers").join(name)
}

fn config(name: &str) -> BertConfig {
    BertConfig::open(folder(name).join("config.json")).unwrap()
}

/// `max|got - expected| / max|expected|`
fn error(got: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(got.shape(), expected.shape());
    let most = |x: f64, y: f64| if y.is_finite() { x.max(y.abs()) } else { f64::INFINITY };
    let scale = expected.iter().map(|x| f64::from(*x)).fold(0.0, most);
    let difference = got.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)).fold(0.0, most);
    if scale > 1e-5 { difference / scale } else { difference }
}

/// Compares output and gradients, and what is saved with the file that was read.
fn check(name: &str, model: &impl Layer, translation: &Translation) {
    let weights = Weights::open(folder(name).join("model.safetensors")).unwrap();
    translation.load(model, &weights).unwrap();
    let case = Weights::open(folder(name).join("case.safetensors")).unwrap();
    let tape = Tape::inference().recording();
    let y = model.forward(&tape.input(case.get("input").unwrap())).unwrap();
    let mut worst = error(y.value(), &case.get("y").unwrap());
    let gradients = (&y * &tape.constant(case.get("dy").unwrap())).sum().backward().unwrap();
    let parameters = model.parameters();
    for (path, param) in &parameters {
        let own = format!("grad/{path}");
        let expected = case.get(&own).or_else(|_| case.get(&own.replace("/bert.", "/"))).unwrap();
        worst = worst.max(error(gradients.get(param).unwrap(), &expected));
    }
    assert_eq!(case.names().filter(|name| name.starts_with("grad/")).count(), parameters.len());
    println!("{name}: {} gradients, error {worst:.1e}", parameters.len());
    assert!(worst < 1e-4, "{name}: {worst:.1e}");

    let saved = translation.export(model).unwrap();
    // The bias of a tied kernel, which one that is not tied does not use.
    let unused = |name: &&str| name_of_untied(name) && !saved.names().any(|own| own == *name);
    for name in weights.names().filter(|name| !unused(name)) {
        assert_eq!(saved.get(name).unwrap(), weights.get(name).unwrap(), "{name}");
    }
    assert_eq!(saved.len(), weights.names().filter(|name| !unused(name)).count());
}

fn name_of_untied(name: &str) -> bool {
    name == "cls.predictions.bias"
}

#[test]
fn bert_and_its_heads_agree() {
    let new = |name: &str| Bert::new(&config(name));
    check("bert", &new("bert"), &Bert::translation());
    let below = Translation::pytorch().rename("*", "bert.*");
    check("bert_embedding", &new("bert_embedding").for_sentence_embedding(), &below);
    let heads = Bert::head_translation();
    check("bert_pair", &new("bert_pair").for_sequence_classification(3), &heads);
    check("bert_token", &new("bert_token").for_token_classification(4), &heads);
    check("bert_masked", &new("bert_masked").for_masked_language_modelling(), &heads);
    check("bert_untied", &new("bert_untied").for_masked_language_modelling(), &heads);
    check("bert_question", &new("bert_question").for_question_answering(), &heads);
    check("bert_next", &new("bert_next").for_next_sentence_prediction(), &heads);
}

/// The tensors of a file, under other names.
fn renamed(name: &str, rename: impl Fn(&str) -> Option<String>) -> Weights {
    let weights = Weights::open(folder(name).join("model.safetensors")).unwrap();
    let mut other = Weights::new();
    for name in weights.names() {
        if let Some(new) = rename(name) {
            other.insert(new, weights.get(name).unwrap());
        }
    }
    other
}

/// Loads weights into a model with a head, and compares its output with that of the file they were made of.
fn agrees(name: &str, model: &impl Layer, weights: &Weights) {
    let report = Bert::head_translation().load(model, weights).unwrap();
    println!("{name}: {report}");
    let case = Weights::open(folder(name).join("case.safetensors")).unwrap();
    let y = model.forward(&Tape::inference().input(case.get("input").unwrap())).unwrap();
    assert!(error(y.value(), &case.get("y").unwrap()) < 1e-5, "{name}");
}

#[test]
fn names_of_older_files_and_of_parts() {
    let masked = || Bert::new(&config("bert_masked")).for_masked_language_modelling();
    let pair = || Bert::new(&config("bert_pair")).for_sequence_classification(3);
    let old = |name: &str| {
        Some(name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))
    };
    agrees("bert_masked", &masked(), &renamed("bert_masked", old));
    agrees("bert_pair", &pair(), &renamed("bert_pair", old));
    let bare = |name: &str| Some(name.strip_prefix("bert.").unwrap_or(name).into());
    agrees("bert_masked", &masked(), &renamed("bert_masked", bare));
    agrees("bert_pair", &pair(), &renamed("bert_pair", bare));
    // A file of a pretrained network has both heads, the pooler, and tied tensors twice.
    let mut both = renamed("bert_masked", |name| Some(name.into()));
    let words = both.get("bert.embeddings.word_embeddings.weight").unwrap();
    both.insert("cls.predictions.decoder.weight", words.clone());
    both.insert("cls.predictions.decoder.bias", both.get("cls.predictions.bias").unwrap());
    for name in ["bert.pooler.dense.weight", "bert.pooler.dense.bias", "cls.seq_relationship.weight"] {
        both.insert(name, ndarray::arr1(&[1.0]));
    }
    agrees("bert_masked", &masked(), &both);
    // A kernel of its own does not fit a tied model.
    both.insert("cls.predictions.decoder.weight", &words * 2.0);
    let error = Bert::head_translation().load(&masked(), &both).unwrap_err().to_string();
    let expected = "different: `bert.embeddings.word_embeddings.weight` and `cls.predictions.decoder.weight` are one tensor in \
                    this model, but not in the file";
    assert!(error.contains(expected), "{error}");
    // Another head is named.
    let error =
        Bert::head_translation().load(&pair(), &renamed("bert_question", |name| Some(name.into()))).unwrap_err();
    assert!(error.to_string().contains("not in the model: `qa_outputs.weight`"), "{error}");
}

#[test]
fn folders_of_larger_networks() {
    let write = |weights: &Weights, name: &str, file: &str| {
        let target = tempfile::tempdir().unwrap();
        std::fs::copy(folder(name).join("config.json"), target.path().join("config.json")).unwrap();
        weights.save(target.path().join(file)).unwrap();
        target
    };
    let words = |parameters: &[(String, Param)]| parameters[0].1.value().unwrap();
    let weights = renamed("bert_pair", |name| Some(format!("model.{name}")));
    let target = write(&weights, "bert_pair", "model.safetensors");
    let bert = Bert::from_folder_with_prefix(target.path(), "model.bert.").unwrap();
    assert_eq!(words(&bert.parameters()), weights.get("model.bert.embeddings.word_embeddings.weight").unwrap());
    let error = Bert::from_folder_with_prefix(target.path(), "net.").map(drop).unwrap_err().to_string();
    assert!(error.contains("expected a prefix of its tensors, got `net.`; they are model.bert."), "{error}");
    let error = Bert::from_folder(target.path()).map(drop).unwrap_err().to_string();
    // `Translation::pytorch()` alone would not read it.
    assert!(error.contains(r#"by one more rule: add `.rename("model.bert.*", "*")` to the translation"#), "{error}");
    assert!(error.ends_with("is read by `from_folder_with_prefix`, by the prefix of its names"), "{error}");
    for name in ["bert_question", "bert_next", "bert_untied"] {
        Bert::from_folder(folder(name)).unwrap();
    }

    // In two files with an index.
    let weights = renamed("gpt2", |name| Some(name.into()));
    let target = write(&Weights::new(), "gpt2", "empty.safetensors");
    let (mut map, mut parts) = (serde_json::Map::new(), [Weights::new(), Weights::new()]);
    for (i, name) in weights.names().enumerate() {
        parts[i % 2].insert(name, weights.get(name).unwrap());
        map.insert(name.into(), format!("part{}.safetensors", i % 2).into());
    }
    for (i, part) in parts.iter().enumerate() {
        part.save(target.path().join(format!("part{i}.safetensors"))).unwrap();
    }
    let index = serde_json::json!({ "weight_map": map });
    std::fs::write(target.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
    let ids = Tape::inference().input(ndarray::arr2(&[[2, 17, 5]]));
    let y = Gpt2::from_folder(target.path()).unwrap().forward(&ids).unwrap();
    assert_eq!(y.value(), Gpt2::from_folder(folder("gpt2")).unwrap().forward(&ids).unwrap().value());
}

#[test]
fn gpt2_agrees() {
    for name in ["gpt2", "gpt2_inner"] {
        let config = Gpt2Config::open(folder(name).join("config.json")).unwrap();
        check(name, &Gpt2::new(&config), &Gpt2::translation());
    }
    let config = Gpt2Config::open(folder("gpt2_classes").join("config.json")).unwrap();
    assert_eq!(config.padding_id, Some(0));
    let model = || Gpt2::new(&config).for_sequence_classification(3);
    check("gpt2_classes", &model(), &Gpt2::head_translation());
    // Without the prefix; and without the head.
    let bare = renamed("gpt2_classes", |name| Some(name.strip_prefix("transformer.").unwrap_or(name).into()));
    Gpt2::head_translation().load(&model(), &bare).unwrap();
    Gpt2::from_folder(folder("gpt2_classes")).unwrap();
    // The last kernel is the embedding of the tokens, or the file does not fit.
    let mut weights = renamed("gpt2", |name| Some(name.into()));
    let words = weights.get("transformer.wte.weight").unwrap();
    let config = Gpt2Config::open(folder("gpt2").join("config.json")).unwrap();
    weights.insert("lm_head.weight", words.clone());
    Gpt2::translation().load(&Gpt2::new(&config), &weights).unwrap();
    weights.insert("lm_head.weight", &words + 1.0);
    let error = Gpt2::translation().load(&Gpt2::new(&config), &weights).unwrap_err().to_string();
    assert!(error.contains("different: `transformer.wte.weight` and `lm_head.weight` are one tensor"), "{error}");
}

/// With a head or without, in the file and in the model.
#[test]
fn folders_give_the_same_numbers() {
    for name in ["bert", "bert_pair", "bert_masked"] {
        let bert = Bert::from_folder(folder(name)).unwrap();
        let whole = Bert::new(&config(name));
        let ids = Tape::inference().input(ndarray::arr2(&[[2, 5, 3]]));
        assert_ne!(bert.forward(&ids).unwrap().value(), whole.forward(&ids).unwrap().value());
        let weights = Weights::open(folder(name).join("model.safetensors")).unwrap();
        let path = weights.names().find(|name| name.ends_with("word_embeddings.weight")).unwrap();
        assert_eq!(bert.parameters()[0].1.value().unwrap(), weights.get(path).unwrap());
    }
    let case = Weights::open(folder("bert").join("case.safetensors")).unwrap();
    let bert = Bert::from_folder(folder("bert")).unwrap();
    let y = bert.forward(&Tape::inference().input(case.get("input").unwrap())).unwrap();
    assert!(error(y.value(), &case.get("y").unwrap()) < 1e-5);
}

#[test]
fn generation_is_the_greedy_one_of_transformers_and_goes_on_beyond_the_positions() {
    for name in ["gpt2", "gpt2_inner"] {
        let case = Weights::open(folder(name).join("case.safetensors")).unwrap();
        let greedy: Vec<usize> = case.get("greedy").unwrap().iter().map(|id| *id as usize).collect();
        let gpt = Gpt2::from_folder(folder(name)).unwrap();
        let ids: Vec<usize> = gpt.generate(&greedy[..3], Sampling::greedy()).take(27).collect::<Result<_>>().unwrap();
        assert_eq!(ids[..7], greedy[3..]);

        // The same without a cache, and cut where the documentation says.
        let (mut context, mut expected) = (greedy[..3].to_vec(), Vec::new());
        for _ in 0..27 {
            if context.len() > 10 {
                context.drain(..context.len() - 5);
            }
            let x = ndarray::Array2::from_shape_fn((1, context.len()), |(_, i)| context[i] as Float);
            let logits = gpt.forward(&Tape::inference().input(x)).unwrap();
            let last = logits.slice(1, context.len() - 1..).unwrap();
            let next = Sampling::greedy().draw(last.value().as_slice().unwrap(), &mut rand()).unwrap();
            context.push(next);
            expected.push(next);
        }
        assert_eq!(ids, expected);
    }
}

fn rand() -> gradus::Rng {
    gradus::rand::SeedableRng::seed_from_u64(0)
}

/// Its `tokenizer.json` cuts after 128 tokens, but its `sentence_bert_config.json` says 256.
#[cfg(feature = "tokenizers")]
#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn minilm_reads_256_tokens() {
    let path =
        std::env::var_os("WEIGHTS").map_or_else(|| PathBuf::from("target/weights"), PathBuf::from).join("minilm");
    let ids = Tokenizer::from_folder(&path).unwrap().encode(&["word ".repeat(300)]).unwrap();
    assert_eq!(ids.shape(), [1, 256]);
}

/// Sentences of unequal length, in one padded batch, through the real weights and the real tokenizer.
#[cfg(feature = "tokenizers")]
#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn minilm_agrees() {
    let case = folder("minilm");
    let path =
        std::env::var_os("WEIGHTS").map_or_else(|| PathBuf::from("target/weights"), PathBuf::from).join("minilm");
    let text = std::fs::read_to_string(case.join("sentences.txt")).unwrap();
    let sentences: Vec<&str> = text.lines().collect();
    let case = Weights::open(case.join("case.safetensors")).unwrap();
    let ids = Tokenizer::from_folder(&path).unwrap().encode(&sentences).unwrap();
    assert_eq!(ids, case.get("input").unwrap());
    let model = Bert::from_folder(&path).unwrap().for_sentence_embedding();
    let y = model.forward(&Tape::inference().input(ids)).unwrap();
    let expected = case.get("y").unwrap();
    let worst = y.value().iter().zip(&expected).fold(0.0, |worst: f32, (a, b)| worst.max((a - b).abs()));
    println!("{} sentences, greatest difference {worst:.1e}", sentences.len());
    assert!(worst < 1e-5, "{worst:.1e}");
}

#[test]
fn the_same_seed_draws_the_same_text() {
    let gpt = Gpt2::from_folder(folder("gpt2")).unwrap();
    let text = |seed: u64| -> Vec<usize> {
        let sampling = Sampling::new().temperature(2.0).top_k(20).seed(seed);
        gpt.generate(&[2, 17], sampling).take(30).collect::<Result<_>>().unwrap()
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn beam_search_finds_what_that_of_transformers_finds() {
    let gpt = Gpt2::from_folder(folder("gpt2")).unwrap();
    let file = std::fs::read_to_string(folder("gpt2").join("beams.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let ids = |list: &serde_json::Value| -> Vec<usize> {
        list.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as usize).collect()
    };
    let prompt = ids(&file["prompt"]);
    let (mut shorter, cases) = (0, file["cases"].as_array().unwrap());
    for case in cases {
        let number = |key: &str| case[key].as_f64().unwrap();
        let search = BeamSearch::new(number("beams") as usize, number("end") as usize)
            .max_length(7)
            .length_penalty(number("penalty") as Float);
        let found = search.search(&prompt, |sequences| {
            let tokens = |(row, place): (usize, usize)| sequences[row][place] as Float;
            let rows = ndarray::Array2::from_shape_fn((sequences.len(), sequences[0].len()), tokens);
            let logits = gpt.forward(&Tape::inference().input(rows))?;
            Ok(logits.index_axis(1, sequences[0].len() - 1)?.value().clone())
        });
        let found = found.unwrap();
        let expected = case["ids"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{case}");
        for ((own, ids_there), score) in found.iter().zip(expected).zip(case["scores"].as_array().unwrap()) {
            assert_eq!(own.ids, ids(ids_there), "{case}");
            assert!((own.score - score.as_f64().unwrap()).abs() < 1e-4, "{own:?}: {case}");
            shorter += usize::from(own.ids.len() < 7);
        }
    }
    assert!(cases.len() == 45 && shorter > 20, "{shorter}");
}
