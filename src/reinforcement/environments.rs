//! Several environments side by side.

use ndarray::{Array2, ArrayView2};
use rand::SeedableRng;

use super::Environment;
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

/// Environments of a kind that are stepped together, so that an agent decides on a batch. Where an episode ends, the next one begins at once.
///
/// # Example
/// see [the module](super)
/// # Reference
/// gymnasium's `SyncVectorEnv` with `AutoresetMode.SAME_STEP`
#[doc(alias = "VectorEnv")]
#[derive(Debug)]
pub struct Environments<E> {
    environments: Vec<E>,
    observations: Array2<Float>,
    returns: Vec<Float>,
    rng: Rng,
}

/// What follows from an action in each environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What the agent sees after the action, `[environments, numbers]`: of an ended episode its last observation, not the first one of the
    /// next, which [`Environments::observations`] has.
    pub next: Array2<Float>,
    /// What the actions were worth.
    pub rewards: Vec<Float>,
    /// Where the episode is over.
    pub terminated: Vec<bool>,
    /// Where the time is up.
    pub truncated: Vec<bool>,
    /// The sums of rewards of the episodes that ended.
    pub finished: Vec<Float>,
}

impl<E: Environment> Environments<E> {
    /// Creates `count` environments by a function, and begins an episode in each. The seed decides on their beginnings.
    ///
    /// # Errors
    /// no environments; an observation without numbers
    pub fn new(count: usize, seed: u64, make: impl Fn() -> E) -> Result<Self> {
        let mut rng = Rng::seed_from_u64(seed);
        let mut environments: Vec<E> = (0..count).map(|_| make()).collect();
        let first: Vec<Vec<Float>> = environments.iter_mut().map(|environment| environment.reset(&mut rng)).collect();
        let width = first.first().map_or(0, Vec::len);
        if width == 0 || first.iter().any(|row| row.len() != width) {
            return Err(Error::value(format!(
                "Environments: expected at least one environment, and observations of one length above 0, got {count} environments and \
                 {width} numbers"
            )));
        }
        let mut observations = Array2::zeros((count, width));
        observations.iter_mut().zip(first.into_iter().flatten()).for_each(|(to, from)| *to = from);
        Ok(Self { environments, observations, returns: vec![0.0; count], rng })
    }

    /// Returns what the agent sees, `[environments, numbers]`.
    pub fn observations(&self) -> ArrayView2<'_, Float> {
        self.observations.view()
    }

    /// Returns how many actions there are.
    pub fn actions(&self) -> usize {
        self.environments[0].actions()
    }

    /// Does an action in each environment.
    ///
    /// # Errors
    /// an action missing or too many, or one that there is not; an observation of another length than the first
    pub fn step(&mut self, actions: &[usize]) -> Result<Outcome> {
        let (count, known) = (self.environments.len(), self.actions());
        if actions.len() != count || actions.iter().any(|action| *action >= known) {
            return Err(Error::value(format!(
                "Environments: expected an action in 0..{known} for each of {count} environments, got {actions:?}"
            )));
        }
        let mut outcome = Outcome { next: self.observations.clone(), ..Outcome::default() };
        for (i, (environment, action)) in self.environments.iter_mut().zip(actions).enumerate() {
            let step = environment.step(*action);
            let ends = step.terminated || step.truncated;
            self.returns[i] += step.reward;
            let width = outcome.next.ncols();
            let fits = |seen: &[Float]| {
                let message = format!("Environments: expected observations of {width} numbers, got {}", seen.len());
                if seen.len() == width { Ok(()) } else { Err(Error::shape(message)) }
            };
            fits(&step.observation)?;
            outcome.next.row_mut(i).iter_mut().zip(&step.observation).for_each(|(to, from)| *to = *from);
            let shown = if ends { environment.reset(&mut self.rng) } else { step.observation };
            fits(&shown)?;
            self.observations.row_mut(i).iter_mut().zip(shown).for_each(|(to, from)| *to = from);
            outcome.rewards.push(step.reward);
            outcome.terminated.push(step.terminated);
            outcome.truncated.push(step.truncated);
            if ends {
                outcome.finished.push(std::mem::take(&mut self.returns[i]));
            }
        }
        Ok(outcome)
    }
}
