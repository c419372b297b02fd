//! A pole on a cart.

use rand::RngExt;

use super::{Environment, Step};
use crate::random::Rng;
use crate::tensor::Float;

/// A cart that is pushed left (0) or right (1) to keep a pole upright: gymnasium's `CartPole-v1`. Each step is worth 1; the episode is
/// over when the pole leans more than 12 degrees or the cart is farther than 2.4 from the middle, and its time is up after 500 steps.
///
/// The agent sees the cart's place and speed, the pole's angle and its speed.
///
/// # Reference
/// Barto, Sutton & Anderson 1983; gymnasium 1.4.0, whose transitions these are
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CartPole {
    state: [f64; 4],
    steps: u32,
}

const GRAVITY: f64 = 9.8;
const POLE_MASS: f64 = 0.1;
const TOTAL_MASS: f64 = 1.1;
/// Half the pole's length.
const LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const SECONDS: f64 = 0.02;
const LIMIT: u32 = 500;

impl CartPole {
    /// Creates the environment in a state: place, speed, angle in radians, angular speed.
    pub fn at(state: [f64; 4]) -> Self {
        Self { state, steps: 0 }
    }

    fn observation(&self) -> Vec<Float> {
        self.state.iter().map(|x| *x as Float).collect()
    }
}

impl Environment for CartPole {
    fn actions(&self) -> usize {
        2
    }

    fn reset(&mut self, rng: &mut Rng) -> Vec<Float> {
        *self = Self::at([0; 4].map(|_| rng.random_range(-0.05..0.05)));
        self.observation()
    }

    fn step(&mut self, action: usize) -> Step {
        let [place, speed, angle, spin] = self.state;
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = angle.sin_cos();
        let push = (force + POLE_MASS * LENGTH * spin * spin * sin) / TOTAL_MASS;
        let turn = (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - POLE_MASS * cos * cos / TOTAL_MASS));
        let acceleration = push - POLE_MASS * LENGTH * turn * cos / TOTAL_MASS;
        self.state =
            [place + SECONDS * speed, speed + SECONDS * acceleration, angle + SECONDS * spin, spin + SECONDS * turn];
        self.steps += 1;
        let terminated = self.state[0].abs() > 2.4 || self.state[2].abs() > 12.0_f64.to_radians();
        Step { observation: self.observation(), reward: 1.0, terminated, truncated: !terminated && self.steps >= LIMIT }
    }
}
