//! Learns digits so that nobody can tell from the network which images it has learnt from: differential privacy, and what it costs.
//!
//! `cargo run --release --features plot --example private_mnist`
//!
//! The network and the settings are those of TensorFlow Privacy's tutorial, which states 95.0% after 10 epochs with an epsilon of 1.20 and,
//! with `--learning-rate 0.08 --noise 1.12 --epochs 60`, 96.6% with one of 2.92, means of 10 runs.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use gradus::data::Mnist;
use gradus::optimizers::MovingAverage;
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use gradus::privacy::{Accountant, Conversion, DpSgd};

/// Trains on MNIST with differential privacy and without it.
#[derive(Parser)]
struct Args {
    /// Passes over the training set.
    #[arg(long, default_value_t = 10)]
    epochs: usize,
    /// Learning rate of the private training.
    #[arg(long, default_value_t = 0.32)]
    learning_rate: Float,
    /// Noise, in units of the largest norm of an example's gradient, which is 1.
    #[arg(long, default_value_t = 1.2)]
    noise: f64,
    /// How much of the average of the weights stays in each step; 0 for the weights themselves.
    #[arg(long, default_value_t = 0.0)]
    average: Float,
    /// Passes of the plain training to compare with, at most as many as of the private one; 0 leaves it out.
    #[arg(long, default_value_t = 10)]
    plain_epochs: usize,
    /// Seed of everything random; choose one that nobody knows where privacy counts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/private_mnist.svg")]
    picture: PathBuf,
    /// Few images and epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

const BATCH: usize = 256;
const DELTA: f64 = 1e-5;

/// The CNN of the tutorial: no batch normalisation, since that mixes examples.
fn network() -> Sequential {
    Sequential::new()
        .add(Conv2d::new(16, 8).strides(2).padding(Padding::Same).activation(Relu))
        .add(MaxPool2d::new(2).strides(1))
        .add(Conv2d::new(32, 4).strides(2).activation(Relu))
        .add(MaxPool2d::new(2).strides(1))
        .add(Flatten)
        .add(Dense::new(32).activation(Relu))
        .add(Dense::new(10))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (train, test, args.epochs) = (train.take(1500), test.take(500), 2);
    }
    let steps = train.len().div_ceil(BATCH);

    // What the promise will be is known before the first step.
    let epsilon = |steps: usize, conversion| {
        let rate = BATCH as f64 / train.len() as f64;
        Accountant::new().steps(args.noise, rate, steps as u64)?.epsilon_by(DELTA, conversion)
    };
    let total = args.epochs * steps;
    println!(
        "{total} steps of noise {}: epsilon {:.2} at delta {DELTA:e} ({:.2} by the conversion of older papers)",
        args.noise,
        epsilon(total, Conversion::Improved)?,
        epsilon(total, Conversion::Classic)?
    );

    // All that changes is a hook of the optimizer, and batches that are drawn example by example, for which epsilon is proved.
    let private = DpSgd::new(1.0, args.noise, BATCH).seed(args.seed);
    // What is made of private weights costs nothing: their average has less of the noise than the last ones.
    let average = MovingAverage::new(args.average);
    let private = Stepper::new(Sgd::new(args.learning_rate)).hook(private).average(average);
    let mut panel = Panel::new("Epsilon spent", "Accuracy on new digits, %");
    let mut plain_accuracy = 0.0;
    for (name, stepper) in [("plain", Stepper::new(Sgd::new(0.1))), ("private", private)] {
        let mut model =
            network().compile(stepper, SparseCrossEntropy::from_logits()).metric(Accuracy::default()).seed(args.seed);
        let epochs = if name == "plain" { args.epochs.min(args.plain_epochs) } else { args.epochs };
        if epochs == 0 {
            continue;
        }
        let mut fit = Fit::epochs(epochs).batch_size(BATCH).validation(&test);
        if name == "private" {
            fit = fit.poisson();
        }
        let start = Instant::now();
        let history = model.fit(&train, fit)?;
        let seconds = start.elapsed().as_secs_f64();
        let accuracies = history.get("val_accuracy");
        let accuracy = accuracies.last().copied().unwrap_or(f64::NAN);
        let found = attack(&model.model, &train, &test)?;
        println!(
            "{name:<8} accuracy {:.2}%, {seconds:.0} s; membership is guessed with AUC {found:.3}",
            100.0 * accuracy
        );
        if name == "plain" {
            plain_accuracy = accuracy;
            continue;
        }
        let mut curve = Vec::new();
        for (epoch, accuracy) in accuracies.iter().enumerate() {
            curve.push((epsilon((epoch + 1) * steps, Conversion::Improved)?, 100.0 * accuracy));
        }
        let ends = [curve.first(), curve.last()].map(|end| end.map_or(0.0, |(epsilon, _)| *epsilon));
        panel = panel.line("private", curve);
        if args.plain_epochs > 0 {
            panel = panel.line("plain", ends.map(|end| (end, 100.0 * plain_accuracy)));
        }
    }
    Figure::new("What privacy costs on MNIST").panel(panel).save(&args.picture)
}

/// How well losses tell training images from new ones: 0.5 is guessing, 1 is certainty (Yeom et al. 2018). Among 60,000 digits a plain network
/// does not give away much either, on average; epsilon is a promise for each single one, against any attack.
fn attack(model: &Sequential, train: &Mnist, test: &Mnist) -> Result<f64> {
    let count = train.len().min(test.len());
    let mut auc = Auc::default();
    for (set, is_member) in [(train, 1.0), (test, 0.0)] {
        let batch = set.batch(&(0..count).collect::<Vec<_>>())?;
        let logits = model.forward(&Tape::inference().input(&batch.inputs[0]))?;
        let log_probabilities = logits.log_softmax(-1)?;
        let rows = log_probabilities.value().outer_iter().zip(&batch.targets[0]);
        // Low loss, member: the score is the probability of the right class.
        let scores: ndarray::Array1<Float> = rows.map(|(row, class)| row[*class as usize].exp()).collect();
        auc.update(&scores.into_tensor(), &Tensor::from_elem([count].as_slice(), is_member))?;
    }
    Ok(auc.result())
}
