//! Metrics over two updates.

use gradus::metrics::*;
use gradus::prelude::*;

use super::build::Built;
use super::fixture::{Case, list, sizes, text};
use super::run::reason;
use super::{Check, TOLERANCE, error};

/// The parts of predictions and targets that a metric takes in one after the other.
fn parts(case: &Case) -> [(Tensor, Tensor, Option<Tensor>); 2] {
    let split = case.settings["split"].as_u64().unwrap_or(0) as usize;
    let (prediction, target) = (case.tensor("prediction"), case.tensor("target"));
    [0..split, split..prediction.shape()[0]].map(|rows| {
        let part = |tensor: &Tensor| {
            let axis = ndarray::Axis(0);
            tensor.slice_axis(axis, (rows.start..rows.end).into()).as_standard_layout().into_owned().into_shared()
        };
        let weights = case.shape("weights").map(|_| part(&case.tensor("weights")));
        (part(&prediction), part(&target), weights)
    })
}

fn check(case: &Case, got: &[f32]) -> Vec<Check> {
    vec![Check { what: "result".into(), error: error(got, case.numbers("result")), bound: TOLERANCE }]
}

/// The figure after two updates.
pub fn metric(case: &Case) -> Built<Vec<Check>> {
    let mut metric = build(case)?;
    for (prediction, target, weights) in parts(case) {
        match weights {
            Some(weights) => metric.update_weighted(&prediction, &target, &weights),
            None => metric.update(&prediction, &target),
        }
        .map_err(reason)?;
    }
    Ok(check(case, &[metric.result() as f32]))
}

/// The matrix after two updates.
pub fn confusion(case: &Case) -> Built<Vec<Check>> {
    let mut confusion = ConfusionMatrix::default().threshold(case.number("threshold", 0.5));
    for (prediction, target, _) in parts(case) {
        confusion.update(&prediction, &target).map_err(reason)?;
    }
    Ok(check(case, &confusion.matrix().iter().map(|count| *count as f32).collect::<Vec<_>>()))
}

/// The figure of a corpus.
pub fn bleu(case: &Case) -> Built<Vec<Check>> {
    let mut bleu = Bleu::default().lowercase(case.settings["lowercase"] == true);
    for (translation, references) in list(&case.settings["translations"]).iter().zip(list(&case.settings["references"]))
    {
        let references: Vec<&str> = list(references).iter().map(text).collect();
        bleu.add(text(translation), &references).map_err(reason)?;
    }
    Ok(check(case, &[bleu.result() as f32]))
}

/// The distance of two sets of features.
pub fn frechet(case: &Case) -> Built<Vec<Check>> {
    let distance = frechet_distance(&case.tensor("prediction"), &case.tensor("target")).map_err(reason)?;
    Ok(check(case, &[distance as f32]))
}

fn build(case: &Case) -> Built<Box<dyn Metric>> {
    let settings = &case.settings;
    let threshold = case.number("threshold", 0.5);
    let average = match text(&settings["average"]) {
        "macro" => Averaging::Macro,
        "micro" => Averaging::Micro,
        "weighted" => Averaging::Weighted,
        _ => Averaging::Binary,
    };
    Ok(match text(&settings["metric"]) {
        "Accuracy" => Box::new(Accuracy::default().threshold(threshold)),
        "TopKAccuracy" => Box::new(TopKAccuracy::new(settings["k"].as_u64().unwrap_or(0) as usize)),
        "Ndcg" => Box::new(Ndcg::new(settings["k"].as_u64().unwrap_or(0) as usize)),
        "MeanAbsolute" => Box::new(MeanAbsolute::default()),
        "MeanSquared" => Box::new(MeanSquared::default()),
        "RootMeanSquared" => Box::new(RootMeanSquared::default()),
        "R2" => Box::new(R2::default()),
        "Pearson" => Box::new(Pearson::default()),
        "MeanCosine" => Box::new(MeanCosine::default()),
        "Perplexity" => Box::new(match settings["ignore_index"].as_i64() {
            Some(index) => Perplexity::new(SparseCrossEntropy::default().ignore_class(index)),
            None => Perplexity::default(),
        }),
        "Precision" => Box::new(Precision::default().average(average).threshold(threshold)),
        "Recall" => Box::new(Recall::default().average(average).threshold(threshold)),
        "FBeta" => Box::new(FBeta::new(case.number("beta", 1.0).into()).average(average).threshold(threshold)),
        "MeanIou" if settings["classes"].is_null() => Box::new(MeanIou::default().threshold(threshold)),
        "MeanIou" => Box::new(MeanIou::default().target_class_ids(sizes(&settings["classes"]))),
        "Matthews" => Box::new(Matthews::default().threshold(threshold)),
        "CohenKappa" => {
            let weights = match text(&settings["costs"]) {
                "linear" => KappaWeights::Linear,
                "quadratic" => KappaWeights::Quadratic,
                _ => KappaWeights::Equal,
            };
            Box::new(CohenKappa::default().weights(weights).threshold(threshold))
        }
        "Auc" => Box::new(match text(&settings["curve"]) {
            "roc" => Auc::roc(),
            "precision_recall" => Auc::precision_recall(),
            _ => Auc::average_precision(),
        }),
        other => return Err(format!("no metric `{other}`")),
    })
}
