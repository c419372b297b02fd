//! Trainers in files.

use gradus::config::{Config, Registry};
use gradus::layers::Add;
use gradus::losses::Losses;
use gradus::optimizers::Group;
use gradus::optimizers::schedules::{CosineDecay, Schedule};
use gradus::optimizers::{Lookahead, MovingAverage};
use gradus::prelude::*;
use gradus::saving::{Snapshot, Weights};

use crate::message;

fn path(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

fn data() -> (ndarray::Array2<Float>, ndarray::Array1<usize>) {
    let x = ndarray::Array2::from_shape_fn((24, 4), |(i, j)| ((3 * i + j) as Float * 0.7).sin());
    (x, ndarray::Array1::from_shape_fn(24, |i| i % 3))
}

/// What there can be of memory: of optimizers, averages, accumulated gradients, schedules, statistics, dropout and augmentation.
fn trainer() -> Trainer<Sequential> {
    let optimizer = AdamW::new(0.05)
        .schedule(CosineDecay::new(0.05, 60).warm_up(1))
        .group("*bias", Group::new().weight_decay(0.0))
        .clip(Clip::GlobalNorm(1.0))
        .accumulate(2)
        .average(MovingAverage::new(0.9))
        .lookahead(Lookahead::new(3, 0.5));
    Sequential::new()
        .add(Dense::new(8).activation(Relu))
        .add(BatchNorm::new())
        .add(Dropout::new(0.25))
        .add(Dense::new(3))
        .compile(optimizer, SparseCrossEntropy::from_logits())
        .metric(Accuracy::default())
        .weighted_metric(TopKAccuracy::new(2).named("top"))
        .seed(5)
        .evaluation_batch_size(7)
}

fn epochs(count: usize) -> Fit<'static> {
    Fit::epochs(count).batch_size(8).progress(false)
}

fn parameters<M: Layer>(trainer: &Trainer<M>) -> Vec<(String, Tensor)> {
    trainer.model.parameters().into_iter().map(|(name, param)| (name, param.value().unwrap())).collect()
}

#[test]
fn a_trainer_goes_on_with_the_same_bits() {
    let (_folder, path) = path("trainer.safetensors");
    let mut undisturbed = trainer();
    undisturbed.fit(&data(), epochs(3)).unwrap();
    undisturbed.save(&path).unwrap();
    let mut opened = gradus::open_trainer(&path).unwrap();
    assert_eq!(opened.epochs(), 3);
    assert_eq!(opened.config(), undisturbed.config());
    assert_eq!(opened.evaluate(&data()).unwrap(), undisturbed.evaluate(&data()).unwrap());
    let expected = undisturbed.fit(&data(), epochs(4)).unwrap();
    assert_eq!(opened.fit(&data(), epochs(4)).unwrap(), expected);
    assert_eq!(parameters(&opened), parameters(&undisturbed));
    assert_eq!((opened.epochs(), opened.stepper().steps()), (7, undisturbed.stepper().steps()));
    assert_eq!(opened.optimizer().learning_rate(), undisturbed.optimizer().learning_rate());
    // The same file is a model, and weights.
    let model = gradus::open(&path).unwrap();
    let again: Sequential = Registry::default().open(&path).unwrap();
    again.load(&path).unwrap();
    assert_eq!(model.predict(&data().0).unwrap(), again.predict(&data().0).unwrap());
    assert_eq!(Weights::open(&path).unwrap().len(), model.parameters().len());
}

/// Stopped and opened after each epoch, a run ends as it does in one go.
#[test]
fn a_trainer_can_be_opened_again_and_again() {
    let (_folder, path) = path("trainer.safetensors");
    let sgd = || {
        let model = Sequential::new().add(Dense::new(4).activation(Tanh)).add(Dropout::new(0.5)).add(Dense::new(3));
        model.compile(Momentum::new(0.1), SparseCrossEntropy::from_logits()).seed(3)
    };
    let mut whole = sgd();
    whole.fit(&data(), epochs(4)).unwrap();
    sgd().fit(&data(), epochs(1)).unwrap();
    let mut first = sgd();
    first.fit(&data(), epochs(1)).unwrap();
    first.save(&path).unwrap();
    for _ in 0..3 {
        let mut opened = gradus::open_trainer(&path).unwrap();
        opened.fit(&data(), epochs(1)).unwrap();
        opened.save(&path).unwrap();
    }
    let opened = gradus::open_trainer(&path).unwrap();
    assert_eq!((parameters(&opened), opened.epochs()), (parameters(&whole), 4));
}

/// A backup of a run is a trainer that was saved in the middle of it.
#[test]
fn a_backup_opens_as_a_trainer() {
    let (_folder, path) = path("run.backup");
    let mut run = trainer();
    run.fit(&data(), epochs(2).callback(Backup::new(&path).keep(true))).unwrap();
    let opened = gradus::open_trainer(&path).unwrap();
    assert_eq!((opened.stepper().steps(), opened.epochs()), (run.stepper().steps(), 2));
    assert!(gradus::open(&path).is_ok());
    let rest = trainer().fit(&data(), epochs(4).callback(Backup::new(&path).keep(true))).unwrap();
    assert_eq!(rest.epochs().len(), 4);
}

#[test]
fn a_graph_of_two_outputs_is_trained_on() {
    let (_folder, path) = path("graph.safetensors");
    let graph = Graph::new(["left", "right"])
        .add("features", Dense::new(6).activation(Relu), "left")
        .share("again", "features", "right")
        .add("sum", Add, ["features", "again"])
        .add("class", Dense::new(3), "sum")
        .add("size", Dense::new(1), "sum")
        .outputs(["class", "size"]);
    let losses =
        Losses::new().output("class", SparseCrossEntropy::from_logits()).weighted_output("size", 0.25, Huber::new(0.5));
    let mut whole = graph.compile(RmsProp::new(0.01), losses).metric_of("size", MeanAbsolute::default());
    let (x, classes) = data();
    let sizes = x.column(0).to_owned();
    let both = ((&x, &x), (&classes, &sizes));
    whole.fit(&both, epochs(2)).unwrap();
    whole.save(&path).unwrap();
    let mut opened: Trainer<Graph, Vec<Var>, Vec<Var>> = Registry::default().open_trainer(&path).unwrap();
    assert_eq!(opened.fit(&both, epochs(2)).unwrap(), whole.fit(&both, epochs(2)).unwrap());
}

#[test]
fn a_closure_is_an_error_only_when_the_trainer_is_opened() {
    let (_folder, path) = path("closure.safetensors");
    let loss = |y: &Var, t: &Tensor| MeanSquaredError.loss(y, t);
    let mut trainer = Dense::new(1).compile(Sgd::default().schedule(|_: u32| 0.1), loss);
    let data = (ndarray::arr2(&[[1.0], [2.0]]), ndarray::arr1(&[1.0, 2.0]));
    trainer.fit(&data, epochs(1)).unwrap();
    trainer.save(&path).unwrap();
    assert_eq!(gradus::open(&path).unwrap().predict(&data.0).unwrap(), trainer.predict(&data.0).unwrap());
    let error = message(gradus::open_trainer(&path));
    let reason = "has no description of a trainer: when it was saved, setting `optimizer.schedule`: `Lambda` cannot be described";
    assert!(error.contains(reason), "{error}");
    let mut trainer = Dense::new(1).compile(Sgd::default(), loss);
    trainer.fit(&data, epochs(1)).unwrap();
    trainer.save(&path).unwrap();
    assert!(message(gradus::open_trainer(&path)).contains("setting `loss.0.loss`: `Lambda` cannot be described"));
    // A model alone has no trainer.
    trainer.model.save(&path).unwrap();
    assert!(message(gradus::open_trainer(&path)).contains("has no description of a trainer: it was not saved as one"));
}

#[test]
fn descriptions_of_trainers_that_are_wrong_are_errors_by_path() {
    let (_folder, path) = path("trainer.safetensors");
    let mut trainer = trainer();
    trainer.fit(&data(), epochs(1)).unwrap();
    trainer.save(&path).unwrap();
    let weights = Weights::open(&path).unwrap();
    let text = weights.metadata("gradus.trainer").unwrap().to_owned();
    let error = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        let mut weights = weights.clone();
        weights.set_metadata("gradus.trainer", text.replacen(from, to, 1));
        weights.save(&path).unwrap();
        message(gradus::open_trainer(&path))
    };
    let ends = |error: String, end: &str| assert!(error.ends_with(end), "{error}");
    ends(
        error("\"version\":1", "\"version\":2"),
        "expected a description of version 1 at most, got 2; update the crate",
    );
    ends(
        error("\"seed\":5", "\"sead\":5"),
        "it has [\"version\", \"optimizer\", \"loss\", \"metrics\", \"seed\", \"evaluation_batch_size\"]",
    );
    ends(
        error("\"AdamW\"", "\"Adam\""),
        "setting `optimizer.optimizer`: `Adam` has no setting `weight_decay`; it has [\"learning_rate\", \"beta_1\", \"beta_2\", \
         \"epsilon\", \"amsgrad\"]",
    );
    ends(
        error("\"beta_1\":0.9", "\"beta_1\":1"),
        "setting `optimizer.optimizer`: AdamW: expected beta_1 in 0..1 (1 excluded), got 1; 0.9 is usual",
    );
    ends(
        error("\"decay_steps\":60", "\"decay_steps\":-1"),
        "setting `optimizer.schedule.then.decay_steps`: expected a whole number (u32), got -1",
    );
    ends(
        error("\"k\":2", "\"k\":\"two\""),
        "setting `metrics.1.metric.metric.k`: expected a whole number (usize), got \"two\"",
    );
    ends(
        error("SparseCrossEntropy", "Focal"),
        "setting `loss.0.loss`: unknown kind `Focal`; if it is a type of your own, implement `Described` for it and add it to the \
         `Registry`",
    );
    // A memory that is not there.
    let mut other = weights.clone();
    other.set_snapshot(&Snapshot::of([("trained_epochs", 1.0)]));
    other.save(&path).unwrap();
    assert!(message(gradus::open_trainer(&path)).contains("the state does not fit this stepper"));
}

/// No panic, no hang, whatever the text says.
#[test]
fn ten_thousand_mutated_descriptions_of_trainers() {
    let text = trainer().config().to_json().unwrap();
    let registry = Registry::default();
    let mut read = 0;
    crate::whole::mutate(&text, |config: &Config| {
        let Some(optimizer) = config.get("optimizer") else { return };
        let parts = [
            config.get("loss").map(|value| registry.read::<Losses>(value).is_ok()),
            Some(registry.read::<Stepper>(optimizer).is_ok()),
        ];
        read += usize::from(parts.iter().all(|part| *part == Some(true)));
    });
    assert!(read > 0 && read < 9_000, "{read}");
}
