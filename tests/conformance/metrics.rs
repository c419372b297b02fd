//! Metrics over two updates.

use gradus::prelude::*;

use super::build::Built;
use super::fixture::{Case, text};
use super::run::reason;
use super::{Check, TOLERANCE, error};

/// The figure after two updates.
pub fn metric(case: &Case) -> Built<Vec<Check>> {
    let mut metric = build(case)?;
    let split = case.settings["split"].as_u64().unwrap_or(0) as usize;
    let (prediction, target) = (case.tensor("prediction"), case.tensor("target"));
    for rows in [0..split, split..prediction.shape()[0]] {
        let part = |tensor: &Tensor| {
            let axis = ndarray::Axis(0);
            tensor.slice_axis(axis, (rows.start..rows.end).into()).as_standard_layout().into_owned().into_shared()
        };
        metric.update(&part(&prediction), &part(&target)).map_err(reason)?;
    }
    let error = error(&[metric.result() as f32], case.numbers("result"));
    Ok(vec![Check { what: "result".into(), error, bound: TOLERANCE }])
}

fn build(case: &Case) -> Built<Box<dyn Metric>> {
    Ok(match text(&case.settings["metric"]) {
        "Accuracy" => {
            let usual = Accuracy::default();
            Box::new(usual.threshold(case.number("threshold", usual.threshold)))
        }
        "TopKAccuracy" => Box::new(TopKAccuracy::new(case.settings["k"].as_u64().unwrap_or(0) as usize)),
        "MeanAbsolute" => Box::new(MeanAbsolute::default()),
        other => return Err(format!("no metric `{other}`")),
    })
}
