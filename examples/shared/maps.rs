//! Maps of squares, some of them blocked, and shortest paths over them.

use std::collections::BinaryHeap;

use gradus::prelude::*;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// The eight neighbours of a square, as steps down and to the right.
pub const MOVES: [(isize, isize); 8] = [(-1, 0), (1, 0), (0, 1), (0, -1), (-1, 1), (-1, -1), (1, 1), (1, -1)];

type Place = (usize, usize);

pub struct Map {
    size: usize,
    blocked: Vec<bool>,
    start: Place,
    pub goal: Place,
    /// How far each square is from the goal.
    distances: Vec<f64>,
}

impl Map {
    /// A map with blocks of up to 2 x 2 squares, on which start and goal are joined.
    pub fn random(size: usize, rng: &mut ChaCha8Rng) -> Self {
        loop {
            let mut blocked = vec![false; size * size];
            for _ in 0..rng.random_range(1..=size * size / 8) {
                let corner = (rng.random_range(0..size), rng.random_range(0..size));
                let (high, wide) = (rng.random_range(1..=2), rng.random_range(1..=2));
                for row in corner.0..(corner.0 + high).min(size) {
                    blocked[row * size + corner.1..row * size + (corner.1 + wide).min(size)].fill(true);
                }
            }
            let mut place = || (rng.random_range(0..size), rng.random_range(0..size));
            let (start, goal) = (place(), place());
            let mut map = Self { size, blocked, start, goal, distances: Vec::new() };
            if start != goal && !map.is_blocked(start) && !map.is_blocked(goal) {
                map.distances = map.dijkstra();
                if map.distance().is_finite() {
                    return map;
                }
            }
        }
    }

    pub fn is_blocked(&self, place: Place) -> bool {
        self.blocked[place.0 * self.size + place.1]
    }

    /// Where a move leads, if not into a block or off the map.
    fn neighbour(&self, place: Place, way: usize) -> Option<Place> {
        let (row, column) = (place.0.checked_add_signed(MOVES[way].0)?, place.1.checked_add_signed(MOVES[way].1)?);
        (row < self.size && column < self.size && !self.is_blocked((row, column))).then_some((row, column))
    }

    fn dijkstra(&self) -> Vec<f64> {
        let mut distances = vec![f64::INFINITY; self.size * self.size];
        distances[self.goal.0 * self.size + self.goal.1] = 0.0;
        // Squares to look at, the nearest first: distances of whole thousandths, which have an order.
        let mut open = BinaryHeap::from([(std::cmp::Reverse(0_u64), self.goal)]);
        while let Some((_, place)) = open.pop() {
            let so_far = distances[place.0 * self.size + place.1];
            for way in 0..MOVES.len() {
                let Some(next) = self.neighbour(place, way) else { continue };
                let distance = so_far + cost(way);
                if distance + 1e-9 < distances[next.0 * self.size + next.1] {
                    distances[next.0 * self.size + next.1] = distance;
                    open.push((std::cmp::Reverse((distance * 1000.0) as u64), next));
                }
            }
        }
        distances
    }

    /// The length of the shortest path.
    pub fn distance(&self) -> f64 {
        self.distances[self.start.0 * self.size + self.start.1]
    }

    /// For each square the moves that begin a shortest path; none on blocks, the goal, and where there is no path.
    pub fn best_moves(&self) -> Vec<Vec<usize>> {
        let of = |index: usize| {
            let place = (index / self.size, index % self.size);
            let own = self.distances[index];
            if self.blocked[index] || !own.is_finite() || place == self.goal {
                return Vec::new();
            }
            let is_best = |way: &usize| {
                let next = self.neighbour(place, *way);
                next.is_some_and(|next| (self.distances[next.0 * self.size + next.1] + cost(*way) - own).abs() < 1e-9)
            };
            (0..MOVES.len()).filter(is_best).collect()
        };
        (0..self.size * self.size).map(of).collect()
    }

    /// Walks from the start as `choose` says, until the goal, a block or too many steps; whether it was the goal.
    pub fn walk(&self, choose: impl Fn(Place) -> usize) -> (Vec<Place>, bool) {
        let mut path = vec![self.start];
        let mut place = self.start;
        for _ in 0..4 * self.size {
            let Some(next) = self.neighbour(place, choose(place)) else { break };
            path.push(next);
            place = next;
            if place == self.goal {
                return (path, true);
            }
        }
        (path, false)
    }

    /// Blocks black, the path blue, the goal red.
    pub fn picture(&self, path: &[Place]) -> Tensor {
        Tensor::from_shape_fn([self.size, self.size, 3].as_slice(), |at| {
            let place = (at[0], at[1]);
            let color = match () {
                () if place == self.goal => [0.9, 0.1, 0.1],
                () if path.contains(&place) => [0.2, 0.4, 0.9],
                () if self.is_blocked(place) => [0.1; 3],
                () => [0.95; 3],
            };
            color[at[2]]
        })
    }
}

fn cost(way: usize) -> f64 {
    if way < 4 { 1.0 } else { std::f64::consts::SQRT_2 }
}

pub fn length(path: &[Place]) -> f64 {
    let step =
        |pair: &[Place]| if pair[0].0 != pair[1].0 && pair[0].1 != pair[1].1 { std::f64::consts::SQRT_2 } else { 1.0 };
    path.windows(2).map(step).sum()
}
