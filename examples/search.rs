//! Looks for settings of a small network on 2,000 digits by successive halving, and compares the best with the defaults.
//!
//! `cargo run --release --example search`, with `--features plot` a picture too. It resumes where it was stopped.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::callbacks::Watched;
use gradus::metrics::Direction;
use gradus::prelude::*;
use gradus::search::{Search, Space};

/// Looks for settings of a small network on MNIST.
#[derive(Parser)]
struct Args {
    /// Combinations to try.
    #[arg(long, default_value_t = 27)]
    trials: usize,
    /// Passes over the training set of the last round, and of the comparison.
    #[arg(long, default_value_t = 18)]
    epochs: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Folder for trials.csv and search.svg.
    #[arg(long, value_name = "DIR", default_value = "target/search")]
    out: PathBuf,
    /// Few images and trials, anew each time, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn network(rate: Float, units: usize, dropout: Float, layers: usize, seed: u64) -> Trainer<Sequential> {
    let mut network = Sequential::new().add(Flatten);
    for _ in 0..layers {
        network = network.add(Dense::new(units).activation(Relu)).add(Dropout::new(dropout));
    }
    network
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::new(rate), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .seed(seed)
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let (train, test) = mnist::load(&args.data)?;
    let mut file = args.out.join("trials.csv");
    let mut images = 2000;
    if args.smoke {
        (args.trials, args.epochs, images, file) = (4, 2, 200, args.out.join("smoke.csv"));
        std::fs::remove_file(&file).ok();
    }
    // The test set takes no part in the choice.
    let (train, rest) = ((&train).take(images), (&train).skip(images));
    let validation = rest.take(images);

    let space = Space::new()
        .log_range("rate", 1e-4, 3e-2)
        .list("units", [32, 64, 128, 256])
        .range("dropout", 0.0, 0.6)
        .integers("layers", 1, 3);
    let search = Search::random(space, args.trials)
        .epochs(args.epochs)
        .halving(3)
        .watch(Watched::new("val_accuracy").direction(Direction::Higher))
        .seed(args.seed);
    let results = search.file(&file).run(|trial| {
        let (rate, dropout) = (trial.real("rate")?, trial.real("dropout")?);
        let mut model = network(rate, trial.integer("units")?, dropout, trial.integer("layers")?, trial.seed());
        let fit = Fit::epochs(trial.budget()).validation(&validation).progress(false);
        let logs = model.fit(&train, fit)?.last().cloned().unwrap_or_default();
        println!("{:2} epochs: {:.4} with {trial}", trial.budget(), logs["val_accuracy"]);
        Ok(logs)
    })?;
    #[cfg(feature = "plot")]
    gradus::plot::Figure::from(&results)
        .title("Settings of a network on 2,000 digits")
        .save(args.out.join("search.svg"))?;
    println!("Table and picture are in {}", args.out.display());

    let best = results.best().ok_or_else(|| Error::value("all trials failed"))?.trial();
    let mean = |rate, units, dropout, layers| -> Result<f64> {
        let accuracies = (1..=3).map(|seed| {
            let mut model = network(rate, units, dropout, layers, seed);
            model.fit(&train, Fit::epochs(args.epochs).progress(false))?;
            Ok(model.evaluate(&test)?["accuracy"])
        });
        Ok(accuracies.collect::<Result<Vec<f64>>>()?.iter().sum::<f64>() / 3.0)
    };
    let baseline = mean(0.001, 64, 0.0, 1)?;
    let found = mean(best.real("rate")?, best.integer("units")?, best.real("dropout")?, best.integer("layers")?)?;
    println!("Test accuracy, means of three seeds:");
    println!("{baseline:.4} rate = 0.001, units = 64, dropout = 0, layers = 1 (baseline)");
    println!("{found:.4} {best} (found)");
    Ok(())
}
