//! The mood of sentences from film reviews, told by three networks: the mean of word vectors, an LSTM, a Transformer.
//!
//! `cargo run --release --example text_classification -- --data FILE`, where the file has lines of a number, a rating and a
//! sentence, separated by tabs. 10,605 of them are in the package `vaderSentiment` (MIT), which pip fetches:
//!
//! ```sh
//! pip download --no-deps --no-binary=:all: vaderSentiment==3.3.2 && tar xzf vaderSentiment-3.3.2.tar.gz
//! tar xzf vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz
//! # hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt
//! ```

#[path = "shared/moods.rs"]
mod moods;

use std::path::PathBuf;

use clap::Parser;
use gradus::layers::LearnedPositions;
use gradus::ndarray::Array1;
use gradus::prelude::*;
use gradus::preprocessing::{PaddedSequences, TextVectorization};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::ChaCha8Rng};

/// Tells the mood of sentences.
#[derive(Parser)]
struct Args {
    /// File of lines with a number, a rating and a sentence.
    #[arg(long, value_name = "FILE", default_value = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt")]
    data: PathBuf,
    /// Passes over the sentences.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Words that have a vector.
    #[arg(long, default_value_t = 8000)]
    words: usize,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A few sentences of its own, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Numbers of words, and labels.
type Texts = (PaddedSequences, Array1<u8>);

fn texts(words: &TextVectorization, sentences: &[(String, bool)]) -> Result<Texts> {
    let sequences = words.sequences(sentences.iter().map(|(sentence, _)| sentence))?;
    Ok((sequences.length(48), sentences.iter().map(|(_, good)| u8::from(*good)).collect()))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let mut sentences = moods::read(&args.data, args.smoke)?;
    if args.smoke {
        (args.words, args.epochs) = (30, 3);
    }
    sentences.shuffle(&mut ChaCha8Rng::seed_from_u64(args.seed));
    let (train, test) = sentences.split_at(sentences.len() * 4 / 5);
    let mut words = TextVectorization::new().max_tokens(args.words);
    words.adapt(train.iter().map(|(sentence, _)| sentence))?;
    let (train, test) = (texts(&words, train)?, texts(&words, test)?);

    let size = 64;
    let vectors = || Embedding::new(args.words, size).mask_zero(true);
    let output = || Dense::new(1).activation(Sigmoid);
    let networks = [
        ("mean of vectors", Sequential::new().add(vectors()).add(GlobalAvgPool1d).add(output())),
        ("LSTM", Sequential::new().add(vectors()).add(Lstm::new(size)).add(Dropout::new(0.3)).add(output())),
        (
            "Transformer",
            Sequential::new()
                .add(vectors())
                .add(LearnedPositions::new(48))
                .add(TransformerEncoder::new(size, 4, 2 * size).dropout(0.2))
                .add(GlobalAvgPool1d)
                .add(Dropout::new(0.3))
                .add(output()),
        ),
    ];
    let mut table = Vec::new();
    for (name, network) in networks {
        println!("{name}");
        let mut model = network
            .compile(Adam::default(), BinaryCrossEntropy::default())
            .metric(Accuracy::default())
            .seed(args.seed)
            .threads(args.threads);
        // The best of the epochs, chosen on a part of the training set.
        let best = EarlyStopping::new("val_loss").patience(args.epochs);
        model.fit(&train, Fit::epochs(args.epochs).validation_split(0.1).callback(best))?;
        table.push((name, model.evaluate(&test)?["accuracy"]));
    }
    let good = test.1.iter().filter(|label| **label == 1).count() as f64 / test.1.len() as f64;
    println!("Accuracy on {} new sentences", test.1.len());
    println!("{:24} {:.4}", "most frequent (baseline)", good.max(1.0 - good));
    table.iter().for_each(|(name, accuracy)| println!("{name:24} {accuracy:.4}"));
    Ok(())
}
