//! Keeps a pole upright on a cart, learnt by trying: deep Q-learning and proximal policy optimisation side by side.
//!
//! `cargo run --release --features plot --example cartpole`
//!
//! The world is gymnasium's `CartPole-v1`, step for step; 475 of 500 is what it calls solved. The settings are those of rl-baselines3-zoo,
//! whose agents reach 500 after 50,000 steps (DQN) and 100,000 (PPO). `shared/dqn.rs` and `shared/ppo.rs` are the agents.

#[path = "shared/agents.rs"]
mod agents;

use std::path::PathBuf;

use agents::{Dqn, Ppo, Train, compare, dqn, ppo, returns};
use clap::Parser;
use gradus::prelude::*;
use gradus::reinforcement::CartPole;

/// Learns to balance a pole by DQN and PPO.
#[derive(Parser)]
struct Args {
    /// Seeds of everything random, counted from 1.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// The agents that learn.
    #[arg(long, value_delimiter = ',', default_value = "DQN,PPO")]
    agents: Vec<String>,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/cartpole.svg")]
    picture: PathBuf,
    /// Few steps, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let mut q_learning = Dqn {
        steps: 50_000,
        width: 128,
        learning_rate: 2.3e-3,
        batch: 64,
        memory: 100_000,
        warm_up: 1000,
        updates: 128,
        every: 256,
        copy_every: 128,
        gamma: 0.99,
        exploration: 0.16,
        least_random: 0.04,
    };
    let mut policy = Ppo {
        steps: 100_000,
        width: 64,
        learning_rate: 1e-3,
        environments: 8,
        horizon: 32,
        epochs: 20,
        batch: 256,
        gamma: 0.98,
        lambda: 0.8,
        clip: 0.2,
        entropy: 0.0,
    };
    if args.smoke {
        (args.seeds, q_learning.steps, policy.steps) = (1, 2000, 2048);
    }
    let q_learning = |seed| dqn(CartPole::default, q_learning, seed);
    let policy = |seed| ppo(CartPole::default, policy, seed);
    let mut agents: Vec<(&str, Train)> = vec![("DQN", &q_learning), ("PPO", &policy)];
    agents.retain(|(name, _)| args.agents.iter().any(|wanted| wanted == name));
    compare(
        "CartPole",
        args.seeds,
        &agents,
        &|policy, seed| returns(policy, CartPole::default, 100, seed),
        475.0,
        &args.picture,
    )
}
