//! Random numbers: compared as distributions, with bounds that follow from the size of the sample.

use gradus::prelude::*;
use rand::SeedableRng;

use super::build::{self, Built};
use super::fixture::{Case, sizes, text};
use super::run::{reason, shape};
use super::{Check, TOLERANCE, error};

/// Two means, standard deviations or shares of equal samples differ by more than this many standard errors with
/// probability below 1e-6.
const SIGMAS: f64 = 5.0;

/// The share of numbers kept, the factor of those, and the mask being the same in the backward pass.
pub fn dropout(case: &Case) -> Built<Vec<Check>> {
    let x = Tensor::ones(shape(case));
    let tape = Tape::training().seed(1);
    let x = tape.variable(x);
    let y = Dropout::new(case.number("rate", 0.0)).forward(&x).map_err(reason)?;
    let values = y.value().clone();
    let scale = case.numbers("scale")[0];
    let kept = values.iter().filter(|y| **y != 0.0).count() as f64 / values.len() as f64;
    let expected = f64::from(case.numbers("kept")[0]);
    let deviation = (2.0 * expected * (1.0 - expected) / values.len() as f64).sqrt();
    let factors = values.iter().filter(|y| **y != 0.0).map(|y| error(&[*y], &[scale])).fold(0.0, f64::max);
    let sum = tape.apply(Sum(values.shape().to_vec()), &[&y]);
    let gradients = sum.backward().map_err(reason)?;
    let same = gradients.of(&x) == Some(&values);
    Ok(vec![
        Check { what: "kept".into(), error: (kept - expected).abs(), bound: SIGMAS * deviation },
        Check { what: "scale".into(), error: factors, bound: TOLERANCE },
        Check { what: "mask in the gradient".into(), error: f64::from(u8::from(!same)), bound: 0.5 },
    ])
}

/// The values that a layer makes of ones, and the share of the greater one.
pub fn coin(case: &Case) -> Built<Vec<Check>> {
    let y = disturbed(case, 1.0)?;
    let [low, high] = [f32::min, f32::max].map(|pick| y.iter().copied().reduce(pick).unwrap_or(f32::NAN));
    if y.iter().any(|y| *y != low && *y != high) {
        return Err("there are more than two values".into());
    }
    let share = y.iter().filter(|y| **y == high).count() as f64 / y.len() as f64;
    let expected = f64::from(case.numbers("share")[0]);
    let deviation = (2.0 * expected * (1.0 - expected) / f64::from(case.number("draws", f32::NAN))).sqrt();
    Ok(vec![
        Check { what: "share".into(), error: (share - expected).abs(), bound: SIGMAS * deviation },
        Check::new("values", &[low, high], &[2], case),
    ])
}

/// What the case's layers make of equal numbers in training.
fn disturbed(case: &Case, value: f32) -> Built<Tensor> {
    let x = Tape::training().seed(1).input(Tensor::from_elem(shape(case), value));
    Ok(build::stack(&case.settings["layers"])?.forward(&x).map_err(reason)?.value().clone())
}

/// `Σ x`
struct Sum(Vec<usize>);

impl Op for Sum {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        inputs[0].sum().into_tensor()
    }

    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || Tensor::from_elem(&self.0[..], dy.sum()));
    }
}

/// A sample against the summary of the other framework's.
pub fn initializer(case: &Case) -> Built<Vec<Check>> {
    let sample = match text(&case.settings["initializer"]) {
        "default" => first_value(case)?,
        "layer" => disturbed(case, case.number("value", 0.0))?,
        _ => build::initializer(case)?.sample(&shape(case), &mut gradus::Rng::seed_from_u64(11)),
    };
    if sample.shape() != shape(case) {
        return Err(format!("shape {:?}, expected {:?}", sample.shape(), shape(case)));
    }
    if case.shape("gram").is_some() {
        return Ok(vec![gram(sample, case)]);
    }
    let mut sample: Vec<f64> = sample.iter().map(|x| f64::from(*x)).collect();
    sample.sort_by(f64::total_cmp);
    let (expected, count) = (case.numbers("sample"), sample.len() as f64);
    let expected: Vec<f64> = expected.iter().map(|x| f64::from(*x)).collect();
    let [mean, std, quantiles @ ..] = &expected[..] else { return Err("no summary".into()) };
    let own_mean = sample.iter().sum::<f64>() / count;
    let own_std = (sample.iter().map(|x| (x - own_mean).powi(2)).sum::<f64>() / count).sqrt();
    let check = |what: &str, error: f64, bound: f64| Check { what: what.into(), error, bound };
    let [first, .., last] = sample[..] else { return Err("no sample".into()) };
    if *std == 0.0 {
        return Ok(vec![check("all alike", (first - mean).abs().max((last - mean).abs()), 1e-7)]);
    }
    // Kolmogorov and Smirnov's distance of two samples, at the quantiles that were kept.
    let share = |limit: f64| sample.partition_point(|x| *x <= limit) as f64 / count;
    let steps = quantiles.len() as f64 - 1.0;
    let inner = quantiles.iter().enumerate().skip(1).take(quantiles.len() - 2);
    let distance = inner.map(|(i, limit)| (share(*limit) - i as f64 / steps).abs()).fold(0.0, f64::max);
    // Bounded distributions come close to their bounds; the extremes of a normal one scatter.
    let unbounded = text(&case.settings["initializer"]) == "RandomNormal" || case.settings["unbounded"] == true;
    let reach = if unbounded { 2.0 } else { 0.01 };
    Ok(vec![
        check("mean", (own_mean - mean).abs() / std, SIGMAS * (2.0 / count).sqrt()),
        check("std", (own_std / std - 1.0).abs(), SIGMAS * (1.0 / count).sqrt()),
        check("distribution", distance, 2.3 * (2.0 / count).sqrt()),
        check("min", (first - quantiles[0]).abs() / std, reach),
        check("max", (last - quantiles[quantiles.len() - 1]).abs() / std, reach),
    ])
}

/// What a layer's parameter starts with if nothing is set.
fn first_value(case: &Case) -> Built<Tensor> {
    let model = build::stack(&case.settings["layers"])?;
    let x = Tape::inference().input(Tensor::zeros(sizes(&case.settings["input"])));
    model.forward(&x).map_err(reason)?;
    let path = text(&case.settings["path"]);
    let parameters = build::parameters(&model);
    let found = parameters.iter().find(|(known, _)| known == path).and_then(|(_, param)| param.value());
    found.ok_or_else(|| format!("no parameter `{path}`"))
}

/// The products of the columns, or of the rows where these are fewer: `gain²` on the diagonal and else 0.
fn gram(sample: Tensor, case: &Case) -> Check {
    let columns = sample.shape().last().copied().unwrap_or(1);
    let rows = sample.len() / columns;
    let matrix = sample.into_shape_with_order((rows, columns)).expect("rows times columns");
    let product = if rows >= columns { matrix.t().dot(&matrix) } else { matrix.dot(&matrix.t()) };
    let numbers: Vec<f32> = product.iter().copied().collect();
    Check::new("gram", &numbers, product.shape(), case)
}
