//! Two ways to learn where to go from somebody who knows: paths over maps by a network that plans, and a car that is kept on its road.
//!
//! `cargo run --release --features plot --example path_planning`
//!
//! A value iteration network (Tamar et al. 2016) has the steps of dynamic programming as layers: a convolution spreads what a move would
//! bring, and the greatest of its channels is the new value of a place. It learns from shortest paths and has to find the goal on maps
//! that it has never seen. Known for it, on maps of a generator of its own: 99.69% on 8 x 8 and 96.99% on 16 x 16 maps.
//!
//! The car (`shared/track.rs`) sees distances to the edges of its road, and learns to steer from a driver who sees all. A copy of what the driver
//! did (cloning) has never seen what its own faults lead to; asking the driver there again and again (DAgger, Ross, Gordon & Bagnell 2011) helps.

#[path = "shared/maps.rs"]
mod maps;
#[path = "shared/track.rs"]
mod track;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use gradus::ndarray::{Array4, s};
use gradus::optimizers::schedules::CosineDecay;
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use maps::{MOVES, Map};
use rand::{SeedableRng, rngs::ChaCha8Rng};

/// Learns to plan paths, and to drive.
#[derive(Parser)]
struct Args {
    /// Sizes of the maps.
    #[arg(long, value_delimiter = ',', default_value = "8,16")]
    sizes: Vec<usize>,
    /// Maps to learn from.
    #[arg(long, default_value_t = 10_000)]
    maps: usize,
    /// Maps to be tested on.
    #[arg(long, default_value_t = 5000)]
    tests: usize,
    /// Passes over the maps.
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/path_planning.svg")]
    picture: PathBuf,
    /// Few maps and passes, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// From maps `[batch, size, size, 2]`, of obstacles and of the goal, to a score for each of eight moves at each place.
struct Planner {
    look: Conv2d,
    reward: Conv2d,
    spread: Conv2d,
    moves: Dense,
    steps: usize,
}

impl Planner {
    fn new(size: usize) -> Self {
        let conv = |filters, size: usize| Conv2d::new(filters, size).padding(Padding::Same);
        Self {
            look: conv(96, 3).activation(Relu),
            reward: conv(1, 1),
            spread: conv(16, 3),
            moves: Dense::new(MOVES.len()),
            steps: 2 * size + 4,
        }
    }
}

impl Layer for Planner {
    fn forward(&self, x: &Var) -> Result<Var> {
        let reward = self.reward.forward(&self.look.forward(x)?)?;
        let mut value = &reward * 0.0;
        let mut moves = self.spread.forward(&Var::concat(&[&reward, &value], -1)?)?;
        for _ in 0..self.steps {
            value = moves.max_axes_keep(&[-1])?;
            moves = self.spread.forward(&Var::concat(&[&reward, &value], -1)?)?;
        }
        self.moves.forward(&Var::concat(&[&moves, x], -1)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("look", &self.look);
        list.nest("reward", &self.reward);
        list.nest("spread", &self.spread);
        list.nest("moves", &self.moves);
    }
}

/// What the planner sees of maps.
fn inputs(maps: &[Map], size: usize) -> Array4<Float> {
    Array4::from_shape_fn((maps.len(), size, size, 2), |(map, row, column, kind)| {
        let map = &maps[map];
        let place = (row, column);
        Float::from(u8::from(if kind == 0 { map.is_blocked(place) } else { map.goal == place }))
    })
}

/// Trains on shortest paths, from everywhere at once; returns the share of new maps whose goal is reached, and a few of these with their paths.
fn plan(size: usize, args: &Args) -> Result<(f64, Vec<Tensor>)> {
    let start = Instant::now();
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let known: Vec<Map> = (0..args.maps).map(|_| Map::random(size, &mut rng)).collect();
    let x = inputs(&known, size);
    let best: Vec<_> = known.iter().map(Map::best_moves).collect();
    // All moves that are on a shortest path are right; places from which there is none do not count.
    let y = Array4::from_shape_fn((known.len(), size, size, MOVES.len()), |(map, row, column, way)| {
        let right = &best[map][row * size + column];
        if right.contains(&way) { 1.0 / right.len() as Float } else { 0.0 }
    });
    let steps = (args.epochs * known.len().div_ceil(64)) as u32;
    let adam = Stepper::new(Adam::default()).schedule(CosineDecay::new(4e-3, steps)).clip(Clip::GlobalNorm(1.0));
    let loss = move |logits: &Var, target: &Tensor| {
        let counts = target.sum_axis(ndarray::Axis(3));
        Ok(-(logits.log_softmax(-1)? * logits.tape().input(target)).sum() * (1.0 / counts.sum().max(1.0)))
    };
    let mut model = Planner::new(size).compile(adam, loss).seed(args.seed);
    model.fit(&(&x, &y), Fit::epochs(args.epochs).batch_size(64).progress(false))?;

    // The first numbers of another seed: none of these maps was seen.
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed + 1_000_000);
    let new: Vec<Map> = (0..args.tests).map(|_| Map::random(size, &mut rng)).collect();
    let scores = model.predict(&inputs(&new, size))?;
    let (mut reached, mut detours, mut drawn) = (0, 0.0, Vec::new());
    for (number, map) in new.iter().enumerate() {
        let scores = scores.slice(s![number, .., .., ..]);
        let choose = |place: (usize, usize)| {
            let at = |way: &usize| scores[[place.0, place.1, *way]];
            (0..MOVES.len()).max_by(|a, b| at(a).total_cmp(&at(b))).unwrap_or(0)
        };
        let (path, is_there) = map.walk(choose);
        if is_there {
            reached += 1;
            detours += maps::length(&path) / map.distance();
        }
        if drawn.len() < 4 {
            drawn.push(map.picture(&path));
        }
    }
    let success = 100.0 * f64::from(reached) / new.len() as f64;
    let (detour, seconds) = (detours / f64::from(reached.max(1)), start.elapsed().as_secs_f64());
    println!(
        "{size} x {size}: {success:.2}% of {} new maps, paths {detour:.4} times the shortest, {seconds:.0} s",
        new.len()
    );
    Ok((success, drawn))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        (args.sizes, args.maps, args.tests, args.epochs) = (vec![8], 200, 50, 2);
    }
    let mut figure = Figure::new("Planned paths, and laps of a car").columns(4);
    for size in &args.sizes {
        for (number, picture) in plan(*size, &args)?.1.iter().enumerate() {
            figure = figure.image(format!("{size} x {size}, new map {}", number + 1), picture);
        }
    }
    let laps = track::learn(if args.smoke { 2 } else { 8 }, args.seed)?;
    println!(
        "the driver's copy (cloning) keeps the road in {:.0}% of 100 laps, with DAgger in {:.0}%",
        laps[0],
        laps[laps.len() - 1]
    );
    let panel = Panel::new("Rounds of asking the driver", "Laps without leaving the road, %");
    figure.panel(panel.line("", laps.into_iter().enumerate())).save(&args.picture)
}
