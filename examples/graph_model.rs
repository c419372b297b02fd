//! Two inputs, two outputs and a shared layer: a network sees two handwritten digits, and tells their sum and which of
//! them is greater.
//!
//! `cargo run --release --example graph_model`

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::data::Mnist;
use gradus::layers::Concatenate;
use gradus::losses::Losses;
use gradus::prelude::*;
use gradus::training::summary;
use ndarray::{Array1, Axis};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::ChaCha8Rng};

/// Trains a graph on pairs of MNIST digits.
#[derive(Parser)]
struct Args {
    /// Passes over the pairs.
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// Pairs to train on, at most 60,000.
    #[arg(long, default_value_t = 20_000)]
    pairs: usize,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Only a few pairs and one epoch, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Left and right digits, their sums, and whether the left one is greater.
type Pairs = ((Mnist, Mnist), (Array1<u8>, Array1<u8>));

/// Each digit with a random other one.
fn pairs(digits: &Mnist, count: usize, seed: u64) -> Result<Pairs> {
    let mut order: Vec<usize> = (0..digits.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let select =
        |which: &[usize]| Mnist::new(digits.images().select(Axis(0), which), digits.labels().select(Axis(0), which));
    let count = count.min(digits.len());
    let (left, right) = (select(&(0..count).collect::<Vec<_>>())?, select(&order[..count])?);
    let sum = left.labels() + right.labels();
    let greater = ndarray::Zip::from(left.labels()).and(right.labels()).map_collect(|a, b| u8::from(a > b));
    Ok(((left, right), (sum, greater)))
}

/// What looks at a digit, both digits in turn.
fn convolutions() -> Sequential {
    Sequential::new()
        .add(Conv2d::new(16, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
}

/// One `eye` for both digits, and two outputs on what it sees.
fn graph(eye: Sequential) -> Graph {
    Graph::new(["left", "right"])
        .add("eye", eye, "left")
        .share("other_eye", "eye", "right")
        .add("both", Concatenate::default(), ["eye", "other_eye"])
        .add("hidden", Dense::new(64).activation(Relu), "both")
        .add("sum", Dense::new(19).activation(Softmax), "hidden")
        .add("greater", Dense::new(1).activation(Sigmoid), "hidden")
        .outputs(["sum", "greater"])
}

fn train(graph: Graph, train: &Pairs, test: &Pairs, args: &Args) -> Result<[f64; 2]> {
    let losses = Losses::new().output("sum", SparseCrossEntropy::default()).weighted_output(
        "greater",
        0.5,
        BinaryCrossEntropy::default(),
    );
    let mut model = graph
        .compile(Adam::default(), losses)
        .metric_of("sum", Accuracy::default())
        .metric_of("greater", Accuracy::default())
        .seed(args.seed)
        .threads(args.threads);
    model.fit(train, Fit::epochs(args.epochs).validation(test))?;
    let scores = model.evaluate(test)?;
    Ok([scores["sum_accuracy"], scores["greater_accuracy"]])
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let (digits, test_digits) = mnist::load(&args.data)?;
    if args.smoke {
        (args.pairs, args.epochs) = (1000, 1);
    }
    let training = pairs(&digits, args.pairs, args.seed)?;
    let test = pairs(&test_digits, if args.smoke { 500 } else { 10_000 }, args.seed + 1)?;

    let model = graph(convolutions());
    println!("{}", summary(&model, &[&[28, 28, 1], &[28, 28, 1]], args.seed)?);
    let [sum, greater] = train(model, &training, &test, &args)?;
    println!("The same without convolutions, as a baseline");
    let plain = Sequential::new().add(Flatten).add(Dense::new(64).activation(Relu));
    let [plain_sum, plain_greater] = train(graph(plain), &training, &test, &args)?;

    println!("Accuracy on {} new pairs    sum    greater", test.0.0.len());
    println!("shared dense layer (baseline) {plain_sum:.4} {plain_greater:.4}");
    println!("shared convolutions           {sum:.4} {greater:.4}");
    Ok(())
}
