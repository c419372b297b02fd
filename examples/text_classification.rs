//! The mood of sentences from film reviews, read by four networks: a linear model, the mean of word vectors, an LSTM, a Transformer. How
//! often are they right, also about sentences of another kind (products, tweets), can their probabilities be believed, and what do they
//! get wrong? `bert_sentiment` is the next step: a Transformer that has read a lot before.
//!
//! `cargo run --release --example text_classification -- --data FILE`, where the file has lines of a number, a rating and a
//! sentence, separated by tabs. 10,605 of them are in the package `vaderSentiment` (MIT), which pip fetches:
//!
//! ```sh
//! pip download --no-deps --no-binary=:all: vaderSentiment==3.3.2 && tar xzf vaderSentiment-3.3.2.tar.gz
//! tar xzf vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz
//! # hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt, and of the same form amazonReviewSnippets_GroundTruth.txt and tweets_GroundTruth.txt
//! ```

#[path = "shared/moods.rs"]
mod moods;

use std::path::PathBuf;

use clap::Parser;
use gradus::calibration::Reliability;
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
    /// Files of the same form with sentences of another kind, which are only tested on.
    #[arg(
        long,
        value_name = "FILE",
        value_delimiter = ',',
        default_value = "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt,hutto_ICWSM_2014/tweets_GroundTruth.txt"
    )]
    others: Vec<PathBuf>,
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

/// The five sentences whose probability of being good is farthest from the truth.
fn mistakes(sentences: &[(String, bool)], probabilities: &Tensor) -> Vec<(String, Float)> {
    let pairs = sentences
        .iter()
        .zip(probabilities)
        .map(|((text, good), p)| (text.clone(), *p, (p - Float::from(u8::from(*good))).abs()));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by(|a, b| b.2.total_cmp(&a.2));
    pairs.into_iter().take(5).filter(|(.., error)| *error > 0.5).map(|(text, p, _)| (text, p)).collect()
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
    let tests = args.others.iter().map(|path| moods::read(path, args.smoke));
    let tests = [Ok(test.to_vec())].into_iter().chain(tests).collect::<Result<Vec<_>>>()?;
    let train = texts(&words, train)?;

    let size = 64;
    let vectors = || Embedding::new(args.words, size).mask_zero(true);
    let output = || Dense::new(1).activation(Sigmoid);
    let networks = [
        // A number for each word, and their mean.
        (
            "linear",
            Sequential::new().add(Embedding::new(args.words, 1).mask_zero(true)).add(GlobalAvgPool1d).add(output()),
        ),
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
    let mut worst = Vec::new();
    for (name, network) in networks {
        println!("{name}");
        // What is summed up linearly needs larger steps.
        let rate = if name == "linear" { 0.03 } else { 1e-3 };
        let mut model = network
            .compile(Adam::new(rate), BinaryCrossEntropy::default())
            .metric(Accuracy::default())
            .seed(args.seed)
            .threads(args.threads);
        // The best of the epochs, chosen on a part of the training set.
        let best = EarlyStopping::new("val_loss").patience(args.epochs);
        model.fit(&train, Fit::epochs(args.epochs).validation_split(0.1).callback(best))?;
        let mut figures = Vec::new();
        for sentences in &tests {
            let data = texts(&words, sentences)?;
            figures.push(model.evaluate(&data)?["accuracy"]);
            let probabilities = model.predict(&data.0)?.remove_axis(ndarray::Axis(1)).into_shared();
            let reliability = Reliability::new(&probabilities, &data.1.into_tensor(), 15)?;
            figures.push(reliability.expected_calibration_error());
            if figures.len() == 2 {
                worst = mistakes(sentences, &probabilities);
            }
        }
        table.push((name, figures));
    }
    print!("\n{:26}{:>16}", "accuracy, calibration error", "film reviews");
    args.others.iter().for_each(|path| print!("  {:>15.15}", path.file_name().unwrap_or_default().to_string_lossy()));
    print!("\n{:26}", "most frequent (baseline)");
    for sentences in &tests {
        let good = sentences.iter().filter(|(_, good)| *good).count() as f64 / sentences.len() as f64;
        print!("  {:.4}         ", good.max(1.0 - good));
    }
    for (name, figures) in &table {
        print!("\n{name:26}");
        figures.chunks(2).for_each(|pair| print!("  {:.4}  {:>4.1}%  ", pair[0], 100.0 * pair[1]));
    }
    println!("\n\nWhat the Transformer is surest of and wrong about:");
    worst.iter().for_each(|(sentence, good)| println!("  {:>3.0}% good: {sentence}", 100.0 * good));
    Ok(())
}
