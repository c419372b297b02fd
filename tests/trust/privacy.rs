//! Private training: epsilon, against dp-accounting's, and the steps.

use std::fs;

use gradus::optimizers::Clip;
use gradus::prelude::*;
use gradus::privacy::{Accountant, DpSgd, noise_multiplier};
use ndarray::{Array1, Array2, Axis};

#[test]
fn epsilon_is_that_of_dp_accounting() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/privacy_dp_accounting.json");
    let cases: Vec<[f64; 5]> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(cases.len(), 216);
    for [noise, rate, steps, delta, expected] in cases {
        let found = Accountant::new().steps(noise, rate, steps as u64).unwrap().epsilon(delta).unwrap();
        let error = (found - expected).abs() / expected.max(1.0);
        assert!(error < 1e-3, "noise {noise}, rate {rate}, {steps} steps, delta {delta}: {found} and {expected}");
    }
}

fn data() -> (Array2<Float>, Array1<Float>) {
    let x = Array2::from_shape_fn((24, 3), |(i, j)| ((i * 7 + j * 5) % 11) as Float / 5.0 - 1.0);
    let y = x.sum_axis(Axis(1));
    (x, y)
}

fn run(stepper: Stepper, threads: usize, batch: usize) -> Vec<Float> {
    let (x, y) = data();
    let model = Sequential::new().add(Dense::new(8).activation(Tanh)).add(Dense::new(1));
    let mut trainer = model.compile(stepper, MeanSquaredError).seed(3).threads(threads);
    trainer.fit(&(&x, &y), Fit::epochs(2).batch_size(batch).progress(false)).unwrap();
    trainer.model.parameters().iter().flat_map(|(_, param)| param.value().unwrap().into_iter()).collect()
}

/// Without noise, and with a bound that nothing reaches, a private step is a plain one.
#[test]
fn steps_without_noise_or_clipping_are_plain() {
    let plain = run(Stepper::new(Sgd::new(0.1)), 1, 12);
    let private = run(Stepper::new(Sgd::new(0.1)).hook(DpSgd::new(1e6, 0.0, 12)), 1, 12);
    assert!(plain.iter().zip(&private).all(|(a, b)| (a - b).abs() < 1e-6));
    // A low bound is felt, and a bound of the whole batch is another thing.
    let clipped = run(Stepper::new(Sgd::new(0.1)).hook(DpSgd::new(0.1, 0.0, 12)), 1, 12);
    assert_ne!(clipped, run(Stepper::new(Sgd::new(0.1)).clip(Clip::GlobalNorm(0.1)), 1, 12));
}

/// The noise follows its seed, not the threads, and has the promised size.
#[test]
fn noise_has_its_seed_and_size() {
    let private = |seed: u64| Stepper::new(Sgd::new(1.0)).hook(DpSgd::new(0.5, 4.0, 24).seed(seed));
    let one = run(private(1), 1, 24);
    assert_eq!(one, run(private(1), 2, 24));
    assert_ne!(one, run(private(2), 1, 24));

    // A gradient of 0: the step is noise alone.
    let model = Dense::new(2000).use_bias(false).kernel_initializer(Zeros);
    let (x, y) = (Array2::<Float>::ones((4, 1)), Array2::<Float>::zeros((4, 2000)));
    let mut trainer = model.compile(Stepper::new(Sgd::new(1.0)).hook(DpSgd::new(0.5, 4.0, 8)), MeanSquaredError);
    trainer.fit(&(&x, &y), Fit::epochs(1).batch_size(4).progress(false)).unwrap();
    let kernel = trainer.model.kernel().value().unwrap();
    let deviation = (kernel.iter().map(|x| x * x).sum::<Float>() / 2000.0).sqrt();
    assert!((deviation - 0.25).abs() < 0.012, "{deviation}"); // 4 · 0.5 / 8
}

#[test]
fn mistakes_are_named() {
    let (x, y) = data();
    let mut trainer =
        Dense::new(1).compile(Stepper::new(Sgd::new(0.1)).hook(DpSgd::new(0.0, 1.0, 8)), MeanSquaredError);
    let error = trainer.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap_err().to_string();
    assert!(error.contains("expected a norm above 0"), "{error}");
    let normalized = Sequential::new().add(BatchNorm::default()).add(Dense::new(1));
    let mut trainer = normalized.compile(Stepper::new(Sgd::new(0.1)).hook(DpSgd::new(1.0, 1.0, 8)), MeanSquaredError);
    let error = trainer.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap_err().to_string();
    assert!(error.contains("looks across the batch"), "{error}");
    assert!(Accountant::new().steps(-1.0, 0.1, 1).is_err() && Accountant::new().epsilon(0.0).is_err());
    let error = noise_multiplier(1e-9, 1e-5, 0.5, 100_000).unwrap_err().to_string();
    assert!(error.contains("no noise up to 10000 reaches an epsilon"), "{error}");
}
