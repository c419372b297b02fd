//! The well-known Keras CNN on the 60,000 digits of MNIST: about 99% after five epochs.
//!
//! `cargo run --release --example mnist_cnn`; with `--features plot,progress` before `--example` it draws a progress bar, and the history.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::prelude::*;

/// Trains the Keras CNN on MNIST.
#[derive(Parser)]
struct Args {
    /// Passes over the training set.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Examples in a step.
    #[arg(long, default_value_t = 32)]
    batch_size: usize,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Folder for model.safetensors and history.csv, and with feature `plot` history.svg.
    #[arg(long, value_name = "DIR", default_value = "target/mnist_cnn")]
    out: PathBuf,
    /// Only a few images and two epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let (mut train, mut test) = mnist::load(&args.data)?; // images [n, 28, 28, 1] in 0..1, labels [n]
    if args.smoke {
        (train, test, args.epochs) = (train.take(1024), test.take(256), 2);
    }

    let mut model = Sequential::new()
        .add(Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::new(1e-3), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .seed(args.seed)
        .threads(args.threads);
    println!("{}", model.summary(&[28, 28, 1])?);

    let fit = Fit::epochs(args.epochs)
        .batch_size(args.batch_size)
        .validation(&test)
        .callback(CsvLog::new(args.out.join("history.csv")));
    let history = model.fit(&train, fit)?;

    model.save(args.out.join("model.safetensors"))?;
    #[cfg(feature = "plot")]
    gradus::plot::Figure::from(&history).title("Keras CNN on MNIST").save(args.out.join("history.svg"))?;
    println!("Model and history of {} epochs are in {}", history.len(), args.out.display());

    let scores = model.evaluate(&test)?;
    println!("Test loss: {:.4}", scores["loss"]);
    println!("Test accuracy: {:.4}", scores["accuracy"]);
    Ok(())
}
