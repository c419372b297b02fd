//! Deep Q-learning.

use gradus::ndarray::Array1;
use gradus::optimizers::schedules::PolynomialDecay;
use gradus::prelude::*;
use gradus::reinforcement::{Environment, Environments, ReplayBuffer};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{Agent, Best, best, network, one_hot, values};

/// The settings of deep Q-learning.
#[derive(Clone, Copy)]
pub struct Dqn {
    pub steps: usize,
    pub width: usize,
    pub learning_rate: Float,
    pub batch: usize,
    /// Transitions that are remembered, and those before the first update.
    pub memory: usize,
    pub warm_up: usize,
    /// Updates of the network after each `every` steps.
    pub updates: usize,
    pub every: usize,
    /// Updates between copies of the network that says what is to come.
    pub copy_every: usize,
    pub gamma: Float,
    /// The share of the steps in which random actions become rarer, and how many remain.
    pub exploration: f64,
    pub least_random: f64,
}

/// Learns what each action is worth: its reward and, discounted, the worth of the best action after it (Mnih et al. 2015). The network that
/// learns chooses that action, and an older copy says what it is worth (van Hasselt et al. 2016).
pub fn dqn<E: Environment>(make: fn() -> E, settings: Dqn, seed: u64) -> Result<Agent> {
    let mut worlds = Environments::new(1, seed, make)?;
    let (actions, mut rng) = (worlds.actions(), ChaCha8Rng::seed_from_u64(seed));
    let network = network(settings.width, actions, Relu);
    network.forward(&Tape::inference().seed(seed).input(worlds.observations().to_owned()))?;
    let older = network.copy()?;
    let updates = settings.steps / settings.every * settings.updates;
    let decay = PolynomialDecay::new(settings.learning_rate, updates as u32).end_learning_rate(1e-5);
    let mut stepper = Stepper::new(Adam::default()).schedule(decay).clip(Clip::GlobalNorm(10.0));
    let mut memory = ReplayBuffer::new(settings.memory);
    let mut kept = Best::new();
    for step in 1..=settings.steps {
        let part = step as f64 / (settings.exploration * settings.steps as f64);
        let random = (1.0 - part * (1.0 - settings.least_random)).max(settings.least_random);
        let seen = worlds.observations().to_owned();
        let action = match rng.random_bool(random) {
            true => rng.random_range(0..actions),
            false => best(&values(&network, seen.view())?)[0],
        };
        let outcome = worlds.step(&[action])?;
        memory.push(seen.row(0), action, outcome.rewards[0], outcome.next.row(0), outcome.terminated[0])?;
        if step >= settings.warm_up && step % settings.every == 0 {
            for _ in 0..settings.updates {
                let batch = memory.sample(settings.batch, &mut rng)?;
                let chosen = best(&values(&network, batch.next.view())?);
                let later = values(&older, batch.next.view())?;
                let later = Array1::from_shape_fn(chosen.len(), |i| later[[i, chosen[i]]]);
                let target = &batch.rewards + &(settings.gamma * &batch.goes_on * &later);
                let tape = Tape::training();
                let worth = network.forward(&tape.input(&batch.observations))?;
                let worth = (&worth * tape.constant(one_hot(&batch.actions, actions))).sum_axes(&[1])?;
                let loss = Huber::default().loss(&worth, &target.into_tensor())?;
                stepper.step(&network, loss.backward()?)?;
                if (stepper.steps() as usize).is_multiple_of(settings.copy_every) {
                    older.copy_weights_from(&network)?;
                }
            }
        }
        if step % (settings.steps / 50).max(1) == 0 {
            kept.look(&network, make, step)?;
        }
    }
    Ok(kept.agent)
}
