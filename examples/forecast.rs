//! Forecasts a series a whole season ahead, with intervals: last season again, a linear model, an LSTM, a temporal convolution and a
//! Transformer in one table.
//!
//! `cargo run --release --features csv,plot --example forecast` takes the airline passengers of Box & Jenkins. Your own:
//! `-- --data FILE.csv --column NAME --season 12 --horizon 12`, a line for each step. Yearly sunspots, for one, are in the Python package
//! statsmodels (`statsmodels/datasets/sunspots/sunspots.csv`, `--column SUNACTIVITY --season 11 --horizon 11`).
//!
//! All models say how much each step will differ from that of last season, as quantiles of 10, 50 and 90%. The measure is MASE (Hyndman &
//! Koehler 2006): the mean absolute error of the median, in units of what "last season again" is wrong by in the known part of the series. The
//! interval is to hold 80% of what comes.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use gradus::data::Csv;
use gradus::layers::SinusoidalPositions;
use gradus::losses::Quantile;
use gradus::ndarray::{Array2, Array3};
use gradus::optimizers::schedules::CosineDecay;
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;

/// Forecasts a series by five models.
#[derive(Parser)]
struct Args {
    /// File of comma-separated columns whose first line names them; without it, airline passengers by month.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The column that is forecast.
    #[arg(long, default_value = "passengers")]
    column: String,
    /// Steps until the series repeats itself more or less.
    #[arg(long, default_value_t = 12)]
    season: usize,
    /// Steps that are forecast at once.
    #[arg(long, default_value_t = 12)]
    horizon: usize,
    /// The share of the series at its end that no model learns from.
    #[arg(long, default_value_t = 0.25)]
    held_out: f64,
    /// Passes over the known windows.
    #[arg(long, default_value_t = 30)]
    epochs: usize,
    /// How many seeds to train with, counted from 1.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/forecast.svg")]
    picture: PathBuf,
    /// One seed and few passes, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

const LEVELS: [Float; 3] = [0.1, 0.5, 0.9];
const MODELS: [&str; 4] = ["linear", "LSTM", "temporal convolution", "Transformer"];

struct Series {
    /// The numbers, or their logarithms where all are above 0.
    values: Vec<f64>,
    is_logarithm: bool,
    season: usize,
    horizon: usize,
    /// Where the held-out part begins.
    split: usize,
    /// How much a step of the known part differs from that a season before, typically.
    scale: f64,
    /// The same as a mean absolute error of the numbers themselves.
    unit: f64,
}

impl Series {
    fn read(args: &Args) -> Result<Self> {
        let here = Path::new("examples/data/airline_passengers.csv");
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(here);
        let path = args.data.clone().unwrap_or(if here.is_file() { here.into() } else { there });
        let table = Csv::new(&path).comment(b'#').features([&args.column]).read()?;
        let numbers: Vec<f64> = table.features().iter().map(|number| f64::from(*number)).collect();
        let is_logarithm = numbers.iter().all(|number| *number > 0.0);
        let values: Vec<f64> = if is_logarithm { numbers.iter().map(|x| x.ln()).collect() } else { numbers.clone() };
        let split = ((1.0 - args.held_out) * values.len() as f64) as usize;
        let (season, horizon) = (args.season.max(1), args.horizon.max(1));
        if split < 3 * season + 2 * horizon || split + horizon > values.len() {
            return Err(Error::value(format!(
                "{} steps, of which {split} are known, are too few for a season of {season} and a horizon of {horizon}",
                values.len()
            )));
        }
        let differences = |values: &[f64]| (season..split).map(|i| values[i] - values[i - season]).collect::<Vec<_>>();
        let mean = |numbers: Vec<f64>| numbers.iter().sum::<f64>() / numbers.len() as f64;
        let scale = mean(differences(&values).iter().map(|d| d * d).collect()).sqrt();
        let unit = mean(differences(&numbers).iter().map(|d| d.abs()).collect());
        Ok(Self { values, is_logarithm, season, horizon, split, scale, unit })
    }

    /// A number of the series as it was in the file.
    fn number(&self, value: f64) -> f64 {
        if self.is_logarithm { value.exp() } else { value }
    }

    /// Last season again: step `ahead` of a forecast that begins at `origin`.
    fn naive(&self, origin: usize, ahead: usize) -> f64 {
        self.values[origin - self.season + ahead % self.season]
    }

    /// For each origin the two seasons before it, as steps of two numbers: how far from the last one, and from the same step a season
    /// before.
    fn inputs(&self, origins: &[usize]) -> Array3<Float> {
        let window = 2 * self.season;
        Array3::from_shape_fn((origins.len(), window, 2), |(row, step, kind)| {
            let (origin, at) = (origins[row], origins[row] - window + step);
            let from = self.values[if kind == 0 { origin - 1 } else { at - self.season }];
            ((self.values[at] - from) / self.scale) as Float
        })
    }

    /// What comes: differences from last season.
    fn targets(&self, origins: &[usize]) -> Array2<Float> {
        Array2::from_shape_fn((origins.len(), self.horizon), |(row, ahead)| {
            ((self.values[origins[row] + ahead] - self.naive(origins[row], ahead)) / self.scale) as Float
        })
    }

    /// Moves the ends of intervals apart by as much as holds 80% of the numbers in windows that were not trained on: conformalized
    /// quantile regression (Romano, Patterson & Candès 2019).
    fn calibrate(&self, kept: &[usize], predicted: &Tensor, new: &mut Tensor) {
        let targets = self.targets(kept);
        let outside = |((row, ahead), y): ((usize, usize), &Float)| {
            (predicted[[row, ahead]] - y).max(y - predicted[[row, 2 * self.horizon + ahead]])
        };
        let mut scores: Vec<Float> = targets.indexed_iter().map(outside).collect();
        scores.sort_by(Float::total_cmp);
        // Not together: that the last known seasons were calm is no promise.
        let margin = scores[(0.8 * (scores.len() + 1) as f64).ceil() as usize - 1].max(0.0);
        for mut row in new.outer_iter_mut() {
            for ahead in 0..self.horizon {
                row[ahead] -= margin;
                row[2 * self.horizon + ahead] += margin;
            }
        }
    }

    /// Quantiles as numbers, `[origin][level * horizon + ahead]`.
    fn forecasts(&self, origins: &[usize], predicted: &Tensor) -> Vec<Vec<f64>> {
        let row = |(row, origin): (usize, &usize)| {
            let value = |i: usize| self.naive(*origin, i % self.horizon) + f64::from(predicted[[row, i]]) * self.scale;
            (0..LEVELS.len() * self.horizon).map(|i| self.number(value(i))).collect()
        };
        origins.iter().enumerate().map(row).collect()
    }

    /// MASE, and the share of numbers inside of the interval.
    fn judge(&self, origins: &[usize], forecasts: &[Vec<f64>]) -> (f64, f64) {
        let (mut error, mut inside) = (0.0, 0);
        for (origin, quantiles) in origins.iter().zip(forecasts) {
            for ahead in 0..self.horizon {
                let [low, median, high] = [0, 1, 2].map(|level| quantiles[level * self.horizon + ahead]);
                let truth = self.number(self.values[origin + ahead]);
                error += (median - truth).abs();
                inside += usize::from(low <= truth && truth <= high);
            }
        }
        let count = (origins.len() * self.horizon) as f64;
        (error / count / self.unit, inside as f64 / count)
    }
}

fn network(name: &str, outputs: usize) -> Sequential {
    // Zeros: an untrained network says "last season again".
    let output = Dense::new(outputs).kernel_initializer(Zeros);
    let conv = |dilation: usize| Conv1d::new(24, 3).padding(Padding::Causal).dilation_rate(dilation).activation(Relu);
    match name {
        "linear" => Sequential::new().add(Flatten).add(output),
        "LSTM" => Sequential::new().add(Lstm::new(24)).add(output),
        "temporal convolution" => {
            Sequential::new().add(conv(1)).add(conv(2)).add(conv(4)).add(Flatten).add(Dropout::new(0.2)).add(output)
        }
        _ => Sequential::new()
            .add(Dense::new(24))
            .add(SinusoidalPositions::new())
            .add(TransformerEncoder::new(24, 4, 48).dropout(0.1))
            .add(Flatten)
            .add(Dropout::new(0.2))
            .add(output),
    }
}

/// Trains on windows that lie in the known part, and predicts those in the other.
fn train(series: &Series, name: &str, origins: [&[usize]; 2], args: &Args, seed: u64) -> Result<Vec<Vec<f64>>> {
    let [known, new] = origins;
    let steps = (args.epochs * known.len().div_ceil(16)) as u32;
    let optimizer = Stepper::new(AdamW::new(3e-3).weight_decay(0.05)).schedule(CosineDecay::new(3e-3, steps));
    let model = network(name, LEVELS.len() * series.horizon);
    let mut model = model.compile(optimizer, Quantile::new(LEVELS)).seed(seed);
    let (known, kept) = known.split_at(known.len() * 4 / 5);
    let data = (series.inputs(known), series.targets(known));
    model.fit(&data, Fit::epochs(args.epochs).batch_size(16).progress(false))?;
    let mut predicted = model.predict(&series.inputs(new))?;
    series.calibrate(kept, &model.predict(&series.inputs(kept))?, &mut predicted);
    Ok(series.forecasts(new, &predicted))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        (args.seeds, args.epochs) = (1, 3);
    }
    let series = Series::read(&args)?;
    let known: Vec<usize> = (3 * series.season..=series.split - series.horizon).collect();
    let new: Vec<usize> = (series.split..=series.values.len() - series.horizon).collect();
    println!("{} steps; {} windows to learn from, {} new ones", series.values.len(), known.len(), new.len());

    // The quantiles of last season again are those of its errors in the known part.
    let mut errors: Vec<Float> = series.targets(&known).into_iter().collect();
    errors.sort_by(Float::total_cmp);
    let spread = [0.1, 0.9].map(|share| errors[(share * (errors.len() - 1) as f64) as usize]);
    let again = Array2::from_shape_fn((new.len(), LEVELS.len() * series.horizon), |(_, i)| {
        [spread[0], 0.0, spread[1]][i / series.horizon]
    });
    let (mase, inside) = series.judge(&new, &series.forecasts(&new, &again.into_tensor()));
    println!("\n{:<22} {:>6} {:>16} {:>9}", "", "MASE", "in 80% interval", "seconds");
    println!("{:<22} {mase:>6.3} {:>15.1}%", "last season again", 100.0 * inside);

    let mut scores = vec![(0, mase)];
    let mut last = Vec::new();
    for (place, name) in MODELS.iter().enumerate() {
        let (start, mut sums) = (Instant::now(), (0.0, 0.0));
        for seed in 1..=args.seeds {
            let forecasts = train(&series, name, [&known, &new], &args, seed)?;
            let (mase, inside) = series.judge(&new, &forecasts);
            sums = (sums.0 + mase / args.seeds as f64, sums.1 + 100.0 * inside / args.seeds as f64);
            last = forecasts.last().cloned().unwrap_or_default();
        }
        let seconds = start.elapsed().as_secs_f64() / args.seeds as f64;
        println!("{name:<22} {:>6.3} {:>15.1}% {seconds:>9.1}", sums.0, sums.1);
        scores.push((place + 1, sums.0));
    }

    // The last forecast of the Transformer, and the two seasons before it.
    let origin = series.values.len() - series.horizon;
    let truth = (origin - 2 * series.season..series.values.len()).map(|at| (at, series.number(series.values[at])));
    let mut panel = Panel::new("Step", &args.column).line("what came", truth);
    for (name, quantiles) in ["10%", "median", "90%"].into_iter().zip(last.chunks(series.horizon)) {
        panel = panel.line(format!("Transformer, {name}"), (origin..).zip(quantiles.to_vec()));
    }
    let names = ["again", "linear", "LSTM", "convolution", "Transformer"];
    let errors = Panel::new("Model", "MASE").categories(names).points("", scores);
    Figure::new(format!("Forecasts of {}", args.column)).panel(panel).panel(errors).save(&args.picture)
}
