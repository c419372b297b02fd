//! Calibration, against torchmetrics' and scikit-learn's figures, and the coverage of conformal prediction.

use std::fs;

use gradus::calibration::{
    ConformalIntervals, ConformalSets, Reliability, Temperature, brier_score, monte_carlo_dropout,
};
use gradus::prelude::*;
use gradus::rand::SeedableRng;
use ndarray::{Array1, Array2, ArrayD, Axis, arr1, arr2};
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn errors_are_those_of_torchmetrics() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/calibration_torchmetrics.json");
    let cases: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 40);
    for case in cases {
        let shape: Vec<usize> = numbers(&case["shape"]).iter().map(|n| *n as usize).collect();
        let probabilities = ArrayD::from_shape_vec(shape, numbers(&case["probabilities"])).unwrap().into_tensor();
        let targets = arr1(&numbers(&case["target"])).into_tensor();
        let bins = case["bins"].as_u64().unwrap() as usize;
        let reliability = Reliability::new(&probabilities, &targets, bins).unwrap();
        for (ours, theirs) in [
            (reliability.expected_calibration_error(), "expected"),
            (reliability.maximum_calibration_error(), "maximum"),
            (brier_score(&probabilities, &targets).unwrap(), "brier"),
        ] {
            let expected = case[theirs].as_f64().unwrap();
            assert!((ours - expected).abs() < 1e-6, "{theirs}: {ours} and {expected}");
        }
    }
}

/// Logits and classes drawn from their softmax: a calibrated model.
fn calibrated(count: usize, classes: usize, rng: &mut gradus::Rng) -> (Array2<Float>, Array1<usize>) {
    let logits = Array2::from_shape_simple_fn((count, classes), || {
        let normal: f64 = StandardNormal.sample(rng);
        2.0 * normal as Float
    });
    let classes = logits.map_axis(Axis(1), |row| {
        let sum: Float = row.iter().map(|z| z.exp()).sum();
        let unit: f64 = StandardUniform.sample(rng);
        let mut left = unit as Float * sum;
        row.iter()
            .position(|z| {
                left -= z.exp();
                left < 0.0
            })
            .unwrap_or(row.len() - 1)
    });
    (logits, classes)
}

/// Logits that are three times too large are divided by about 3.
#[test]
fn the_temperature_is_found() {
    let mut rng = gradus::Rng::seed_from_u64(1);
    let (logits, classes) = calibrated(20_000, 4, &mut rng);
    let targets = classes.into_tensor();
    let too_sure = (&logits * 3.0).into_tensor();
    let temperature = Temperature::new(&too_sure, &targets).unwrap();
    assert!((temperature.value - 3.0).abs() < 0.08, "{temperature:?}");
    let error =
        |probabilities: Tensor| Reliability::new(&probabilities, &targets, 15).unwrap().expected_calibration_error();
    assert!(error(Temperature::default().probabilities(&too_sure).unwrap()) > 0.1);
    assert!(error(temperature.probabilities(&too_sure).unwrap()) < 0.01);
    // Two classes as one logit.
    let (logits, classes) = calibrated(20_000, 2, &mut rng);
    let one = ((&logits.column(1) - &logits.column(0)) * 0.5).into_tensor();
    let temperature = Temperature::new(&one, &classes.into_tensor()).unwrap();
    assert!((temperature.value - 0.5).abs() < 0.02, "{temperature:?}");
}

/// Over 100 divisions of the data, sets and intervals hold the truth in 90% of the cases, to 1%, though the model is wrong.
#[test]
fn coverage_is_what_was_asked_for() {
    let mut rng = gradus::Rng::seed_from_u64(2);
    let (mut sets, mut intervals) = (0.0, 0.0);
    for _ in 0..100 {
        let (logits, classes) = calibrated(1000, 4, &mut rng);
        let probabilities = Temperature { value: 0.4 }.probabilities(&logits.into_tensor()).unwrap();
        let part = |rows: std::ops::Range<usize>| {
            let rows: Vec<usize> = rows.collect();
            (probabilities.select(Axis(0), &rows).into_shared(), classes.select(Axis(0), &rows))
        };
        let ((known, right), (new, truth)) = (part(0..500), part(500..1000));
        let found = ConformalSets::new(&known, &right.into_tensor(), 0.9).unwrap().predict(&new).unwrap();
        sets += found.iter().zip(&truth).filter(|(set, class)| set.contains(class)).count() as f64 / 500.0;

        let noise = Array1::from_shape_simple_fn(1000, || -> f64 { StandardNormal.sample(&mut rng) });
        let part = |rows: std::ops::Range<usize>| noise.slice(ndarray::s![rows]).into_tensor();
        let zeros = Array1::<f64>::zeros(500).into_tensor();
        let [low, high] = ConformalIntervals::new(&zeros, &part(0..500), 0.9).unwrap().predict(&zeros);
        let new = part(500..1000);
        let held = new.iter().zip(low.iter().zip(high.iter())).filter(|(y, (low, high))| *low <= y && y <= high);
        intervals += held.count() as f64 / 500.0;
    }
    assert!((sets / 100.0 - 0.9).abs() < 0.01, "{sets}");
    assert!((intervals / 100.0 - 0.9).abs() < 0.01, "{intervals}");
}

/// Dropout disturbs, batch normalisation does not follow the batch, and the same seed gives the same bits.
#[test]
fn dropout_alone_makes_predictions_differ() {
    let x = arr2(&[[1.0, 2.0], [3.0, -1.0]]);
    let without = Sequential::new().add(Dense::new(8)).add(BatchNorm::default()).add(Dense::new(2));
    let same = monte_carlo_dropout(&without, &x, 5, 1).unwrap();
    assert!(same.variance.iter().all(|v| *v == 0.0));
    assert_eq!(same.mean, without.forward(&Tape::inference().input(&x)).unwrap().value().clone());
    let model =
        Sequential::new().add(Dense::new(400)).add(BatchNorm::default()).add(Dropout::new(0.5)).add(Dense::new(1));
    let first = monte_carlo_dropout(&model, &x, 400, 1).unwrap();
    let again = monte_carlo_dropout(&model, &x, 400, 1).unwrap();
    assert_eq!(first, again);
    // The mean is that without dropout, as near as 400 drawings are.
    let exact = model.forward(&Tape::inference().input(&x)).unwrap();
    for ((mean, variance), exact) in first.mean.iter().zip(&first.variance).zip(exact.value()) {
        assert!(*variance > 0.0 && (mean - exact).abs() < 4.0 * (variance / 400.0).sqrt());
    }
}

#[test]
fn mistakes_are_named() {
    let logits = arr2(&[[3.0, -1.0]]).into_tensor();
    let targets = arr1(&[0]).into_tensor();
    let error = Reliability::new(&logits, &targets, 15).unwrap_err().to_string();
    assert!(error.contains("take the softmax or sigmoid of logits first"), "{error}");
    let error = ConformalSets::new(&arr2(&[[0.5, 0.5]]).into_tensor(), &targets, 0.9).unwrap_err().to_string();
    assert!(error.contains("1 examples are too few for a coverage of 0.9; give at least 9"), "{error}");
    let error = Temperature::new(&logits, &arr1(&[2]).into_tensor()).unwrap_err().to_string();
    assert!(error.contains("expected classes 0..2 as targets, got 2"), "{error}");
}
