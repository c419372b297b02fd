//! A plain network of dense layers on MNIST, with dropout, early stopping and a checkpoint.
//!
//! `cargo run --release --example mnist_mlp`, with `--features plot` a picture too.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::prelude::*;

/// Trains dense layers on MNIST.
#[derive(Parser)]
struct Args {
    /// Passes over the training set, at most.
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    /// Examples in a step.
    #[arg(long, default_value_t = 128)]
    batch_size: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Folder for best.safetensors and history.svg.
    #[arg(long, value_name = "DIR", default_value = "target/mnist_mlp")]
    out: PathBuf,
    /// Only a few images and two epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (train, test, args.epochs) = (train.take(4096), test.take(512), 2);
    }

    let mut model = Sequential::new()
        .add(Flatten)
        .add(Dense::new(256).activation(Relu).kernel_initializer(HeNormal))
        .add(Dropout::new(0.3))
        .add(Dense::new(128).activation(Relu).kernel_initializer(HeNormal))
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .metric(TopKAccuracy::new(2))
        .seed(args.seed);
    println!("{}", model.summary(&[28, 28, 1])?);

    let fit = Fit::epochs(args.epochs)
        .batch_size(args.batch_size)
        .validation_split(0.1)
        .callback(Checkpoint::best("val_loss", args.out.join("best.safetensors")))
        .callback(EarlyStopping::new("val_loss").patience(3));
    let history = model.fit(&train, fit)?;
    println!("Stopped after {} epochs; the best weights are in {}", history.len(), args.out.display());
    #[cfg(feature = "plot")]
    gradus::plot::Figure::from(&history).title("Dense layers on MNIST").save(args.out.join("history.svg"))?;

    let scores = model.evaluate(&test)?;
    println!("Test loss: {:.4}", scores["loss"]);
    println!("Test accuracy: {:.4}, right among the two best: {:.4}", scores["accuracy"], scores["top_2_accuracy"]);
    Ok(())
}
