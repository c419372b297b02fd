//! What two agents that learn by trying have in common, and how they are compared.

#[path = "dqn.rs"]
mod dqn;
#[path = "ppo.rs"]
mod ppo;

use std::path::Path;
use std::time::Instant;

pub use dqn::{Dqn, dqn};
use gradus::ndarray::{Array1, Array2, ArrayView2};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use gradus::reinforcement::{Environment, Environments};
pub use ppo::{Ppo, ppo};

/// A network whose greatest output is the action, and how good it was after how many steps.
pub struct Agent {
    pub policy: Sequential,
    pub curve: Vec<(usize, f64)>,
    pub seconds: f64,
}

fn network(width: usize, outputs: usize, activation: impl Activation + Copy + 'static) -> Sequential {
    let hidden = || Dense::new(width).activation(activation);
    Sequential::new().add(hidden()).add(hidden()).add(Dense::new(outputs))
}

fn values(network: &Sequential, seen: ArrayView2<Float>) -> Result<Array2<Float>> {
    let y = network.forward(&Tape::inference().input(seen.to_owned()))?;
    y.value().to_owned().into_dimensionality().map_err(|error| Error::shape(error.to_string()))
}

fn best(values: &Array2<Float>) -> Vec<usize> {
    let greatest = |row: ndarray::ArrayView1<Float>| (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b]));
    values.outer_iter().map(|row| greatest(row).unwrap_or(0)).collect()
}

fn one_hot(actions: &Array1<usize>, count: usize) -> Array2<Float> {
    Array2::from_shape_fn((actions.len(), count), |(i, action)| Float::from(u8::from(actions[i] == action)))
}

/// Returns what one greedy episode earns in each of `episodes` environments.
pub fn returns<E: Environment>(policy: &Sequential, make: fn() -> E, episodes: usize, seed: u64) -> Result<Vec<f64>> {
    let mut worlds = Environments::new(episodes, seed, make)?;
    let (mut sums, mut running) = (vec![0.0; episodes], vec![true; episodes]);
    while running.contains(&true) {
        let outcome = worlds.step(&best(&values(policy, worlds.observations())?))?;
        for i in (0..episodes).filter(|i| running[*i]).collect::<Vec<_>>() {
            sums[i] += f64::from(outcome.rewards[i]);
            running[i] = !outcome.terminated[i] && !outcome.truncated[i];
        }
    }
    Ok(sums)
}

pub fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

/// Keeps the best policy: learning goes up and down, and 20 greedy episodes say when it was up.
struct Best {
    agent: Agent,
    score: f64,
    start: Instant,
}

impl Best {
    fn new() -> Self {
        let agent = Agent { policy: Sequential::new(), curve: Vec::new(), seconds: 0.0 };
        Self { agent, score: f64::NEG_INFINITY, start: Instant::now() }
    }

    fn look<E: Environment>(&mut self, policy: &Sequential, make: fn() -> E, step: usize) -> Result<()> {
        let score = mean(&returns(policy, make, 20, 1_000_000 + step as u64)?);
        self.agent.curve.push((step, score));
        self.agent.seconds = self.start.elapsed().as_secs_f64();
        if score >= self.score {
            (self.score, self.agent.policy) = (score, policy.copy()?);
        }
        Ok(())
    }
}

/// Makes an agent from a seed.
pub type Train<'a> = &'a dyn Fn(u64) -> Result<Agent>;

/// Trains with several seeds, tests each agent on 100 new episodes, and draws the curves.
pub fn compare(
    title: &str,
    seeds: u64,
    agents: &[(&str, Train)],
    test: &dyn Fn(&Sequential, u64) -> Result<Vec<f64>>,
    wanted: f64,
    picture: &Path,
) -> Result<()> {
    let mut figure = Figure::new(title);
    for (name, train) in agents {
        let mut panel = Panel::new("Steps", format!("{name}: return of 20 greedy episodes"));
        let mut reached = 0;
        for seed in 1..=seeds {
            let agent = train(seed)?;
            let score = mean(&test(&agent.policy, 2_000_000 + seed)?);
            reached += usize::from(score >= wanted);
            println!("{name}, seed {seed}: {score:.1} over 100 greedy episodes, {:.0} s", agent.seconds);
            panel = panel.line(format!("seed {seed}"), agent.curve);
        }
        println!("{name}: {reached} of {seeds} seeds reach {wanted}");
        figure = figure.panel(panel);
    }
    figure.save(picture)
}
