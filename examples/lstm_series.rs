//! Forecasts two years of airline passengers, month by month, with an LSTM that has seen the ten years before.
//!
//! The LSTM reads how much 24 months grew over the same months a year before, as differences of logarithms, and says how
//! much the next one grows. A forecast that is 24 months long feeds its own months back.
//!
//! `cargo run --release --features plot --example lstm_series`

use std::path::{Path, PathBuf};

use clap::Parser;
use gradus::ndarray::{Array2, Array3};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;

const YEAR: usize = 12;
const HELD_OUT: usize = 24;
const WINDOW: usize = 24;

/// Forecasts the last two years of airline passengers.
#[derive(Parser)]
struct Args {
    /// The series, a line for each month.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Passes over the training windows.
    #[arg(long, default_value_t = 25)]
    epochs: usize,
    /// How many seeds to train with, counted from 1.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// One seed, to see in a second that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// The numbers of the last column.
fn read(path: &Path) -> Result<Vec<f64>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
    let lines = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let number = |line: &str| line.rsplit(',').next().and_then(|number| number.trim().parse().ok());
    let values: Option<Vec<f64>> = lines.map(number).collect();
    let values = values.ok_or_else(|| Error::file(path, "expected lines of month and passengers"))?;
    if values.len() < HELD_OUT + WINDOW + 2 * YEAR {
        return Err(Error::file(path, format!("{} months are too few to train on", values.len())));
    }
    Ok(values)
}

fn rmse(forecast: &[f64], truth: &[f64]) -> f64 {
    let squares = forecast.iter().zip(truth).map(|(a, b)| (a - b).powi(2));
    (squares.sum::<f64>() / truth.len() as f64).sqrt()
}

/// Trains on the logarithms of the known months and goes on from there.
fn forecast(known: &[f64], seed: u64, epochs: usize) -> Result<Vec<f64>> {
    let growth: Vec<f64> = (YEAR..known.len()).map(|month| known[month] - known[month - YEAR]).collect();
    let mean = growth.iter().sum::<f64>() / growth.len() as f64;
    let deviation = (growth.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / growth.len() as f64).sqrt();
    let mut growth: Vec<Float> = growth.iter().map(|x| ((x - mean) / deviation) as Float).collect();
    let windows = growth.len() - WINDOW;
    let x = Array3::from_shape_fn((windows, WINDOW, 1), |(i, t, _)| growth[i + t]);
    let y = Array2::from_shape_fn((windows, 1), |(i, _)| growth[i + WINDOW]);

    let model = Sequential::new().add(Lstm::new(16)).add(Dense::new(1));
    let mut model = model.compile(Adam::new(0.003), MeanSquaredError).seed(seed);
    model.fit(&(&x, &y), Fit::epochs(epochs).batch_size(16).progress(false))?;

    let mut months = known.to_vec();
    for _ in 0..HELD_OUT {
        let last = &growth[growth.len() - WINDOW..];
        let next = model.predict(&Array3::from_shape_fn((1, WINDOW, 1), |(_, t, _)| last[t]))?[[0, 0]];
        growth.push(next);
        months.push(months[months.len() - YEAR] + f64::from(next) * deviation + mean);
    }
    Ok(months[known.len()..].iter().map(|x| x.exp()).collect())
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        args.seeds = 1;
    }
    let data = args.data.unwrap_or_else(|| {
        let here = Path::new("examples/data/airline_passengers.csv");
        if here.is_file() { here.into() } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(here) }
    });
    let passengers = read(&data)?;
    let (known, truth) = passengers.split_at(passengers.len() - HELD_OUT);
    let logarithms: Vec<f64> = known.iter().map(|x| x.ln()).collect();

    // The last known year again and again; the same with the growth of its year; and with the mean growth of all years.
    let last_year: Vec<f64> = (0..HELD_OUT).map(|i| known[known.len() - YEAR + i % YEAR]).collect();
    let year = |ago: usize| logarithms[known.len() - (ago + 1) * YEAR..known.len() - ago * YEAR].iter().sum::<f64>();
    let years = known.len() / YEAR - 1;
    let growing = |growth: f64| -> Vec<f64> {
        last_year.iter().enumerate().map(|(i, x)| x * (growth / YEAR as f64 * (i / YEAR + 1) as f64).exp()).collect()
    };
    let naive = rmse(&last_year, truth);
    println!("RMSE over the last {HELD_OUT} months, in thousands of passengers");
    println!("{:<34} {naive:>6.1}", "last year again (baseline)");
    println!("{:<34} {:>6.1}", "last year with its growth", rmse(&growing(year(0) - year(1)), truth));
    let mean_growth = (year(0) - year(years)) / years as f64;
    println!("{:<34} {:>6.1}", "last year with all years' growth", rmse(&growing(mean_growth), truth));

    let mut errors = Vec::new();
    let mut first = Vec::new();
    for seed in 1..=args.seeds {
        let forecast = forecast(&logarithms, seed, args.epochs)?;
        errors.push(rmse(&forecast, truth));
        println!("{:<34} {:>6.1}", format!("LSTM, seed {seed}"), rmse(&forecast, truth));
        if first.is_empty() {
            first = forecast;
        }
    }
    let folder = Path::new("target/lstm_series");
    std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
    let at = |i: usize| 1949.0 + i as f64 / YEAR as f64;
    let from = |start: usize, values: &[f64]| (start..).map(at).zip(values.to_vec()).collect::<Vec<_>>();
    let panel = Panel::new("Year", "Thousands a month")
        .line("passengers", from(0, &passengers))
        .line("last year again", from(known.len(), &last_year))
        .line("LSTM", from(known.len(), &first));
    let path = folder.join("forecast.svg");
    Figure::new("Airline passengers, two years ahead").panel(panel).save(&path)?;

    let better = errors.iter().filter(|error| **error < naive).count();
    println!("The LSTM beats last year again with {better} of {} seeds; drawn in {}.", errors.len(), path.display());
    Ok(())
}
