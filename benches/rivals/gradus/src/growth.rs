//! How the cost of a training step grows. `PROGRAM growth BATCH WIDTH DEPTH`: seconds a step of a network of `DEPTH` dense layers.

use gradus::prelude::*;

use super::networks::numbers;
use super::protocol::{seconds, threads};

/// Seconds that are timed, at least.
const LEAST: f64 = 0.5;

pub fn measure(arguments: &[String]) -> Result<()> {
    let sizes: Vec<usize> = arguments.iter().map(|size| size.parse().expect("BATCH WIDTH DEPTH")).collect();
    let [batch, width, depth] = sizes[..] else { panic!("expected BATCH WIDTH DEPTH") };
    let mut model = Sequential::new();
    for _ in 0..depth {
        model = model.add(Dense::new(width).activation(Relu));
    }
    let mut trainer =
        model.add(Dense::new(1)).compile(Momentum::new(0.001), MeanSquaredError).threads(threads());
    // The first step makes the weights, so it is not timed.
    trainer.fit(&(numbers(&[batch, width]), numbers(&[batch, 1])), Fit::epochs(1).batch_size(batch).progress(false))?;
    let mut steps = 1;
    loop {
        let (x, y) = (numbers(&[batch, width]), numbers(&[batch, 1]));
        let start = seconds();
        trainer.fit(&(x, y), Fit::epochs(steps).batch_size(batch).progress(false))?;
        let taken = seconds() - start;
        if taken >= LEAST {
            println!("{{\"step_s\": {}}}", taken / steps as f64);
            return Ok(());
        }
        steps *= if taken < LEAST / 16.0 { 16 } else { 2 };
    }
}
