//! Small runs that use what a back-up has to keep.

use std::path::{Path, PathBuf};

use gradus::callbacks::{GradientFlow, GradualUnfreezing, JsonLog};
use gradus::data::augment::RandomTranslation;
use gradus::layers::GaussianNoise;
use gradus::layers::Vars;
use gradus::losses::Losses;
use gradus::metrics::{MeanIou, Pearson};
use gradus::ndarray::{Array1, Array2, Array4};
use gradus::optimizers::schedules::{CosineDecay, ExponentialDecay};
use gradus::optimizers::{Lookahead, MovingAverage, RAdam};
use gradus::prelude::*;
use gradus::saving::Snapshot;
use gradus::training::Logs;

/// How a run goes.
#[derive(Clone, Default)]
pub(crate) struct How {
    pub backup: Option<PathBuf>,
    pub every: Option<usize>,
    pub keep: bool,
    /// Ends with an error at the end of this batch of all, after so many callbacks as there are.
    pub dies_after: Option<usize>,
    pub more_epochs: usize,
}

/// All that a run leaves.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub weights: Vec<(String, Vec<u64>)>,
    pub history: Vec<Vec<(String, u64)>>,
    pub memory: Snapshot,
    pub csv: String,
}

/// Ends the run with an error where it is told to, before the batch's back-up.
struct Dies {
    after: usize,
    seen: usize,
}

impl Callback for Dies {
    fn on_batch_end(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.seen += 1;
        if self.seen > self.after { Err(Error::value("killed")) } else { Ok(()) }
    }
}

pub(crate) type Case = fn(&How) -> Result<Outcome>;

pub(crate) const CASES: [(&str, Case); 5] = [
    ("schedule and metrics", schedule),
    ("averages, slow weights, accumulation", averages),
    ("dropout, statistics, augmentation, parts that are frozen at first", images),
    ("class weights, callbacks with memory", watched),
    ("two outputs", outputs),
];

fn numbers() -> (Array2<Float>, Array1<Float>) {
    let x = Array2::from_shape_fn((46, 3), |(i, j)| ((i * 5 + j * 3) as Float * 0.7).sin());
    let y = x.rows().into_iter().map(|row| Float::from(u8::from(3.0 * row[0] - row[1] > 0.3))).collect();
    (x, y)
}

fn dense() -> Sequential {
    Sequential::new().add(Dense::new(8).activation(Tanh)).add(Dense::new(1).activation(Sigmoid))
}

pub(crate) fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.iter().map(|x| f64::from(*x).to_bits()).collect()
}

pub(crate) fn weights(parameters: &[(String, Param)]) -> Vec<(String, Vec<u64>)> {
    parameters.iter().map(|(path, param)| (path.clone(), bits(&param.value().unwrap()))).collect()
}

pub(crate) fn history_bits(history: &History) -> Vec<Vec<(String, u64)>> {
    let figures = |logs: &Logs| logs.iter().map(|(name, figure)| (name.to_owned(), figure.to_bits())).collect();
    history.epochs().iter().map(figures).collect()
}

/// Adds what `how` asks for, and runs.
fn train<M: Layer<X, Y>, X: Vars, Y: Vars>(
    mut trainer: Trainer<M, X, Y>,
    data: &dyn Dataset,
    fit: Fit<'_>,
    how: &How,
) -> Result<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.csv");
    let mut fit = fit.progress(false).callback(CsvLog::new(&log));
    if let Some(path) = &how.backup {
        let backup = Backup::new(path).keep(how.keep);
        fit = fit.callback(match how.every {
            Some(batches) => backup.every(batches),
            None => backup,
        });
    }
    if let Some(after) = how.dies_after {
        fit = fit.callback(Dies { after, seen: 0 });
    }
    let history = trainer.fit(data, fit)?;
    Ok(Outcome {
        weights: weights(&trainer.model.parameters()),
        history: history_bits(&history),
        memory: trainer.stepper().state(&trainer.model),
        csv: std::fs::read_to_string(&log).unwrap_or_default(),
    })
}

pub(crate) fn schedule(how: &How) -> Result<Outcome> {
    let (x, y) = numbers();
    let trainer = dense()
        .compile(AdamW::default().schedule(CosineDecay::new(0.05, 24)), BinaryCrossEntropy::default())
        .metric(Accuracy::default())
        .metric(Auc::roc())
        .metric(FBeta::default())
        .metric(R2::default())
        .seed(5);
    train(trainer, &(&x, &y), Fit::epochs(4 + how.more_epochs).batch_size(8), how)
}

fn averages(how: &How) -> Result<Outcome> {
    let (x, y) = numbers();
    let optimizer = RAdam::new(0.05)
        .schedule(ExponentialDecay::new(0.05, 5, 0.9))
        .average(MovingAverage::new(0.8))
        .lookahead(Lookahead::new(2, 0.5))
        .accumulate(4)
        .clip(Clip::GlobalNorm(0.5));
    let trainer = dense().compile(optimizer, BinaryCrossEntropy::default()).metric(MeanAbsolute::default());
    train(trainer, &(&x, &y), Fit::epochs(4 + how.more_epochs).batch_size(8).validation_split(0.2), how)
}

fn images(how: &How) -> Result<Outcome> {
    let x = Array4::from_shape_fn((44, 8, 8, 1), |(i, r, c, _)| ((i * 31 + r * 7 + c * 3) as Float).sin());
    let y = Array1::from_shape_fn(44, |i| i % 3);
    let data = (&x, &y).augment(3, RandomTranslation::new(0.2, 0.2));
    let trainer = Sequential::new()
        .add(Conv2d::new(4, 3).activation(Relu))
        .add(BatchNorm::new())
        .add(Flatten)
        .add(Dropout::new(0.4))
        .add(GaussianNoise::new(0.1))
        .add(Dense::new(3).activation(Softmax))
        .compile(RmsProp::new(0.01), SparseCrossEntropy::default())
        .metric(TopKAccuracy::new(2))
        .metric(MeanIou::default())
        .seed(9);
    let unfreezing = GradualUnfreezing::new(["dense.*", "*"]);
    train(trainer, &data, Fit::epochs(4 + how.more_epochs).batch_size(8).callback(unfreezing), how)
}

fn watched(how: &How) -> Result<Outcome> {
    let (x, y) = numbers();
    let folder = tempfile::tempdir().unwrap();
    let trainer = dense().compile(Momentum::new(0.4).nesterov(true), BinaryCrossEntropy::default());
    let fit = Fit::epochs(12 + how.more_epochs)
        .batch_size(8)
        .validation_split(0.28)
        .class_weights([1.0, 2.0])
        .callback(ReduceOnPlateau::new("val_loss").factor(0.5).patience(1).min_delta(0.02))
        .callback(EarlyStopping::new("val_loss").patience(2).min_delta(0.02))
        .callback(Checkpoint::best("val_loss", folder.path().join("best.safetensors")))
        .callback(JsonLog::new(folder.path().join("log.jsonl")))
        .callback(GradientFlow::new().csv(folder.path().join("flow.csv")));
    train(trainer, &(&x, &y), fit, how)
}

fn outputs(how: &How) -> Result<Outcome> {
    let (x, y) = numbers();
    let model = Graph::new("x")
        .add("body", Dense::new(6).activation(Tanh), "x")
        .add("class", Dense::new(1).activation(Sigmoid), "body")
        .add("size", Dense::new(1), "body")
        .outputs(["class", "size"]);
    let losses =
        Losses::new().output("class", BinaryCrossEntropy::default()).weighted_output("size", 0.3, MeanSquaredError);
    let trainer = model
        .compile(Adam::new(0.05), losses)
        .metric_of("class", Accuracy::default())
        .metric_of("size", Pearson::default());
    train(trainer, &(&x, (&y, &x.column(1).to_owned())), Fit::epochs(4 + how.more_epochs).batch_size(8), how)
}

/// A file in a folder of its own.
pub(crate) fn backup_in(folder: &Path) -> How {
    How { backup: Some(folder.join("run.backup")), ..How::default() }
}
