//! Transfer learning: a network learns the digits 0 to 4; its convolutions then help with 5 to 9, of which there are
//! only a few examples.
//!
//! `cargo run --release --example transfer_learning`

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::data::Mnist;
use gradus::prelude::*;
use gradus::training::summary;

/// Trains on digits 0 to 4, then tunes on few examples of 5 to 9.
#[derive(Parser)]
struct Args {
    /// Passes over the digits 0 to 4.
    #[arg(long, default_value_t = 2)]
    epochs: usize,
    /// Images of 5 to 9 to tune on.
    #[arg(long, default_value_t = 50)]
    few: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Folder for digits_0_to_4.safetensors.
    #[arg(long, value_name = "DIR", default_value = "target/transfer_learning")]
    out: PathBuf,
    /// Only a few images, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Convolutions that find features, and a head that names the digit.
fn network() -> Sequential {
    let features = Sequential::new()
        .add(Conv2d::new(16, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten);
    Sequential::new().add_named("features", features).add_named("head", head())
}

fn head() -> Sequential {
    Sequential::new().add(Dense::new(64).activation(Relu)).add(Dense::new(5).activation(Softmax))
}

/// Tunes a network on the few images, and returns its accuracy on the test set.
fn tune(network: Sequential, few: &Mnist, test: &Mnist, seed: u64) -> Result<f64> {
    let mut model =
        network.compile(Adam::default(), SparseCrossEntropy::default()).metric(Accuracy::default()).seed(seed);
    model.fit(few, Fit::epochs(40).batch_size(10).progress(false))?;
    Ok(model.evaluate(test)?["accuracy"])
}

fn main() -> Result<()> {
    let args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (train, test) = (train.take(4000), test.take(500));
    }

    println!("Training on the digits 0 to 4");
    let low = |set: &Mnist| set.filter(|digit| digit < 5);
    let mut model =
        network().compile(Adam::default(), SparseCrossEntropy::default()).metric(Accuracy::default()).seed(args.seed);
    model.fit(&low(&train), Fit::epochs(args.epochs).validation(&low(&test)))?;
    let file = args.out.join("digits_0_to_4.safetensors");
    model.save(&file)?;

    println!("Tuning on {} images of the digits 5 to 9", args.few);
    let high = |set: &Mnist| set.filter(|digit| digit >= 5).map_labels(|digit| digit - 5);
    let (few, test) = (high(&train).take(args.few), high(&test));

    let mut tuned = network();
    tuned.load(&file)?;
    tuned.pop();
    let tuned = tuned.add_named("head", head());
    tuned.freeze_matching("features.*")?;
    println!("{}", summary(&tuned, &[&[28, 28, 1]], args.seed)?);

    println!("Accuracy on 5 to 9, with the convolutions of 0 to 4: {:.4}", tune(tuned, &few, &test, args.seed)?);
    println!("Accuracy on 5 to 9, from scratch:                    {:.4}", tune(network(), &few, &test, args.seed)?);
    Ok(())
}
