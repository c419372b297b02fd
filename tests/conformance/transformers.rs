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
    assert_eq!(saved.len(), weights.len());
    weights.names().for_each(|name| assert_eq!(saved.get(name).unwrap(), weights.get(name).unwrap(), "{name}"));
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
}

#[test]
fn gpt2_agrees() {
    for name in ["gpt2", "gpt2_inner"] {
        let config = Gpt2Config::open(folder(name).join("config.json")).unwrap();
        check(name, &Gpt2::new(&config), &Gpt2::translation());
    }
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

/// Sentences of unequal length, in one padded batch, through the real weights and the real tokenizer.
///
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
