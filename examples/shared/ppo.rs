//! Proximal policy optimisation.

use gradus::ndarray::{Array1, Array2, Axis};
use gradus::optimizers::schedules::PolynomialDecay;
use gradus::prelude::*;
use gradus::reinforcement::{Environment, Environments, advantages};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{Agent, Best, network, one_hot, values};

/// The settings of proximal policy optimisation.
#[derive(Clone, Copy)]
pub struct Ppo {
    pub steps: usize,
    pub width: usize,
    pub learning_rate: Float,
    /// Environments side by side, and steps of each between updates.
    pub environments: usize,
    pub horizon: usize,
    /// How often what was gathered is learnt from, in batches of this size.
    pub epochs: usize,
    pub batch: usize,
    pub gamma: Float,
    pub lambda: Float,
    /// How far a policy may go from the one that gathered.
    pub clip: Float,
    pub entropy: Float,
}

/// A policy, and what it expects.
struct ActorCritic {
    actor: Sequential,
    critic: Sequential,
}

impl Layer<Var, (Var, Var)> for ActorCritic {
    fn forward(&self, x: &Var) -> Result<(Var, Var)> {
        Ok((self.actor.forward(x)?.log_softmax(-1)?, self.critic.forward(x)?))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("actor", &self.actor);
        list.nest("critic", &self.critic);
    }
}

/// What was seen, done and earned between two updates, `[steps · environments, ...]`.
struct Gathered {
    seen: Array2<Float>,
    actions: Array1<usize>,
    log_probabilities: Array1<Float>,
    advantages: Array1<Float>,
    returns: Array1<Float>,
}

fn gather<E: Environment>(
    model: &ActorCritic,
    worlds: &mut Environments<E>,
    settings: &Ppo,
    rng: &mut ChaCha8Rng,
) -> Result<Gathered> {
    let shape = (settings.horizon, settings.environments);
    let [mut rewards, mut expected, mut goes_on] = [(); 3].map(|()| Array2::zeros(shape));
    let (mut seen, mut actions, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..settings.horizon {
        let now = worlds.observations().to_owned();
        let (policy, worth) = model.forward(&Tape::inference().input(&now))?;
        let mut chosen = Vec::with_capacity(settings.environments);
        for row in policy.value().outer_iter() {
            let (mut left, mut action) = (rng.random::<Float>(), 0);
            while action + 1 < row.len() && left > row[action].exp() {
                left -= row[action].exp();
                action += 1;
            }
            logs.push(row[action]);
            chosen.push(action);
        }
        let outcome = worlds.step(&chosen)?;
        expected.row_mut(step).assign(&worth.value().index_axis(Axis(1), 0));
        rewards.row_mut(step).assign(&Array1::from(outcome.rewards));
        // Where the time is up more could have been earned: as much as the critic expects.
        let later = values(&model.critic, outcome.next.view())?;
        for i in 0..settings.environments {
            rewards[[step, i]] += if outcome.truncated[i] { settings.gamma * later[[i, 0]] } else { 0.0 };
            goes_on[[step, i]] = Float::from(u8::from(!outcome.terminated[i] && !outcome.truncated[i]));
        }
        seen.extend(now);
        actions.extend(chosen);
    }
    let last = values(&model.critic, worlds.observations())?;
    let (gamma, lambda) = (settings.gamma, settings.lambda);
    let found = advantages(rewards.view(), expected.view(), last.column(0), goes_on.view(), gamma, lambda)?;
    let width = seen.len() / actions.len();
    let seen = Array2::from_shape_vec((actions.len(), width), seen).map_err(|error| Error::shape(error.to_string()))?;
    let returns = Array1::from_iter(found.iter().zip(&expected).map(|(a, b)| a + b));
    let advantages = Array1::from_iter(found);
    Ok(Gathered { seen, actions: actions.into(), log_probabilities: logs.into(), advantages, returns })
}

/// Makes actions that were better than expected more likely, but only so far from the policy that tried them (Schulman et al. 2017).
pub fn ppo<E: Environment>(make: fn() -> E, settings: Ppo, seed: u64) -> Result<Agent> {
    let mut worlds = Environments::new(settings.environments, seed, make)?;
    let (count, mut rng) = (worlds.actions(), ChaCha8Rng::seed_from_u64(seed));
    let model = ActorCritic { actor: network(settings.width, count, Tanh), critic: network(settings.width, 1, Tanh) };
    model.forward(&Tape::inference().seed(seed).input(worlds.observations().to_owned()))?;
    let size = settings.horizon * settings.environments;
    let (rounds, batches) = (settings.steps / size, size.div_ceil(settings.batch));
    let decay = PolynomialDecay::new(settings.learning_rate, (rounds * settings.epochs * batches) as u32)
        .end_learning_rate(1e-5);
    let mut stepper = Stepper::new(Adam::default()).schedule(decay).clip(Clip::GlobalNorm(0.5));
    let mut kept = Best::new();
    for round in 1..=rounds {
        let all = gather(&model, &mut worlds, &settings, &mut rng)?;
        // The steps become smaller towards the end, and so does what is allowed.
        let clip = settings.clip * (1.0 - (round - 1) as Float / rounds as Float);
        for _ in 0..settings.epochs {
            let mut rows: Vec<usize> = (0..size).collect();
            rows.shuffle(&mut rng);
            for rows in rows.chunks(settings.batch) {
                stepper.step(&model, ppo_loss(&model, &all, rows, count, clip, settings.entropy)?.backward()?)?;
            }
        }
        if round % (rounds / 50).max(1) == 0 || round == rounds {
            kept.look(&model.actor, make, round * size)?;
        }
    }
    Ok(kept.agent)
}

fn ppo_loss(
    model: &ActorCritic,
    all: &Gathered,
    rows: &[usize],
    count: usize,
    clip: Float,
    entropy: Float,
) -> Result<Var> {
    let part = |numbers: &Array1<Float>| numbers.select(Axis(0), rows);
    let gains = part(&all.advantages);
    let gains = (&gains - gains.mean().unwrap_or(0.0)) / (gains.std(0.0) + 1e-8);
    let tape = Tape::training();
    let (logs, worth) = model.forward(&tape.input(all.seen.select(Axis(0), rows)))?;
    let chosen = one_hot(&all.actions.select(Axis(0), rows), count);
    let now = (&logs * tape.constant(chosen)).sum_axes(&[1])?;
    let ratio = (now - tape.constant(part(&all.log_probabilities))).exp();
    let gains = tape.constant(gains);
    let gain = (&ratio * &gains).minimum(&(ratio.clip(1.0 - clip, 1.0 + clip) * &gains))?.mean();
    let error = MeanSquaredError.loss(&worth, &part(&all.returns).insert_axis(Axis(1)).into_tensor())?;
    let spread = -(logs.exp() * &logs).sum_axes(&[1])?.mean();
    Ok(error * 0.5 - gain - spread * entropy)
}
