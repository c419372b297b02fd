//! Which words made a network call a review good or bad: words in colours, in the terminal and as a page, and a test of the colours.
//!
//! `cargo run --release --features plot --example explain_text -- --data FILE`, where the file has lines of a number, a rating and a
//! sentence, separated by tabs; the head of `text_classification` says where pip fetches it.

#[path = "shared/moods.rs"]
mod moods;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;
use gradus::explain::{ColoredWords, activations, deletion, integrated_gradients, noise};
use gradus::ndarray::{Array1, Axis};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use gradus::preprocessing::TextVectorization;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::ChaCha8Rng};

/// Explains the mood of sentences, word by word.
#[derive(Parser)]
struct Args {
    /// File of lines with a number, a rating and a sentence.
    #[arg(long, value_name = "FILE", default_value = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt")]
    data: PathBuf,
    /// Passes over the sentences.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// New sentences that are explained.
    #[arg(long, default_value_t = 500)]
    sentences: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for words.html and deletion.svg.
    #[arg(long, value_name = "DIR", default_value = "target/explain_text")]
    out: PathBuf,
    /// A few sentences of its own, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Parts of a sentence that are deleted one after the other.
const STEPS: usize = 10;

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let mut sentences = moods::read(&args.data, args.smoke)?;
    if args.smoke {
        args.sentences = 20;
    }
    sentences.shuffle(&mut ChaCha8Rng::seed_from_u64(args.seed));
    let (train, test) = sentences.split_at(sentences.len() * 4 / 5);
    let mut words = TextVectorization::new().max_tokens(8000);
    words.adapt(train.iter().map(|(sentence, _)| sentence))?;
    let model = learn(&words, train, test, &args)?;

    // Numbers of words have no gradient: what is explained is the part after the word vectors. A vector of zeros is a word that says
    // nothing, and the baseline.
    let reader = model.get("reader").ok_or_else(|| Error::value("the model has no reader"))?;
    let mut page = String::from(
        "<!DOCTYPE html><meta charset=\"utf-8\"><title>Words</title><body style=\"font:18px/1.8 sans-serif\">\n",
    );
    let mut curves = [vec![0.0; STEPS + 1], vec![0.0; STEPS + 1]];
    let mut by_word: BTreeMap<String, (f64, u32)> = BTreeMap::new();
    let mut worst: Float = 0.0;
    let explained = &test[..args.sentences.min(test.len())];
    for (i, (sentence, _)) in explained.iter().enumerate() {
        let numbers = words.sequences([sentence])?.batch(&[0])?;
        let vectors = activations(&model, &numbers, "words")?; // [1, words, 32]
        let nothing = Tensor::zeros(vectors.raw_dim());
        let found = integrated_gradients(reader, &vectors, &nothing, &[0], 50)?;
        worst = worst.max(found.delta[0].abs());
        let each = found.attributions.sum_axis(Axis(2)).index_axis(Axis(0), 0).iter().copied().collect::<Vec<Float>>();
        let names: Vec<String> = numbers.iter().map(|number| words.vocabulary()[*number as usize].clone()).collect();

        let probability = sigmoid(reader.forward(&Tape::inference().input(&vectors))?.value()[[0, 0]]);
        if i < 12 {
            let colored = ColoredWords::new(names.iter(), &each);
            println!("{:3.0}% good  {colored}", 100.0 * probability);
            page += &format!("<p>{:.0}% good: {}</p>\n", 100.0 * probability, colored.html());
        }
        for (name, number) in names.iter().zip(&each) {
            let sum = by_word.entry(name.clone()).or_default();
            *sum = (sum.0 + f64::from(*number), sum.1 + 1);
        }
        // What speaks for the decision goes first; a good explanation makes the network change its mind soon.
        let sign = if probability > 0.5 { 1.0 } else { -1.0 };
        let map = Array1::from_iter(each.iter().map(|number| sign * number)).into_tensor();
        let random = noise(&map, 1.0, 1, args.seed + i as u64).next().ok_or_else(|| Error::value("no noise"))?;
        let x = vectors.index_axis(Axis(0), 0).into_tensor();
        for (curve, map) in curves.iter_mut().zip([&map, &random]) {
            let logits = deletion(reader, &x, &Tensor::zeros(x.raw_dim()), map, STEPS)?;
            for (sum, logit) in curve.iter_mut().zip(&logits) {
                *sum += f64::from(sigmoid(sign * logit)) / explained.len() as f64;
            }
        }
    }
    let path = args.out.join("words.html");
    std::fs::write(&path, page).map_err(|error| Error::file(&path, error))?;

    println!("\nintegrated gradients explain the logits of {} sentences to within {worst:.4}", explained.len());
    show_words(&by_word, if args.smoke { 1 } else { 3 });
    let mut panel = Panel::new("Share of the words deleted", "Probability of the decision");
    for (name, curve) in ["integrated gradients", "random words"].iter().zip(curves) {
        let mean = curve.iter().sum::<f64>() / curve.len() as f64;
        println!("{name:<22} probability of the decision, mean over the deletion: {mean:.3}");
        panel = panel.line(*name, (0..).map(|step: u32| f64::from(step) / STEPS as f64).zip(curve));
    }
    Figure::new("Deleting first the words that count most").panel(panel).save(args.out.join("deletion.svg"))?;
    println!("The page and the picture are in {}", args.out.display());
    Ok(())
}

/// Word vectors, and an LSTM that reads them; the output is the logit of a good review.
fn learn(
    words: &TextVectorization,
    train: &[(String, bool)],
    test: &[(String, bool)],
    args: &Args,
) -> Result<Sequential> {
    let texts = |sentences: &[(String, bool)]| -> Result<_> {
        let sequences = words.sequences(sentences.iter().map(|(sentence, _)| sentence))?;
        Ok((sequences.length(48), sentences.iter().map(|(_, good)| u8::from(*good)).collect::<Array1<u8>>()))
    };
    let reader = Sequential::new().add(Lstm::new(32)).add(Dropout::new(0.3)).add(Dense::new(1));
    let mut model = Sequential::new()
        .add_named("words", Embedding::new(words.vocabulary().len(), 32).mask_zero(true))
        .add_named("reader", reader)
        .compile(Adam::default(), BinaryCrossEntropy::from_logits())
        .metric(Accuracy::default())
        .seed(args.seed);
    let best = EarlyStopping::new("val_loss").patience(args.epochs);
    model.fit(&texts(train)?, Fit::epochs(args.epochs).validation_split(0.1).callback(best))?;
    println!("accuracy on {} new sentences: {:.4}\n", test.len(), model.evaluate(&texts(test)?)?["accuracy"]);
    Ok(model.model)
}

fn sigmoid(logit: Float) -> Float {
    1.0 / (1.0 + (-logit).exp())
}

/// The words with the greatest mean attributions, of those that occur a few times.
fn show_words(by_word: &BTreeMap<String, (f64, u32)>, least: u32) {
    let frequent = by_word.iter().filter(|(_, (_, count))| *count >= least);
    let mut means: Vec<(&String, f64)> = frequent.map(|(word, (sum, count))| (word, sum / f64::from(*count))).collect();
    means.sort_by(|a, b| b.1.total_cmp(&a.1));
    let list = |words: &[(&String, f64)]| {
        words.iter().map(|(word, mean)| format!("{word} {mean:+.1}")).collect::<Vec<String>>().join(", ")
    };
    let count = means.len().min(8);
    println!("for a good review: {}", list(&means[..count]));
    means.reverse();
    println!("against it:        {}", list(&means[..count]));
}
