//! Two links that swing.

use std::f64::consts::PI;

use rand::RngExt;

use super::{Environment, Step};
use crate::random::Rng;
use crate::tensor::Float;

/// Two links that hang from a point; a torque of -1, 0 or 1 (actions 0, 1, 2) at the joint between them is to swing the lower end above
/// a line: gymnasium's `Acrobot-v1`. Each step before that costs 1, and the time is up after 500 steps.
///
/// The agent sees cosine and sine of both angles, and both angular speeds.
///
/// # Reference
/// Sutton 1996; gymnasium 1.4.0, whose transitions these are
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acrobot {
    state: [f64; 4],
    steps: u32,
}

const GRAVITY: f64 = 9.8;
/// From a link's end to its centre of mass; length, mass and moment of inertia of both links are 1.
const CENTER: f64 = 0.5;
const SECONDS: f64 = 0.2;
const LIMIT: u32 = 500;

impl Acrobot {
    /// Creates the environment in a state: both angles in radians, both angular speeds.
    pub fn at(state: [f64; 4]) -> Self {
        Self { state, steps: 0 }
    }

    fn observation(&self) -> Vec<Float> {
        let [first, second, ..] = self.state;
        let seen = [first.cos(), first.sin(), second.cos(), second.sin(), self.state[2], self.state[3]];
        seen.map(|x| x as Float).to_vec()
    }
}

/// How fast a state changes.
fn slope([first, second, first_speed, second_speed]: [f64; 4], torque: f64) -> [f64; 4] {
    let (sin, cos) = second.sin_cos();
    let d1 = CENTER * CENTER + (1.0 + CENTER * CENTER + 2.0 * CENTER * cos) + 2.0;
    let d2 = CENTER * CENTER + CENTER * cos + 1.0;
    let phi2 = CENTER * GRAVITY * (first + second - PI / 2.0).cos();
    let phi1 = -CENTER * second_speed * second_speed * sin - 2.0 * CENTER * second_speed * first_speed * sin
        + (CENTER + 1.0) * GRAVITY * (first - PI / 2.0).cos()
        + phi2;
    let second_turn = (torque + d2 / d1 * phi1 - CENTER * first_speed * first_speed * sin - phi2)
        / (CENTER * CENTER + 1.0 - d2 * d2 / d1);
    [first_speed, second_speed, -(d2 * second_turn + phi1) / d1, second_turn]
}

/// Runge and Kutta's step of the fourth order.
fn runge_kutta(state: [f64; 4], torque: f64) -> [f64; 4] {
    let moved = |slope: [f64; 4], seconds: f64| {
        let mut moved = state;
        moved.iter_mut().zip(slope).for_each(|(x, slope)| *x += seconds * slope);
        moved
    };
    let k1 = slope(state, torque);
    let k2 = slope(moved(k1, SECONDS / 2.0), torque);
    let k3 = slope(moved(k2, SECONDS / 2.0), torque);
    let k4 = slope(moved(k3, SECONDS), torque);
    let mut mean = [0.0; 4];
    for (i, mean) in mean.iter_mut().enumerate() {
        *mean = (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]) / 6.0;
    }
    moved(mean, SECONDS)
}

/// The same angle between -π and π.
fn wrap(angle: f64) -> f64 {
    let turned = (angle + PI).rem_euclid(2.0 * PI) - PI;
    if turned == -PI && angle > 0.0 { PI } else { turned }
}

impl Environment for Acrobot {
    fn actions(&self) -> usize {
        3
    }

    fn reset(&mut self, rng: &mut Rng) -> Vec<Float> {
        *self = Self::at([0; 4].map(|_| rng.random_range(-0.1..0.1)));
        self.observation()
    }

    fn step(&mut self, action: usize) -> Step {
        let [first, second, first_speed, second_speed] = runge_kutta(self.state, action as f64 - 1.0);
        let (first, second) = (wrap(first), wrap(second));
        let most = [4.0 * PI, 9.0 * PI];
        self.state = [first, second, first_speed.clamp(-most[0], most[0]), second_speed.clamp(-most[1], most[1])];
        self.steps += 1;
        let terminated = -first.cos() - (first + second).cos() > 1.0;
        let reward = if terminated { 0.0 } else { -1.0 };
        Step { observation: self.observation(), reward, terminated, truncated: !terminated && self.steps >= LIMIT }
    }
}
