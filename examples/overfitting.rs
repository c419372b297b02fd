//! Measures by how much each remedy against overfitting helps a convolutional network that has 1,000 digits to learn from:
//! three draws of images and of everything else that is random for each, tested on 10,000 digits.
//!
//! `cargo run --release --features plot --example overfitting`; `docs/overfitting.md` explains what comes out.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::data::Mnist;
use gradus::data::augment::Fill;
use gradus::data::augment::{RandomRotation, RandomTranslation};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;

/// Measures remedies against overfitting on a part of MNIST.
#[derive(Parser)]
struct Args {
    /// Passes over the training images.
    #[arg(long, default_value_t = 40)]
    epochs: usize,
    /// Training images.
    #[arg(long, default_value_t = 1000)]
    images: usize,
    /// Seeds of everything random, counted from 1.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/overfitting.svg")]
    picture: PathBuf,
    /// Few images and epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// What is done against overfitting.
#[derive(Clone, Copy, Default)]
struct Remedy {
    name: &'static str,
    weight_decay: Float,
    dropout: Float,
    stops_early: bool,
    augments: bool,
    /// How many times the images.
    more: usize,
}

const NONE: Remedy =
    Remedy { name: "none", weight_decay: 0.0, dropout: 0.0, stops_early: false, augments: false, more: 1 };
const REMEDIES: [Remedy; 7] = [
    NONE,
    Remedy { name: "early stopping", stops_early: true, ..NONE },
    Remedy { name: "weight decay", weight_decay: 0.3, ..NONE },
    Remedy { name: "dropout", dropout: 0.5, ..NONE },
    Remedy { name: "augmentation", augments: true, ..NONE },
    Remedy { name: "all of these", weight_decay: 0.3, dropout: 0.5, augments: true, ..NONE },
    Remedy { name: "4 times the data", more: 4, ..NONE },
];

/// What a training gave.
struct Outcome {
    history: History,
    training_accuracy: f64,
    test_accuracy: f64,
    test_loss: f64,
}

fn run(remedy: Remedy, args: &Args, seed: u64, train: &Mnist, test: &Mnist) -> Result<Outcome> {
    let mut network = Sequential::new()
        .add(Conv2d::new(16, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten);
    if remedy.dropout > 0.0 {
        network = network.add(Dropout::new(remedy.dropout));
    }
    network = network.add(Dense::new(128).activation(Relu));
    if remedy.dropout > 0.0 {
        network = network.add(Dropout::new(remedy.dropout));
    }
    let mut model = network
        .add(Dense::new(10).activation(Softmax))
        .compile(AdamW::new(0.001).weight_decay(remedy.weight_decay), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .seed(seed)
        .threads(args.threads);

    let images = train.shuffle(seed).take(args.images * remedy.more);
    // Early stopping has to learn from fewer, since it needs images to watch. The others watch test images, for the picture
    // alone.
    let (learned, held_out) = (&images).split(0.9)?;
    let watched = test.take(1000);
    let fit = Fit::epochs(args.epochs).progress(false);
    let history = match remedy {
        Remedy { stops_early: true, .. } => {
            let stop = EarlyStopping::new("val_loss").patience(5);
            model.fit(&learned, fit.validation(&held_out).callback(stop))?
        }
        Remedy { augments: true, .. } => {
            let shift = RandomTranslation::new(0.1, 0.1).fill_mode(Fill::Constant(0.0));
            let turn = RandomRotation::new(0.04).fill_mode(Fill::Constant(0.0));
            model.fit(&(&images).augment(seed, (shift, turn)), fit.validation(&watched))?
        }
        _ => model.fit(&images, fit.validation(&watched))?,
    };
    let scores = model.evaluate(test)?;
    Ok(Outcome {
        history,
        training_accuracy: model.evaluate(&images)?["accuracy"],
        test_accuracy: scores["accuracy"],
        test_loss: scores["loss"],
    })
}

/// The mean of a figure, and how far its values lie apart.
struct Spread {
    mean: f64,
    width: f64,
}

impl Spread {
    fn of(outcomes: &[Outcome], figure: fn(&Outcome) -> f64) -> Self {
        let values: Vec<f64> = outcomes.iter().map(figure).collect();
        let (least, most) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max));
        let width = most.unwrap_or(f64::NAN) - least.unwrap_or(f64::NAN);
        Self { mean: values.iter().sum::<f64>() / values.len() as f64, width }
    }

    /// What may be said against another row: a difference counts if it is larger than both spreads.
    fn claim(&self, other: &Self, higher_is_better: bool) -> &'static str {
        let difference = self.mean - other.mean;
        if difference.abs() <= self.width.max(other.width) {
            "no difference"
        } else if (difference > 0.0) == higher_is_better {
            "better"
        } else {
            "worse"
        }
    }
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let (train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (args.epochs, args.images, args.seeds, test) = (2, 60, 2, test.take(200));
    }
    println!(
        "| remedy | epochs | accuracy in training | on new images | against none | loss on new images | against none |"
    );
    println!("|---|---:|---:|---:|---|---:|---|");
    let mut table: Vec<Vec<Outcome>> = Vec::new();
    for remedy in REMEDIES {
        let outcomes = (1..=args.seeds.max(1)).map(|seed| run(remedy, &args, seed, &train, &test));
        table.push(outcomes.collect::<Result<_>>()?);
        let figures = |outcomes: &[Outcome]| {
            [Spread::of(outcomes, |one| one.test_accuracy), Spread::of(outcomes, |one| one.test_loss)]
        };
        let own = &table[table.len() - 1];
        let ([accuracy, loss], [accuracy_of_none, loss_of_none]) = (figures(own), figures(&table[0]));
        let claims = match table.len() {
            1 => ["", ""],
            _ => [accuracy.claim(&accuracy_of_none, true), loss.claim(&loss_of_none, false)],
        };
        println!(
            "| {} | {:.0} | {:.2}% | {:.2}% ± {:.2} | {} | {:.3} ± {:.3} | {} |",
            remedy.name,
            Spread::of(own, |one| one.history.len() as f64).mean,
            100.0 * Spread::of(own, |one| one.training_accuracy).mean,
            100.0 * accuracy.mean,
            50.0 * accuracy.width,
            claims[0],
            loss.mean,
            loss.width / 2.0,
            claims[1],
        );
    }
    println!("Means of {} seeds ± half of the distance between the least and the greatest.", args.seeds.max(1));

    // The fall of the first epochs would leave no height for the rest.
    let epochs =
        |figures: &[f64]| (1..).zip(figures.iter().copied()).skip(args.epochs / 10).collect::<Vec<(u32, f64)>>();
    let mut curves = Panel::new("Epoch", "Loss, first seed");
    for (remedy, outcomes) in
        REMEDIES.iter().zip(&table).filter(|(remedy, _)| ["none", "augmentation"].contains(&remedy.name))
    {
        let curve = |name: &str| epochs(outcomes[0].history.get(name));
        curves = curves
            .line(format!("{}, training", remedy.name), curve("loss"))
            .line(format!("{}, new images", remedy.name), curve("val_loss"));
    }
    let accuracies = table.iter().enumerate().flat_map(|(place, outcomes)| {
        outcomes.iter().map(move |outcome| (place as f64, 100.0 * outcome.test_accuracy))
    });
    let points = Panel::new("Remedy", "Accuracy on new images, %")
        .categories(REMEDIES.map(|remedy| remedy.name))
        .points("", accuracies);
    let title = format!("A network that learns from {} digits", args.images);
    Figure::new(title).columns(1).panel(curves).panel(points).save(&args.picture)
}
