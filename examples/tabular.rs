//! Tables of numbers: a network beside linear models, scikit-learn's network and its gradient boosting, in cross-validation, and which columns matter.
//!
//! `cargo run --release --features plot --example tabular -- --data FOLDER`, where the folder has scikit-learn's `breast_cancer.csv`,
//! `wine_data.csv` and `diabetes_data_raw.csv.gz`: `sklearn/datasets/data` of an installed scikit-learn.

use std::path::{Path, PathBuf};

use clap::Parser;
use gradus::data::{Table, k_fold, scikit_learn, stratified_k_fold};
use gradus::ndarray::{Array1, Array2, Axis};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Cross-validates networks on small tables.
#[derive(Parser)]
struct Args {
    /// Folder with scikit-learn's tables; without it, a table is made up.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How often each table is divided into five folds.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/tabular.svg")]
    picture: PathBuf,
    /// One division of a table that is made up, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// A table, and how others do on it: accuracy, or R² where a number is predicted.
struct Set {
    name: &'static str,
    x: Array2<Float>,
    y: Array1<Float>,
    columns: Vec<String>,
    /// 0 for a number.
    classes: usize,
    /// scikit-learn's MLP and gradient boosting, by its defaults on standardised columns, three times five folds.
    known: Option<[f64; 2]>,
}

fn set(name: &'static str, table: &Table, known: [f64; 2]) -> Set {
    let y: Array1<Float> = table.targets().iter().copied().collect();
    let classes = table.class_names().len();
    Set { name, x: table.features().clone(), y, columns: table.feature_names().to_vec(), classes, known: Some(known) }
}

fn read(folder: &Path) -> Result<Vec<Set>> {
    Ok(vec![
        set("breast cancer", &scikit_learn::breast_cancer(folder)?, [0.9772, 0.9543]),
        set("wine", &scikit_learn::wine(folder)?, [0.9776, 0.9403]),
        set("diabetes (R²)", &scikit_learn::diabetes(folder)?, [0.4482, 0.3868]),
    ])
}

/// Two classes, by four of six columns.
fn invent() -> Vec<Set> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let x = Array2::from_shape_fn((200, 6), |_| rng.random_range(-1.0..1.0));
    let y = x.outer_iter().map(|row| Float::from(u8::from(row[0] * row[1] + row[2] + 0.5 * row[3] > 0.0))).collect();
    let columns = (0..6).map(|column| format!("column {column}")).collect();
    vec![Set { name: "made up", x, y, columns, classes: 2, known: None }]
}

/// Trains on some rows. Columns are normalised by what these rows say, and the number of epochs is found on a part of them.
fn learn(set: &Set, rows: &[usize], hidden: bool, seed: u64) -> Result<Trainer<Sequential>> {
    let (x, y) = (set.x.select(Axis(0), rows), set.y.select(Axis(0), rows));
    let normalize = Normalization::default();
    normalize.adapt(&(&x, &y))?;
    let mut network = Sequential::new().add(normalize);
    if hidden {
        network = network.add(Dense::new(64).activation(Relu)).add(Dropout::new(0.2));
        network = network.add(Dense::new(32).activation(Relu)).add(Dropout::new(0.2));
    }
    let stop = EarlyStopping::new("val_loss").patience(15);
    let fit = Fit::epochs(150).batch_size(16).validation_split(0.15).callback(stop).progress(false);
    let adam = AdamW::new(3e-3).weight_decay(0.01);
    if set.classes > 0 {
        let mut model =
            network.add(Dense::new(set.classes)).compile(adam, SparseCrossEntropy::from_logits()).seed(seed);
        model.fit(&(&x, &y), fit)?;
        return Ok(model);
    }
    // A number far from 0 would take many steps to reach: the last layer scales what the network says.
    let (mean, deviation) = (y.mean().unwrap_or(0.0), y.std(0.0).max(1e-6));
    let model = network.add(Dense::new(1)).add(gradus::layers::Rescaling::new(deviation).offset(mean));
    let mut model = model.compile(adam, MeanSquaredError).seed(seed);
    model.fit(&(&x, &y.insert_axis(Axis(1))), fit)?;
    Ok(model)
}

/// Accuracy or R² on these rows.
fn score(set: &Set, model: &Trainer<Sequential>, x: &Array2<Float>, rows: &[usize]) -> Result<f64> {
    let (found, y) = (model.predict(x)?, set.y.select(Axis(0), rows));
    if set.classes > 0 {
        let mut accuracy = Accuracy::default();
        accuracy.update(&found, &y.into_tensor())?;
        return Ok(accuracy.result());
    }
    let mut r2 = R2::default();
    r2.update(&found, &y.insert_axis(Axis(1)).into_tensor())?;
    Ok(r2.result())
}

/// How much worse the score is if a column is shuffled among the rows: what the model owes to it (Breiman 2001).
fn importance(set: &Set, model: &Trainer<Sequential>, rows: &[usize], seed: u64) -> Result<Vec<f64>> {
    let x = set.x.select(Axis(0), rows);
    let whole = score(set, model, &x, rows)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut losses = Vec::new();
    for column in 0..x.ncols() {
        let mut sum = 0.0;
        for _ in 0..10 {
            let mut numbers = x.column(column).to_vec();
            numbers.shuffle(&mut rng);
            let mut shuffled = x.clone();
            shuffled.column_mut(column).assign(&Array1::from(numbers));
            sum += whole - score(set, model, &shuffled, rows)?;
        }
        losses.push(sum / 10.0);
    }
    Ok(losses)
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        args.seeds = 1;
    }
    let sets = match &args.data {
        Some(folder) => read(folder)?,
        None => invent(),
    };
    let mut figure = Figure::new("What a shuffled column costs").columns(1);
    println!("{:<16} {:>8} {:>9} {:>21} {:>20}", "", "linear", "network", "scikit-learn's MLP", "gradient boosting");
    for set in &sets {
        let (mut scores, mut costs, mut count) = ([0.0; 2], vec![0.0; set.columns.len()], 0.0);
        for seed in 1..=args.seeds {
            let classes: Vec<usize> = set.y.iter().map(|class| *class as usize).collect();
            let folds = match set.classes {
                0 => k_fold(set.y.len(), 5, seed)?,
                _ => stratified_k_fold(&classes, 5, seed)?,
            };
            for (known, new) in folds {
                let x = set.x.select(Axis(0), &new);
                for (sum, hidden) in scores.iter_mut().zip([false, true]) {
                    let model = learn(set, &known, hidden, seed)?;
                    *sum += score(set, &model, &x, &new)?;
                    if hidden {
                        let own = importance(set, &model, &new, seed)?;
                        costs.iter_mut().zip(own).for_each(|(sum, cost)| *sum += cost);
                    }
                }
                count += 1.0;
            }
        }
        let [linear, network] = scores.map(|sum| sum / count);
        let known = set.known.map_or([f64::NAN; 2], |known| known);
        println!("{:<16} {linear:>8.4} {network:>9.4} {:>21.4} {:>20.4}", set.name, known[0], known[1]);
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by(|a, b| costs[*b].total_cmp(&costs[*a]));
        order.truncate(6);
        let best = order.iter().map(|column| format!("{} {:.3}", set.columns[*column], costs[*column] / count));
        println!("  columns: {}", best.collect::<Vec<String>>().join(", "));
        let points = order.iter().enumerate().map(|(place, column)| (place as f64, costs[*column] / count));
        let names = order.iter().map(|column| set.columns[*column].clone());
        figure = figure.panel(Panel::new(set.name, "Loss of score").categories(names).points("", points));
    }
    figure.save(&args.picture)
}
