//! Swings two links up by a motor in their joint, learnt by trying: deep Q-learning and proximal policy optimisation side by side.
//!
//! `cargo run --release --features plot --example acrobot`
//!
//! The world is gymnasium's `Acrobot-v1`, step for step: each step costs 1 until the lower end is above a line. rl-baselines3-zoo's DQN
//! reaches -76.6 after 100,000 steps, its PPO -73.5 after a million. `shared/dqn.rs` and `shared/ppo.rs` are the agents.

#[path = "shared/agents.rs"]
mod agents;

use std::path::PathBuf;

use agents::{Dqn, Ppo, compare, dqn, ppo, returns};
use clap::Parser;
use gradus::prelude::*;
use gradus::reinforcement::Acrobot;

/// Learns to swing up by DQN and PPO.
#[derive(Parser)]
struct Args {
    /// Seeds of everything random, counted from 1.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/acrobot.svg")]
    picture: PathBuf,
    /// Few steps, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let mut q_learning = Dqn {
        steps: 100_000,
        width: 128,
        learning_rate: 6.3e-4,
        batch: 64,
        memory: 50_000,
        warm_up: 1000,
        updates: 1,
        every: 4,
        copy_every: 250,
        gamma: 0.99,
        exploration: 0.12,
        least_random: 0.1,
    };
    let mut policy = Ppo {
        steps: 200_000,
        width: 64,
        learning_rate: 1e-3,
        environments: 16,
        horizon: 128,
        epochs: 8,
        batch: 256,
        gamma: 0.99,
        lambda: 0.94,
        clip: 0.2,
        entropy: 0.0,
    };
    if args.smoke {
        (args.seeds, q_learning.steps, policy.steps) = (1, 2000, 4096);
    }
    compare(
        "Acrobot",
        args.seeds,
        &[
            ("DQN", &|seed| dqn(Acrobot::default, q_learning, seed)),
            ("PPO", &|seed| ppo(Acrobot::default, policy, seed)),
        ],
        &|policy, seed| returns(policy, Acrobot::default, 100, seed),
        -80.0,
        &args.picture,
    )
}
