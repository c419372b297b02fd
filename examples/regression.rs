//! Regression on Friedman's first problem, measured against the mean, a linear model and the noise.
//!
//! `y = 10 sin(π x₁ x₂) + 20 (x₃ - ½)² + 10 x₄ + 5 x₅ + noise`, with five more features that mean nothing.
//!
//! `cargo run --release --example regression`

use std::f32::consts::PI;

use clap::Parser;
use gradus::Rng;
use gradus::initializers::{RandomNormal, RandomUniform};
use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;
use rand::SeedableRng;

/// Fits Friedman's first problem.
#[derive(Parser)]
struct Args {
    /// Passes over the training examples, at most.
    #[arg(long, default_value_t = 300)]
    epochs: usize,
    /// Training examples.
    #[arg(long, default_value_t = 2000)]
    examples: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Few examples and epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Ten features from 0 to 1, and what they give, with noise of standard deviation 1.
fn friedman(examples: usize, rng: &mut Rng) -> (Array2<Float>, Array1<Float>) {
    let mut draw = |initializer: &dyn Initializer, shape: &[usize]| initializer.sample(shape, rng);
    let x = draw(&RandomUniform { minval: 0.0, maxval: 1.0 }, &[examples, 10]);
    let noise = draw(&RandomNormal { mean: 0.0, stddev: 1.0 }, &[examples]);
    let x = Array2::from_shape_fn((examples, 10), |(i, j)| x[[i, j]]);
    let y = x.rows().into_iter().zip(&noise).map(|(x, noise)| {
        10.0 * (PI as Float * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4] + noise
    });
    (x.clone(), y.collect())
}

/// Trains a model and returns its root mean squared error on the test set.
fn fit(name: &str, model: Sequential, train: &dyn Dataset, test: &dyn Dataset, args: &Args) -> Result<f64> {
    let mut model = model.compile(Adam::new(0.01), MeanSquaredError).metric(MeanAbsolute::default()).seed(args.seed);
    let early = EarlyStopping::new("val_loss").patience(20);
    let history = model.fit(train, Fit::epochs(args.epochs).validation_split(0.2).callback(early).progress(false))?;
    let scores = model.evaluate(test)?;
    println!(
        "{name:16} {:>6.3}   {:>6.3}   ({} epochs)",
        scores["loss"].sqrt(),
        scores["mean_absolute_error"],
        history.len()
    );
    Ok(scores["loss"].sqrt())
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        (args.examples, args.epochs) = (500, 60);
    }
    let mut rng = Rng::seed_from_u64(args.seed);
    let (train, test) = (friedman(args.examples, &mut rng), friedman(1000, &mut rng));

    println!("on 1000 examples     RMSE      MAE");
    let mean = train.1.mean().unwrap_or(0.0);
    let (rmse, mae) = ((&test.1 - mean).pow2().mean(), (&test.1 - mean).abs().mean());
    println!("{:16} {:>6.3}   {:>6.3}", "the mean", rmse.unwrap_or(0.0).sqrt(), mae.unwrap_or(0.0));

    let linear = Sequential::new().add(Dense::new(1));
    let linear = fit("a linear model", linear, &train, &test, &args)?;

    let network =
        Sequential::new().add(Dense::new(32).activation(Tanh)).add(Dense::new(32).activation(Tanh)).add(Dense::new(1));
    let network = fit("the network", network, &train, &test, &args)?;

    println!("{:16} {:>6.3}   {:>6.3}", "the noise", 1.0, (2.0 / PI).sqrt());
    println!("The network explains {:.0}% of what the line leaves beside noise.", {
        100.0 * (linear.powi(2) - network.powi(2)) / (linear.powi(2) - 1.0)
    });
    Ok(())
}
