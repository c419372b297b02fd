//! Back-ups that do not fit the run.

use gradus::callbacks::TimeLimit;
use gradus::ndarray::{Array1, Array2};
use gradus::optimizers::MovingAverage;
use gradus::prelude::*;
use gradus::saving::Snapshot;
use std::path::Path;

use super::message;

fn data(examples: usize) -> (Array2<Float>, Array1<Float>) {
    let x = Array2::from_shape_fn((examples, 3), |(i, j)| ((i * 5 + j * 3) as Float * 0.7).sin());
    let y = x.column(0).to_owned();
    (x, y)
}

fn fit(path: &Path, epochs: usize) -> Fit<'static> {
    Fit::epochs(epochs).batch_size(8).progress(false).callback(Backup::new(path).keep(true))
}

fn refused(path: &Path, error: String) -> String {
    let error = error.strip_prefix(&format!("{}: ", path.display())).map(String::from).unwrap_or(error);
    let error = error.strip_prefix("is the backup of another run:\n  ").map(String::from).unwrap_or(error);
    error
        .strip_suffix("\nset up this run as that one was, or delete the file to start over")
        .map(String::from)
        .unwrap_or(error)
}

#[test]
fn a_back_up_of_another_run_says_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("run.backup");
    let (x, y) = data(20);
    let dense = || Dense::new(1).compile(Adam::default(), MeanSquaredError);
    dense().fit(&(&x, &y), fit(path, 2)).unwrap();
    let kept = std::fs::read(path).unwrap();
    let run = |mut trainer: Trainer<Dense>, examples: usize, fit: Fit<'_>| {
        let (x, y) = data(examples);
        let error = message(trainer.fit(&(&x, &y), fit));
        assert_eq!(std::fs::read(path).unwrap(), kept, "the file stays as it was");
        refused(path, error)
    };
    assert_eq!(run(dense().seed(4), 20, fit(path, 2)), "seed: 0 in the file, 4 in this run");
    assert_eq!(
        run(dense(), 24, fit(path, 2).batch_size(4)),
        "examples: 20 in the file, 24 in this run\n  batch size: 8 in the file, 4 in this run"
    );
    assert_eq!(run(dense(), 20, fit(path, 2).shuffle(false)), "sampling: shuffled in the file, in order in this run");
    assert_eq!(run(dense(), 20, fit(path, 1)), "epochs: 2 begun in the file, 1 asked for in this run");
    assert_eq!(
        run(dense().metric(MeanAbsolute::default()), 20, fit(path, 2)),
        "metrics: [] in the file, [\"mean_absolute_error\"] in this run"
    );
    assert_eq!(
        run(dense(), 20, fit(path, 2).callback(EarlyStopping::new("loss"))),
        "callback `EarlyStopping`: nothing of it in the file"
    );
    assert_eq!(
        run(Dense::new(2).compile(Adam::default(), |p: &Var, _: &Tensor| Ok(p.mean())), 20, fit(path, 2)),
        "parameter `kernel`: [3, 1] in the file, [3, 2] in this run\n  parameter `bias`: [1] in the file, [2] in this run"
    );
    assert_eq!(
        run(Dense::new(1).use_bias(false).compile(Adam::default(), MeanSquaredError), 20, fit(path, 2)),
        "parameter `bias`: not in this run"
    );
    assert_eq!(
        run(Dense::new(1).compile(Sgd::default(), MeanSquaredError), 20, fit(path, 2)),
        "cannot resume from this file: the state does not fit this stepper: it is of the optimizer Adam, but this one is Sgd"
    );
    assert_eq!(
        run(dense(), 20, fit(path, 2).validation_split(0.5)),
        "examples: 20 in the file, 10 in this run\n  examples of validation: 0 in the file, 10 in this run"
    );
    // A callback that the file remembers is missed.
    std::fs::remove_file(path).unwrap();
    dense().fit(&(&x, &y), fit(path, 2).callback(ReduceOnPlateau::new("loss"))).unwrap();
    let error = message(dense().fit(&(&x, &y), fit(path, 2)));
    assert_eq!(refused(path, error), "callback `ReduceOnPlateau`: not in this run");
}

#[test]
fn files_that_are_no_back_ups() {
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("run.backup");
    let (x, y) = data(20);
    let run = || {
        let mut trainer = Dense::new(1).compile(Adam::default(), MeanSquaredError);
        refused(path, message(trainer.fit(&(&x, &y), fit(path, 2))))
    };
    for (bytes, expected) in [
        (&b""[..], "is empty; was it written or downloaded to its end?"),
        (
            b"hello, this is a text",
            "is a text, not weights, which begins with \"hello, this is a text\"; download the file itself, by its direct link, or \
             read a table by `data::Csv`",
        ),
    ] {
        std::fs::write(path, bytes).unwrap();
        assert_eq!(run(), expected);
    }
    let model = Dense::new(1);
    model.forward(&Tape::inference().input(&x)).unwrap();
    model.save(path).unwrap();
    assert_eq!(run(), "is not a backup: it holds weights alone; delete it to start over");
    std::fs::remove_file(path).unwrap();
    std::fs::create_dir(path).unwrap();
    assert_eq!(run(), "cannot be written: it is a folder; name a file in it");
}

/// The greatest error, which does not tell what it has gathered.
#[derive(Default)]
struct MaxError(f64);

impl Metric for MaxError {
    fn name(&self) -> String {
        "max_error".into()
    }

    fn reset(&mut self) {
        self.0 = 0.0;
    }

    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        self.0 = prediction.iter().zip(target).fold(self.0, |max, (p, t)| max.max(f64::from((p - t).abs())));
        Ok(())
    }

    fn result(&self) -> f64 {
        self.0
    }
}

#[test]
fn settings_that_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.backup");
    let (x, y) = data(20);
    let trainer = || Dense::new(1).compile(Adam::default(), MeanSquaredError).metric(MaxError::default());
    let fit = || Fit::epochs(2).batch_size(8).progress(false);
    assert_eq!(
        message(trainer().fit(&(&x, &y), fit().callback(Backup::new(&path).every(2)))),
        "a backup in the middle of an epoch needs the state of the metric `max_error`, which has none; implement \
         `Metric::state` and `Metric::restore`, or leave out `Backup::every`"
    );
    // After epochs it is not needed.
    trainer().fit(&(&x, &y), fit().callback(Backup::new(&path))).unwrap();
    assert_eq!(
        message(trainer().fit(&(&x, &y), fit().callback(Backup::new(&path).every(0)))),
        "Backup: expected at least 1 batch between files, got 0; 100 is usual"
    );
    let late = LambdaCallback::new().on_epoch_end(|run| {
        run.resume("a.backup");
        Ok(())
    });
    assert_eq!(
        message(trainer().fit(&(&x, &y), fit().callback(late))),
        "a.backup: cannot resume in the middle of a run; call `Run::resume` in `on_train_begin`"
    );
    let missing = folder.path().join("none").join("run.backup");
    assert!(message(trainer().fit(&(&x, &y), fit().callback(Backup::new(missing)))).contains("cannot be written"));
}

#[test]
fn a_time_limit_leaves_a_back_up_to_go_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.backup");
    let (x, y) = data(20);
    let run = |limited: bool| {
        let mut trainer = Dense::new(1).compile(Adam::default(), MeanSquaredError);
        let fit = Fit::epochs(3).batch_size(8).progress(false).callback(Backup::new(&path).every(1));
        let limit = TimeLimit::new(if limited { std::time::Duration::ZERO } else { std::time::Duration::MAX });
        let history = trainer.fit(&(&x, &y), fit.callback(limit)).unwrap();
        (history, trainer.model.kernel().value().unwrap())
    };
    let whole = run(false);
    assert!(!path.exists());
    // Each process does one batch, of nine.
    for done in 1..10 {
        let (history, _) = run(true);
        assert_eq!((history.len(), path.exists()), (usize::div_ceil(done, 3), true));
    }
    assert_eq!(run(false), whole);
}

/// Counts batches, and refuses to be given a count that is not its own.
struct Refusing {
    batches: f64,
    refuses: bool,
}

impl Callback for Refusing {
    fn on_batch_end(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.batches += 1.0;
        Ok(())
    }

    fn state(&self) -> Snapshot {
        Snapshot::of([("batches", self.batches)])
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        let batches = state.number("batches")?;
        if self.refuses && batches > 0.0 {
            return Err(Error::value("not mine"));
        }
        self.batches = batches;
        Ok(())
    }
}

/// A metric that cannot be given back what it has gathered.
#[derive(Default)]
struct Forgetful {
    seen: f64,
    refuses: bool,
}

impl Metric for Forgetful {
    fn name(&self) -> String {
        "seen".into()
    }

    fn reset(&mut self) {
        self.seen = 0.0;
    }

    fn update(&mut self, prediction: &Tensor, _: &Tensor) -> Result<()> {
        self.seen += prediction.len() as f64;
        Ok(())
    }

    fn result(&self) -> f64 {
        self.seen
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(vec![self.seen])
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.seen = state[0];
        if self.refuses { Err(Error::value("not mine")) } else { Ok(()) }
    }
}

/// Fails in the last but one batch of the second epoch of three.
fn dies() -> LambdaCallback<'static> {
    LambdaCallback::new().on_batch_end(|run| match (run.epoch, run.batch) {
        (2, 2) => Err(Error::value("killed")),
        _ => Ok(()),
    })
}

#[test]
fn a_state_that_a_callback_or_metric_refuses_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("run.backup");
    let (x, y) = data(20);
    let trainer = |refuses| {
        Sequential::new()
            .add(Dense::new(2))
            .add(Dropout::new(0.1))
            .add(Dense::new(1))
            .compile(Adam::new(0.1).average(MovingAverage::new(0.5)), MeanSquaredError)
            .metric(Forgetful { seen: 0.0, refuses })
    };
    let fit = || Fit::epochs(3).batch_size(8).progress(false).callback(Backup::new(path).every(1));
    // Of the run in the file, one part is frozen.
    let other = trainer(false).seed(0);
    let mut other = other;
    other.predict(&x).unwrap();
    other.model.freeze_matching("dense.*").unwrap();
    let plateau = || ReduceOnPlateau::new("loss").factor(0.5).patience(1).min_delta(1e9);
    let counting = |refuses| Refusing { batches: 0.0, refuses };
    let killed = other.fit(&(&x, &y), fit().callback(plateau()).callback(counting(false)).callback(dies()));
    assert_eq!(message(killed), "killed");
    let kept = std::fs::read(path).unwrap();

    for refused in ["callback", "metric"] {
        let mut own = trainer(refused == "metric");
        own.predict(&x).unwrap();
        let state = |own: &Trainer<Sequential>| {
            let values: Vec<_> = own
                .model
                .parameters()
                .into_iter()
                .map(|(path, param)| (path, param.value(), param.is_frozen()))
                .collect();
            (values, own.stepper().state(&own.model), own.optimizer().learning_rate())
        };
        let before = state(&own);
        let (mut plateau, mut counting) = (plateau(), counting(refused == "callback"));
        let run = fit().callback(&mut plateau).callback(&mut counting);
        let error = message(own.fit(&(&x, &y), run));
        assert!(error.ends_with("not mine") && error.contains(refused), "{error}");
        assert_eq!(state(&own), before, "{refused}");
        assert_eq!(counting.batches, 0.0);
        assert_eq!(plateau.state().number("waited").unwrap(), 0.0);
        assert!(plateau.state().number("best").unwrap().is_nan());
        assert_eq!(std::fs::read(path).unwrap(), kept);
    }

    // What refuses nothing goes on from the same file.
    let mut good = trainer(false);
    let history = good.fit(&(&x, &y), fit().callback(plateau()).callback(counting(false))).unwrap();
    assert_eq!((history.len(), good.model.parameters()[0].1.is_frozen()), (3, true));
}
