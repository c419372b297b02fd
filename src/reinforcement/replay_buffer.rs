//! A memory of what happened.

use ndarray::{Array1, Array2, ArrayView1};
use rand::RngExt;

use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

/// The last transitions that an agent has seen, from which it samples batches to learn from.
///
/// ```
/// use gradus::reinforcement::ReplayBuffer;
/// use gradus::{Rng, ndarray::arr1, rand::SeedableRng};
/// let mut memory = ReplayBuffer::new(2);
/// for step in 0..3 {
///     let seen = |step: i32| arr1(&[step as f32]);
///     memory.push(seen(step).view(), 1, 0.5, seen(step + 1).view(), step == 2)?;
/// }
/// assert_eq!(memory.len(), 2); // the first one is forgotten
/// let batch = memory.sample(32, &mut Rng::seed_from_u64(1))?;
/// assert_eq!(batch.observations.shape(), [32, 1]);
/// assert!(batch.observations.iter().all(|seen| *seen > 0.0));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Reference
/// Lin 1992; Mnih et al. 2015
#[derive(Clone, Debug)]
pub struct ReplayBuffer {
    capacity: usize,
    width: usize,
    /// Where the next transition goes.
    place: usize,
    /// Observations and the next ones, after each other.
    seen: Vec<Float>,
    actions: Vec<usize>,
    rewards: Vec<Float>,
    terminated: Vec<bool>,
}

/// A batch of transitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Transitions {
    /// What the agent saw, `[batch, numbers]`.
    pub observations: Array2<Float>,
    /// What it did.
    pub actions: Array1<usize>,
    /// What that was worth.
    pub rewards: Array1<Float>,
    /// What it saw then, `[batch, numbers]`.
    pub next: Array2<Float>,
    /// 1 where something can still be earned, 0 where the episode was over.
    pub goes_on: Array1<Float>,
}

impl ReplayBuffer {
    /// Creates a memory of this many transitions.
    pub fn new(capacity: usize) -> Self {
        let (seen, actions, rewards, terminated) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { capacity, width: 0, place: 0, seen, actions, rewards, terminated }
    }

    /// Returns how many transitions there are.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Adds a transition; if the memory is full, in the place of the oldest. An episode whose time is up is not `terminated`.
    ///
    /// # Errors
    /// observations of another length than the first; a memory of 0 transitions
    pub fn push(
        &mut self,
        observation: ArrayView1<'_, Float>,
        action: usize,
        reward: Float,
        next: ArrayView1<'_, Float>,
        terminated: bool,
    ) -> Result<()> {
        if self.is_empty() {
            self.width = observation.len();
        }
        if observation.len() != self.width || next.len() != self.width || self.capacity == 0 {
            return Err(Error::shape(format!(
                "ReplayBuffer: expected a capacity above 0 and observations of {} numbers, got {} and {} and {} numbers",
                self.width,
                self.capacity,
                observation.len(),
                next.len()
            )));
        }
        let both = observation.iter().chain(next).copied();
        if self.len() < self.capacity {
            self.seen.extend(both);
            self.actions.push(action);
            self.rewards.push(reward);
            self.terminated.push(terminated);
        } else {
            let start = self.place * 2 * self.width;
            self.seen[start..start + 2 * self.width].iter_mut().zip(both).for_each(|(to, from)| *to = from);
            self.actions[self.place] = action;
            self.rewards[self.place] = reward;
            self.terminated[self.place] = terminated;
        }
        self.place = (self.place + 1) % self.capacity;
        Ok(())
    }

    /// Draws transitions, each as likely as the others, the same one perhaps several times.
    ///
    /// # Errors
    /// an empty memory
    pub fn sample(&self, count: usize, rng: &mut Rng) -> Result<Transitions> {
        if self.is_empty() {
            return Err(Error::value("ReplayBuffer: there is no transition to sample; `push` some first"));
        }
        let rows: Vec<usize> = (0..count).map(|_| rng.random_range(0..self.len())).collect();
        let width = self.width;
        let of = |shift: usize| {
            Array2::from_shape_fn((count, width), |(i, number)| self.seen[(2 * rows[i] + shift) * width + number])
        };
        let goes_on = rows.iter().map(|row| Float::from(u8::from(!self.terminated[*row])));
        Ok(Transitions {
            observations: of(0),
            actions: rows.iter().map(|row| self.actions[*row]).collect(),
            rewards: rows.iter().map(|row| self.rewards[*row]).collect(),
            next: of(1),
            goes_on: goes_on.collect(),
        })
    }
}
