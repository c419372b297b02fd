//! A car on a road that closes to a ring, a driver who knows it, and a network that learns to drive from him.

use std::f64::consts::{PI, TAU};

use gradus::ndarray::Array2;
use gradus::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Half of the width of the road.
const HALF: f64 = 0.6;
/// How far the car goes in a step, and how much it can turn in one.
const SPEED: f64 = 0.12;
const TURN: f64 = 0.12;
/// Enough for a lap.
const STEPS: usize = 700;
/// Directions in which the car sees how far the edge of the road is.
const RAYS: [f64; 5] = [-1.2, -0.6, 0.0, 0.6, 1.2];

/// A road around the origin: its middle is at `10 + waves` in each direction.
struct Road([(f64, f64); 4]);

impl Road {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        Self(std::array::from_fn(|i| (rng.random_range(0.2..0.9) / (i + 1) as f64, rng.random_range(0.0..TAU))))
    }

    fn middle(&self, angle: f64) -> f64 {
        let waves = self.0.iter().enumerate();
        10.0 + waves.map(|(i, (height, shift))| height * ((i + 2) as f64 * angle + shift).sin()).sum::<f64>()
    }

    /// How far outside of the middle of the road a place is.
    fn offset(&self, [x, y]: [f64; 2]) -> f64 {
        x.hypot(y) - self.middle(y.atan2(x))
    }
}

#[derive(Clone, Copy)]
struct Car {
    place: [f64; 2],
    heading: f64,
}

impl Car {
    /// Somewhere on the road, more or less along it.
    fn random(road: &Road, rng: &mut ChaCha8Rng) -> Self {
        let angle = rng.random_range(-PI..PI);
        let radius = road.middle(angle) + rng.random_range(-0.2..0.2);
        Self {
            place: [radius * angle.cos(), radius * angle.sin()],
            heading: angle + PI / 2.0 + rng.random_range(-0.2..0.2),
        }
    }

    fn ahead(&self, by: f64, turned: f64) -> [f64; 2] {
        let (sin, cos) = (self.heading + turned).sin_cos();
        [self.place[0] + by * cos, self.place[1] + by * sin]
    }

    fn drive(&mut self, steering: f64) {
        self.heading += TURN * steering.clamp(-1.0, 1.0);
        self.place = self.ahead(SPEED, 0.0);
    }

    /// What the network sees: distances to the edge of the road, up to 4.
    fn sees(&self, road: &Road) -> [Float; 5] {
        RAYS.map(|turned| {
            let mut far = 0.0;
            while far < 4.0 && road.offset(self.ahead(far, turned)).abs() < HALF {
                far += 0.05;
            }
            (far / 4.0) as Float
        })
    }

    /// What the driver does, who looks at the middle of the road a little ahead.
    fn driver(&self, road: &Road) -> f64 {
        let angle = self.place[1].atan2(self.place[0]) + 0.1;
        let (sin, cos) = angle.sin_cos();
        let radius = road.middle(angle);
        let to = (radius * sin - self.place[1]).atan2(radius * cos - self.place[0]);
        let turn = (to - self.heading + PI).rem_euclid(TAU) - PI;
        (turn / TURN * 0.5).clamp(-1.0, 1.0)
    }
}

/// What was seen, and what the driver would have done there.
type Lessons = Vec<([Float; 5], Float)>;

/// Drives a lap; whether the car has kept the road.
fn lap(road: &Road, mut car: Car, mut steer: impl FnMut(&Car, [Float; 5]) -> Result<f64>) -> Result<bool> {
    for _ in 0..STEPS {
        let seen = car.sees(road);
        let steering = steer(&car, seen)?;
        car.drive(steering);
        if road.offset(car.place).abs() > HALF {
            return Ok(false);
        }
    }
    Ok(true)
}

fn steering(model: &Sequential, seen: [Float; 5]) -> Result<f64> {
    Ok(f64::from(model.predict(&Array2::from_shape_fn((1, 5), |(_, i)| seen[i]))?[[0, 0]]))
}

fn copy_driver(lessons: &Lessons, seed: u64) -> Result<Sequential> {
    let seen = Array2::from_shape_fn((lessons.len(), 5), |(row, i)| lessons[row].0[i]);
    let done = Array2::from_shape_fn((lessons.len(), 1), |(row, _)| lessons[row].1);
    let hidden = || Dense::new(32).activation(Tanh);
    let model = Sequential::new().add(hidden()).add(hidden()).add(Dense::new(1));
    let mut model = model.compile(Adam::new(3e-3), MeanSquaredError).seed(seed);
    model.fit(&(&seen, &done), Fit::epochs(30).batch_size(64).progress(false))?;
    Ok(model.model)
}

/// The percentage of 100 new laps in which a network keeps the road: a copy of the driver, and after each round in which he was asked what he
/// would have done where the network went.
pub fn learn(rounds: usize, seed: u64) -> Result<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut lessons = Lessons::new();
    let mut model: Option<Sequential> = None;
    let mut kept = Vec::new();
    for _ in 0..=rounds {
        let road = Road::random(&mut rng);
        let car = Car::random(&road, &mut rng);
        lap(&road, car, |car, seen| {
            let right = car.driver(&road);
            lessons.push((seen, right as Float));
            model.as_ref().map_or(Ok(right), |model| steering(model, seen))
        })?;
        let trained = copy_driver(&lessons, seed)?;
        let mut new = ChaCha8Rng::seed_from_u64(seed + 1_000_000);
        let mut laps = 0;
        for _ in 0..100 {
            let road = Road::random(&mut new);
            let car = Car::random(&road, &mut new);
            laps += usize::from(lap(&road, car, |_, seen| steering(&trained, seen))?);
        }
        kept.push(laps as f64);
        model = Some(trained);
    }
    Ok(kept)
}
