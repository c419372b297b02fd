//! What a step of private training costs beside a plain one: `cargo bench --bench private_step`. Epochs of both in turns on one thread,
//! the network and the batches of `examples/private_mnist`; the time is that of the processor where Linux says it, else the clock's.

use std::fs;
use std::sync::LazyLock;
use std::time::Instant;

use gradus::data::Subset;
use gradus::prelude::*;
use gradus::privacy::DpSgd;

const BATCH: usize = 256;
const STEPS: usize = 40;
const ROUNDS: usize = 9;

fn network() -> Sequential {
    Sequential::new()
        .add(Conv2d::new(16, 8).strides(2).padding(Padding::Same).activation(Relu))
        .add(MaxPool2d::new(2).strides(1))
        .add(Conv2d::new(32, 4).strides(2).activation(Relu))
        .add(MaxPool2d::new(2).strides(1))
        .add(Flatten)
        .add(Dense::new(32).activation(Relu))
        .add(Dense::new(10))
}

fn trainer(stepper: impl Into<Stepper>) -> Trainer<Sequential> {
    network().compile(stepper, SparseCrossEntropy::from_logits()).seed(1).threads(1)
}

/// Seconds that this thread has computed.
fn seconds() -> f64 {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    let nanoseconds = fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| STARTED.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() -> Result<()> {
    let (train, _) = mnist::load("examples/data/mnist")?;
    let private = Stepper::new(Sgd::new(0.25)).hook(DpSgd::new(1.0, 1.1, BATCH));
    let mut trainers = [trainer(Sgd::new(0.25)), trainer(private)];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let start = round * STEPS * BATCH % (train.len() - STEPS * BATCH);
        let digits = Subset::new(&train, start..start + STEPS * BATCH);
        for (trainer, times) in trainers.iter_mut().zip(&mut times) {
            let before = seconds();
            trainer.fit(&digits, Fit::epochs(1).batch_size(BATCH).progress(false))?;
            // The first round warms up.
            if round > 0 {
                times.push((seconds() - before) / STEPS as f64);
            }
        }
    }
    let ratios: Vec<f64> = times[1].iter().zip(&times[0]).map(|(private, plain)| private / plain).collect();
    let bounds = ratios.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), x| (least.min(*x), most.max(*x)));
    let [plain, private] = times.map(median);
    println!("a plain step {:.2} ms, a private one {:.2} ms", plain * 1e3, private * 1e3);
    println!("{:.2} times, {:.2} to {:.2} in {ROUNDS} rounds", median(ratios), bounds.0, bounds.1);
    Ok(())
}
