//! What is known of a run's figures: whether they exist, which way they get better, and how they are written.

use gradus::callbacks::{GradientFlow, JsonLog, Watched};
use gradus::metrics::{Direction, MeanLoss};
use gradus::ndarray::Array2;
use gradus::prelude::*;
use gradus::search::{Search, Space};

use super::callbacks::{data, fit, message, model};

/// A figure that gets better one way or the other under any name, and worse from epoch to epoch if it is lower.
struct Named(&'static str, Option<Direction>, f64);

impl Metric for Named {
    fn name(&self) -> String {
        self.0.into()
    }

    fn reset(&mut self) {
        self.2 -= 1.0;
    }

    fn update(&mut self, _: &Tensor, _: &Tensor) -> Result<()> {
        Ok(())
    }

    fn result(&self) -> f64 {
        self.2
    }

    fn direction(&self) -> Option<Direction> {
        self.1
    }
}

/// The epochs that early stopping lets run of five, on a figure that falls.
fn epochs(metric: impl Metric + 'static, watched: impl Into<Watched>) -> usize {
    let (x, y) = data();
    let stop = EarlyStopping::new(watched);
    model().metric(metric).fit(&(&x, &y), fit(5).callback(stop)).unwrap().len()
}

#[test]
fn a_figure_gets_better_as_its_metric_says_whatever_its_name() {
    for name in ["huber", "mae", "rmse", "nll", "cer", "wer", "perplexity"] {
        assert_eq!(epochs(Named(name, Some(Direction::Lower), 0.0), name), 5, "{name} falls, and that is better");
    }
    for name in ["glossary_accuracy", "error_free", "lossless_share"] {
        assert_eq!(epochs(Named(name, Some(Direction::Higher), 0.0), name), 2, "{name} falls, and that is worse");
    }
    // What is set beats what the metric says.
    let set = Watched::new("mae").direction(Direction::Higher);
    assert_eq!(epochs(Named("mae", Some(Direction::Lower), 0.0), set), 2);
    // A loss under any name, in validation too.
    let (x, y) = data();
    let run = |watched: &str| {
        let metric = MeanLoss::new("huber", Huber::default());
        let fit = fit(30).validation_split(0.25).callback(EarlyStopping::new(watched).patience(2));
        Dense::new(1).compile(Sgd::new(0.02), MeanSquaredError).metric(metric).fit(&(&x, &y), fit).unwrap()
    };
    let history = run("val_huber");
    assert_eq!(history.len(), 30, "it falls all the time: {:?}", history.get("val_huber"));
}

#[test]
fn what_the_metric_says_counts_for_plateaus_and_checkpoints() {
    let (x, y) = data();
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = model().metric(Named("mae", Some(Direction::Lower), 0.0));
    let path = folder.path().join("{epoch}.safetensors");
    let fit = fit(3).callback(Checkpoint::best("mae", path)).callback(ReduceOnPlateau::new("mae").patience(1));
    trainer.fit(&(&x, &y), fit).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 3, "each epoch is better than the one before");
    assert_eq!(trainer.optimizer().learning_rate(), Some(0.1));
}

#[test]
fn a_figure_of_unknown_direction_is_refused_before_the_first_step() {
    let (x, y) = data();
    let unknown = "it is not known which way `score` gets better: watch `Watched::new(\"score\").direction(Direction::Lower)` \
                   or `Direction::Higher`, implement `Metric::direction`, or watch one of: loss, score";
    for callback in [
        Box::new(EarlyStopping::new("score")) as Box<dyn Callback>,
        Box::new(ReduceOnPlateau::new("score")),
        Box::new(Checkpoint::best("score", "score.safetensors")),
    ] {
        let mut trainer = model().metric(Named("score", None, 0.0));
        assert_eq!(message(trainer.fit(&(&x, &y), fit(1).callback(Boxed(callback)))), unknown);
        assert_eq!(trainer.stepper().steps(), 0);
    }
    assert_eq!(epochs(Named("score", None, 0.0), Watched::new("score").direction(Direction::Higher)), 2);
    // A name that looks like a loss proves nothing where the metric is there to be asked.
    let error = message(
        model().metric(Named("gain_loss", None, 0.0)).fit(&(&x, &y), fit(1).callback(EarlyStopping::new("gain_loss"))),
    );
    assert!(error.starts_with("it is not known which way `gain_loss` gets better"), "{error}");

    let mut trials = 0;
    let search = Search::random(Space::new().range("x", 0.0, 1.0), 3).watch("val_accuracy").run(|_| {
        trials += 1;
        Ok(0.0)
    });
    assert_eq!(
        message(search),
        "search: it is not known which way `val_accuracy` gets better: watch \
         `Watched::new(\"val_accuracy\").direction(Direction::Lower)` or `Direction::Higher`"
    );
    assert_eq!(trials, 0);
}

/// A callback whose type is not known.
struct Boxed(Box<dyn Callback>);

impl Callback for Boxed {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.0.on_train_begin(run)
    }
}

#[test]
fn a_figure_that_there_will_not_be_is_refused_before_the_first_step() {
    let (x, y) = data();
    let folder = tempfile::tempdir().unwrap();
    let refused = |fit: Fit<'_>| {
        let mut trainer = model();
        let error = message(trainer.fit(&(&x, &y), fit));
        assert_eq!(trainer.stepper().steps(), 0);
        error
    };
    let there = "there are: loss, val_loss";
    let validated = || fit(3).validation_split(0.25);
    for fit in [
        validated().callback(EarlyStopping::new("val_los")),
        validated().callback(ReduceOnPlateau::new("val_los")),
        validated().callback(Checkpoint::best("val_los", folder.path().join("a"))),
        validated().callback(Checkpoint::every(1, folder.path().join("a-{val_los:.2f}"))),
        validated().callback(EarlyStopping::new(Watched::new("val_los").direction(Direction::Lower))),
    ] {
        assert_eq!(refused(fit), format!("no figure named `val_los` to watch; {there}"));
    }
    let alone = refused(fit(3).callback(EarlyStopping::new("val_loss")));
    assert_eq!(
        alone,
        "no figure named `val_loss` to watch; there are: loss; `val_...` needs `Fit::validation` or `Fit::validation_split`"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_loop_refuses_what_is_neither_a_loss_nor_one_of_its_metrics() {
    let begin = |watched: &str| {
        let model = Dense::new(1);
        let mut run = Loop::new(2, 1)
            .model("line", &model, Sgd::default())
            .metric(MeanAbsolute::default())
            .callback(EarlyStopping::new(watched));
        run.next_epoch()
    };
    for known in ["loss", "val_loss", "generator_loss", "mean_absolute_error", "val_mean_absolute_error"] {
        assert!(begin(known).unwrap(), "{known}");
    }
    let error = message(begin("val_los"));
    assert!(error.starts_with("it is not known which way `val_los` gets better"), "{error}");
    assert!(error.ends_with("or watch one of: mean_absolute_error, val_mean_absolute_error"), "{error}");
}

#[test]
fn missing_folders_are_refused_before_the_first_step() {
    let (x, y) = data();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/file");
    let reason = format!("the folder `{}` does not exist; create it first", folder.path().join("none").display());
    let numbered = folder.path().join("none/{epoch:02d}");
    for fit in [
        fit(2).callback(CsvLog::new(&path)),
        fit(2).callback(JsonLog::new(&path)),
        fit(2).callback(Backup::new(&path)),
        fit(2).callback(Checkpoint::best("loss", &path)),
        fit(2).callback(Checkpoint::every(2, &path)),
        fit(2).callback(Checkpoint::every(2, &numbered)),
        fit(2).callback(GradientFlow::new().csv(&path)),
    ] {
        let mut trainer = model();
        let error = message(trainer.fit(&(&x, &y), fit));
        assert!(error.ends_with(&format!("cannot be written: {reason}")), "{error}");
        assert_eq!(trainer.stepper().steps(), 0);
    }
    let mut trials = 0;
    let search = Search::random(Space::new().range("x", 0.0, 1.0), 3).file(&path).run(|_| {
        trials += 1;
        Ok(0.0)
    });
    assert!(message(search).ends_with(&reason) && trials == 0);
    let itself = message(model().fit(&(&x, &y), fit(1).callback(CsvLog::new(folder.path()))));
    assert!(itself.ends_with("cannot be written: it is a folder; name a file in it"), "{itself}");
    std::fs::write(folder.path().join("none"), "a file").unwrap();
    assert!(message(model().fit(&(&x, &y), fit(1).callback(CsvLog::new(&path)))).ends_with("is not a folder"));
}

#[test]
fn checkpoints_have_epochs_and_figures_in_their_names() {
    let (x, y) = data();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("{epoch:02d}-{val_loss:.2f}.safetensors");
    let fit = fit(2).validation_split(0.25).callback(Checkpoint::every(1, path));
    let history = model().fit(&(&x, &y), fit).unwrap();
    let mut names: Vec<_> =
        folder.path().read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let losses = history.get("val_loss");
    assert_eq!(names, [1, 2].map(|epoch| format!("{epoch:02}-{:.2}.safetensors", losses[epoch - 1])));
    // No folder of such a name could be created before.
    let numbered = Checkpoint::every(1, folder.path().join("{epoch:02d}/weights.safetensors"));
    model().fit(&(&x, &y), super::callbacks::fit(2).callback(numbered)).unwrap();
    assert!(["01", "02"].iter().all(|epoch| folder.path().join(epoch).join("weights.safetensors").exists()));
    let error =
        message(model().fit(&(&x, &y), super::callbacks::fit(1).callback(Checkpoint::every(1, "{epoch:2f}.x"))));
    assert_eq!(
        error,
        "Checkpoint: in the path `{epoch:2f}.x`, the format of `{epoch:2f}` is not known, expected one like `{epoch}`, \
         `{epoch:02d}`"
    );
}

/// Logs figures that not all epochs have, and names that a CSV file must quote.
fn uneven(folder: &std::path::Path) -> Result<History> {
    let model = Dense::new(1);
    let x = Array2::<Float>::ones((2, 2));
    let mut run = Loop::new(4, 1)
        .model("line", &model, Sgd::new(0.1))
        .callback(CsvLog::new(folder.join("log.csv")))
        .callback(JsonLog::new(folder.join("log.jsonl")));
    while run.next_epoch()? {
        while run.next_batch().is_some() {
            let loss = model.forward(&run.tape().input(&x))?.square().mean();
            run.step("line", loss.backward()?)?;
            run.end_batch(2, &[("loss", 0.5), ("precision, \"macro\"\nof 2", 0.25)])?;
        }
        if run.epoch().is_multiple_of(2) {
            run.log("val_loss", run.epoch() as f64 / 8.0);
        }
    }
    Ok(run.history().clone())
}

/// The lines are those that Python's `csv.writer` makes of the same cells, and `pandas.read_csv` reads them back.
#[test]
fn a_csv_log_has_the_figures_of_all_epochs_under_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let history = uneven(folder.path()).unwrap();
    let csv = std::fs::read_to_string(folder.path().join("log.csv")).unwrap();
    assert_eq!(
        csv,
        "epoch,loss,\"precision, \"\"macro\"\"\nof 2\",val_loss\n1,0.5,0.25,\n2,0.5,0.25,0.25\n3,0.5,0.25,\n4,0.5,0.25,0.5\n"
    );
    let json = std::fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0].get("val_loss").is_none() && lines[1]["val_loss"] == 0.25);
    assert_eq!(history.names(), ["loss", "precision, \"macro\"\nof 2", "val_loss"]);
    let losses = history.get("val_loss");
    assert!(losses[0].is_nan() && losses[2].is_nan());
    assert_eq!((losses.len(), losses[1], losses[3], history.get("absent").len()), (4, 0.25, 0.5, 0));
}
