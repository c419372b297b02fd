//! However the examples are cut into batches, the figure is the same to the bit; also if another metric goes on.

use rand::{RngExt, SeedableRng};

use super::*;
use crate::losses::{Huber, SparseCrossEntropy};
use crate::random::Rng;
use crate::tensor::{Float, tensor};

type Make = Box<dyn Fn() -> Box<dyn Metric>>;

fn cut(x: &Tensor, from: usize, to: usize) -> Tensor {
    x.slice_axis(ndarray::Axis(0), (from..to).into()).to_owned().into_shared()
}

fn check(metrics: &[Make], prediction: &Tensor, target: &Tensor) {
    let count = prediction.shape()[0];
    let mut rng = Rng::seed_from_u64(11);
    for make in metrics {
        let mut whole = make();
        assert!(whole.result().is_nan(), "{} before any example", whole.name());
        whole.update(prediction, target).unwrap();
        let expected = whole.result();
        assert!(whole.restore(&[1.0; 17]).is_err(), "{} takes anything", whole.name());
        assert!(expected.is_finite(), "{} is {expected}", whole.name());
        whole.reset();
        assert!(whole.result().is_nan(), "{} after a reset", whole.name());
        for _ in 0..10 {
            let mut metric = make();
            let mut from = 0;
            while from < count {
                let to = (from + rng.random_range(1..8)).min(count);
                metric.update(&cut(prediction, from, to), &cut(target, from, to)).unwrap();
                let state = metric.state().expect("all of the crate's tell");
                metric = make();
                metric.restore(&state).unwrap();
                from = to;
            }
            assert_eq!(metric.result().to_bits(), expected.to_bits(), "{}", metric.name());
        }
    }
}

macro_rules! made {
    ($($metric:expr),+ $(,)?) => { [$(Box::new(|| Box::new($metric) as Box<dyn Metric>) as Make),+] };
}

#[test]
fn classes() {
    let mut rng = Rng::seed_from_u64(1);
    let mut scores: Vec<Float> = (0..40 * 4).map(|_| rng.random_range(0.01..1.0)).collect();
    for row in scores.chunks_mut(4) {
        let sum: Float = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= sum);
    }
    let labels = (0..40).map(|_| rng.random_range(0..4_i32) as Float).collect();
    let metrics = made![
        Accuracy::default(),
        TopKAccuracy::new(2),
        Ndcg::new(2),
        Precision::default().average(Averaging::Macro),
        Recall::default().average(Averaging::Weighted),
        FBeta::new(2.0).average(Averaging::Micro),
        MeanIou::default(),
        CohenKappa::default().weights(KappaWeights::Quadratic),
        Matthews::default(),
        Perplexity::default(),
        Perplexity::new(SparseCrossEntropy::default().ignore_class(3)),
    ];
    check(&metrics, &tensor(&[40, 4], scores), &tensor(&[40], labels));
}

#[test]
fn answers() {
    let mut rng = Rng::seed_from_u64(2);
    let scores = (0..40).map(|_| rng.random_range(0..10_i32) as Float / 10.0).collect();
    let labels = (0..40).map(|_| rng.random_range(0..2_i32) as Float).collect();
    let metrics = made![
        Auc::roc(),
        Auc::precision_recall(),
        Auc::average_precision(),
        Precision::default(),
        Recall::default(),
        FBeta::default(),
    ];
    check(&metrics, &tensor(&[40, 1], scores), &tensor(&[40], labels));
}

#[test]
fn numbers() {
    let mut rng = Rng::seed_from_u64(3);
    let mut draw = || tensor(&[30, 3], (0..90).map(|_| rng.random_range(-1.0..1.0)).collect());
    let (prediction, target) = (draw(), draw());
    let metrics = made![
        MeanAbsolute::default(),
        MeanSquared::default(),
        RootMeanSquared::default(),
        R2::default(),
        Pearson::default(),
        MeanCosine::default(),
        MeanLoss::new("huber", Huber::default()),
    ];
    check(&metrics, &prediction, &target);
}
