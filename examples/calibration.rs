//! Can a network's probabilities be believed? Five answers to overconfidence on digits: a temperature, dropout at prediction, an ensemble, and
//! sets of classes with a guarantee.
//!
//! `cargo run --release --features plot --example calibration`

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::calibration::{Bin, ConformalSets, Reliability, Temperature, brier_score, monte_carlo_dropout};
use gradus::data::Mnist;
use gradus::ndarray::{Axis, s};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::ChaCha8Rng};

/// Measures and mends the confidence of networks for digits.
#[derive(Parser)]
struct Args {
    /// Training images: few, so that networks learn them by heart and become too sure.
    #[arg(long, default_value_t = 1000)]
    images: usize,
    /// Passes over them.
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Networks in the ensemble.
    #[arg(long, default_value_t = 5)]
    networks: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/calibration.svg")]
    picture: PathBuf,
    /// Few images and epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Digits that no network is trained on, as arrays.
struct Digits {
    images: Tensor,
    classes: Tensor,
}

impl Digits {
    fn new(set: &Mnist, rows: std::ops::Range<usize>) -> Result<Self> {
        let batch = set.batch(&rows.collect::<Vec<_>>())?;
        Ok(Self { images: batch.inputs[0].clone(), classes: batch.targets[0].clone() })
    }

    /// The same, a few pixels lower: what the networks have never seen.
    fn shifted(&self, pixels: usize) -> Tensor {
        let mut moved = Tensor::zeros(self.images.raw_dim());
        moved.slice_mut(s![.., pixels.., .., ..]).assign(&self.images.slice(s![.., ..28 - pixels, .., ..]));
        moved
    }
}

/// A network in two parts: a temperature needs the numbers before the softmax.
fn learn(train: &impl Dataset, args: &Args, seed: u64) -> Result<Sequential> {
    let logits = Sequential::new()
        .add(Flatten)
        .add(Dense::new(256).activation(Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(256).activation(Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(10));
    let model = Sequential::new().add_named("logits", logits).add(Softmax);
    let mut model = model.compile(Adam::new(1e-3), SparseCrossEntropy::default()).seed(seed);
    model.fit(train, Fit::epochs(args.epochs).progress(false))?;
    Ok(model.model)
}

fn logits(model: &Sequential, images: &Tensor) -> Result<Tensor> {
    let logits = model.get("logits").ok_or_else(|| Error::value("the model has no logits"))?;
    Ok(logits.forward(&Tape::inference().input(images))?.value().clone())
}

const KINDS: [&str; 4] = ["one network", "with a temperature", "dropout, 30 samples", "ensemble"];

/// Probabilities by each kind of prediction.
fn predict(models: &[Sequential], images: &Tensor, temperature: Temperature) -> Result<[Tensor; 4]> {
    let own = logits(&models[0], images)?;
    // Dropout stays on, each time another one.
    let dropped = monte_carlo_dropout(&models[0], images, 30, 1)?;
    let mut mean = Tensor::zeros(own.raw_dim());
    for model in models {
        let probabilities = model.forward(&Tape::inference().input(images))?;
        mean = (&mean + &(probabilities.value() / models.len() as Float)).into_shared();
    }
    Ok([Temperature::default().probabilities(&own)?, temperature.probabilities(&own)?, dropped.mean, mean])
}

/// How many are right, the mean confidence, the mean `-ln p` of the right class, Brier's score, and the expected calibration error.
fn figures(probabilities: &Tensor, classes: &Tensor) -> Result<[f64; 5]> {
    let reliability = Reliability::new(probabilities, classes, 15)?;
    let count = classes.len() as f64;
    let mean =
        |of: fn(&Bin) -> f64| reliability.bins().iter().map(|bin| bin.count as f64 * of(bin)).sum::<f64>() / count;
    let right = probabilities.outer_iter().zip(classes).map(|(row, class)| f64::from(row[*class as usize]));
    let surprise = -right.map(|p| p.max(1e-12).ln()).sum::<f64>() / count;
    let brier = brier_score(probabilities, classes)?;
    let error = reliability.expected_calibration_error();
    Ok([mean(|bin| bin.accuracy), mean(|bin| bin.confidence), surprise, brier, error])
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let (train, test) = mnist::load(&args.data)?;
    let mut sizes = [5000, 5000];
    if args.smoke {
        (args.images, args.epochs, args.networks, sizes) = (300, 3, 2, [500, 500]);
    }
    let known = Digits::new(&test, 0..sizes[0])?;
    let new = Digits::new(&test, sizes[0]..sizes[0] + sizes[1])?;
    let few = train.shuffle(1).take(args.images);
    let models: Vec<Sequential> = (1..=args.networks).map(|seed| learn(&few, &args, seed)).collect::<Result<_>>()?;
    let temperature = Temperature::new(&logits(&models[0], &known.images)?, &known.classes)?;
    println!("{} training images, {} networks, temperature {:.2}", args.images, models.len(), temperature.value);

    let mut panel = Panel::new("Confidence", "Accuracy").line("calibrated", [(0.0, 0.0), (1.0, 1.0)]);
    for (what, images) in [("new digits", new.images.clone()), ("the same, 2 pixels lower", new.shifted(2))] {
        println!("\n{what:<26} accuracy  confidence  -ln p  Brier  calibration error");
        for (name, probabilities) in KINDS.iter().zip(predict(&models, &images, temperature)?) {
            let [accuracy, confidence, surprise, brier, error] = figures(&probabilities, &new.classes)?;
            println!("{name:<26} {accuracy:>8.4} {confidence:>11.4} {surprise:>6.3} {brier:>6.3} {error:>18.4}");
            if what == "new digits" {
                let reliability = Reliability::new(&probabilities, &new.classes, 15)?;
                // A bin of a few digits says nothing.
                let bins = reliability.bins().iter().filter(|bin| bin.count >= 20);
                panel = panel.line(*name, bins.map(|bin| (bin.confidence, bin.accuracy)));
            }
        }
    }
    Figure::new("How often predictions of a confidence are right").panel(panel).save(&args.picture)?;
    coverage(&models[0], &known, &new)
}

/// Sets that hold the right digit in 90% and 99% of the cases, whatever the network: over 100 divisions of the digits into known and new.
fn coverage(model: &Sequential, known: &Digits, new: &Digits) -> Result<()> {
    let stack =
        |a: &Tensor, b: &Tensor| ndarray::concatenate(Axis(0), &[a.view(), b.view()]).map(|all| all.into_tensor());
    let stack = |a: &Tensor, b: &Tensor| stack(a, b).map_err(|error| Error::value(error.to_string()));
    let (images, classes) = (stack(&known.images, &new.images)?, stack(&known.classes, &new.classes)?);
    let probabilities = model.forward(&Tape::inference().input(&images))?.value().clone();
    println!("\nsets of digits       wanted  covered  worst division  digits in a set");
    for wanted in [0.9, 0.99] {
        let mut rows: Vec<usize> = (0..classes.len()).collect();
        let (mut sum, mut size, mut worst) = (0.0, 0.0, 1.0_f64);
        for division in 0..100 {
            rows.shuffle(&mut ChaCha8Rng::seed_from_u64(division));
            let half = |rows: &[usize]| [&probabilities, &classes].map(|all| all.select(Axis(0), rows).into_shared());
            let ([p, truth], [new, answers]) = (half(&rows[..rows.len() / 2]), half(&rows[rows.len() / 2..]));
            let sets = ConformalSets::new(&p, &truth, wanted)?.predict(&new)?;
            let right = sets.iter().zip(&answers).filter(|(set, class)| set.contains(&(**class as usize))).count();
            let covered = right as f64 / sets.len() as f64;
            (sum, worst) = (sum + covered / 100.0, worst.min(covered));
            size += sets.iter().map(Vec::len).sum::<usize>() as f64 / sets.len() as f64 / 100.0;
        }
        println!("{:<20} {wanted:>6}  {sum:>7.4} {worst:>15.4} {size:>16.3}", "split conformal");
    }
    Ok(())
}
