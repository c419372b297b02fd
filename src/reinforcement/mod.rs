//! Parts of agents that learn by trying: environments, memories, advantages.
//!
//! An [`Environment`] answers actions with observations and rewards. [`CartPole`] and [`Acrobot`] are the well-known ones, equal to
//! gymnasium's. [`Environments`] runs several of a kind side by side. [`ReplayBuffer`] is what deep Q-learning samples from, and
//! [`advantages`] what policy gradients follow. The examples `cartpole` and `acrobot` make agents of them. A [`TreeSearch`] plays a [`Game`]
//! of two players by what a network thinks of positions; the example `self_play` teaches it.
//!
//! ```
//! use gradus::reinforcement::{CartPole, Environments};
//!
//! let mut carts = Environments::new(8, 1, CartPole::default)?;
//! let mut finished = 0;
//! while finished < 20 {
//!     // Pushes towards where the pole falls.
//!     let falls = |row: ndarray::ArrayView1<f32>| usize::from(row[2] + row[3] > 0.0);
//!     let actions: Vec<usize> = carts.observations().outer_iter().map(falls).collect();
//!     finished += carts.step(&actions)?.finished.len();
//! }
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Reference
//! Sutton & Barto 2018; gymnasium; Stable-Baselines3

mod acrobot;
mod advantages;
mod cart_pole;
mod environments;
mod replay_buffer;
mod tree_search;

pub use acrobot::Acrobot;
pub use advantages::advantages;
pub use cart_pole::CartPole;
pub use environments::{Environments, Outcome};
pub use replay_buffer::{ReplayBuffer, Transitions};
pub use tree_search::{Game, TreeSearch};

use crate::random::Rng;
use crate::tensor::Float;

/// A world with a fixed number of actions, which an agent sees as numbers.
///
/// ```
/// use gradus::reinforcement::{Environment, Environments, Step};
/// use gradus::{Float, Rng};
///
/// /// Walks on a line: the end on the right is worth 1, that on the left nothing.
/// struct Walk { place: i32 }
///
/// impl Environment for Walk {
///     fn actions(&self) -> usize { 2 }
///     fn reset(&mut self, _: &mut Rng) -> Vec<Float> { self.place = 0; vec![0.0] }
///     fn step(&mut self, action: usize) -> Step {
///         self.place += if action == 1 { 1 } else { -1 };
///         let terminated = self.place.abs() == 3;
///         Step { observation: vec![self.place as Float], reward: if self.place == 3 { 1.0 } else { 0.0 }, terminated, truncated: false }
///     }
/// }
///
/// let mut walks = Environments::new(2, 0, || Walk { place: 0 })?;
/// walks.step(&[1, 0])?;
/// walks.step(&[1, 0])?;
/// assert_eq!(walks.step(&[1, 0])?.rewards, [1.0, 0.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Environment: Send {
    /// Returns how many actions there are; they are numbered from 0.
    fn actions(&self) -> usize;

    /// Begins an episode, and returns the first observation, which always has the same length.
    fn reset(&mut self, rng: &mut Rng) -> Vec<Float>;

    /// Does an action, which is below [`actions`](Self::actions).
    fn step(&mut self, action: usize) -> Step;
}

/// What follows from an action.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// What the agent sees next.
    pub observation: Vec<Float>,
    /// What the action was worth.
    pub reward: Float,
    /// Whether the episode is over: nothing more can be earned.
    pub terminated: bool,
    /// Whether the time is up: more could have been earned from here.
    pub truncated: bool,
}
