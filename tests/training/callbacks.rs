//! Callbacks on small real runs.

use gradus::callbacks::{JsonLog, RateFinder, TimeLimit};
use gradus::ndarray::Array2;
use gradus::prelude::*;
use std::time::Duration;

pub(super) fn data() -> (Array2<Float>, Array2<Float>) {
    let x = Array2::from_shape_fn((48, 3), |(i, j)| ((i * 5 + j * 3) as Float * 0.7).sin());
    let y = Array2::from_shape_fn((48, 1), |(i, _)| 3.0 * x[[i, 0]] - x[[i, 1]]);
    (x, y)
}

pub(super) fn model() -> Trainer<Dense> {
    Dense::new(1).compile(Sgd::new(0.1), MeanSquaredError)
}

pub(super) fn fit<'a>(epochs: usize) -> Fit<'a> {
    Fit::epochs(epochs).batch_size(8).progress(false)
}

pub(super) fn message<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

/// The rates of a run whose figure follows a script.
fn rates(script: &[f64], plateau: ReduceOnPlateau) -> Vec<Float> {
    let model = Dense::new(1);
    let mut rates = Vec::new();
    let keep = LambdaCallback::new().on_epoch_end(|run| {
        rates.push(run.optimizer.learning_rate().unwrap());
        Ok(())
    });
    let mut run = Loop::new(script.len(), 1).model("line", &model, Sgd::new(0.1)).callback(plateau).callback(keep);
    while run.next_epoch().unwrap() {
        run.log("figure_loss", script[run.epoch() - 1]);
    }
    drop(run);
    rates
}

#[test]
fn a_plateau_lowers_the_rate_after_patience_and_cooldown() {
    let (x, y) = data();
    let script = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5];
    let plateau = ReduceOnPlateau::new("figure_loss").factor(0.5).patience(2).cooldown(1).min_rate(0.02);
    // Two epochs of waiting; then one of cooling, which itself may wait, as Keras counts.
    assert_eq!(rates(&script, plateau), [0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.025, 0.02]);
    assert_eq!(
        message(model().fit(&(&x, &y), fit(1).callback(ReduceOnPlateau::new("loss").factor(1.0)))),
        "ReduceOnPlateau: expected a factor in 0..1 (1 excluded), got 1; 0.1 is usual"
    );
}

#[test]
fn checkpoints_are_written_every_so_often_and_old_ones_go() {
    let (x, y) = data();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights-{epoch}.safetensors");
    let mut trainer = model();
    trainer.fit(&(&x, &y), fit(7).callback(Checkpoint::every(2, &path).keep(2))).unwrap();
    let mut names: Vec<_> = folder.path().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["weights-4.safetensors", "weights-6.safetensors"]);
    let last = Dense::new(1);
    last.load(folder.path().join("weights-6.safetensors")).unwrap();
    assert_eq!(last.kernel().shape().unwrap(), [3, 1]);
    let error = message(model().fit(&(&x, &y), fit(1).callback(Checkpoint::every(1, "one").keep(2))));
    assert!(error.starts_with("Checkpoint: expected to keep at least 1 file, and `{epoch}` in the path"), "{error}");
    let error = message(model().fit(&(&x, &y), fit(1).callback(Checkpoint::every(0, "one"))));
    assert_eq!(error, "Checkpoint: expected at least 1 epoch between files, got 0");
}

#[test]
fn json_lines_have_the_figures_of_the_history() {
    let (x, y) = data();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let history = model().fit(&(&x, &y), fit(3).validation_split(0.25).callback(JsonLog::new(&path))).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for (epoch, (line, logs)) in lines.iter().zip(history.epochs()).enumerate() {
        assert_eq!(line["epoch"], epoch + 1);
        let (read, kept) = (line["val_loss"].as_f64().unwrap(), logs["val_loss"]);
        assert!((read - kept).abs() <= 1e-12 * kept, "{read} {kept}");
    }
}

#[test]
fn a_time_limit_ends_the_run() {
    let (x, y) = data();
    let history = model().fit(&(&x, &y), fit(1000).callback(TimeLimit::new(Duration::ZERO))).unwrap();
    assert_eq!(history.len(), 1);
}

#[test]
fn the_rate_finder_finds_a_rate_that_trains_and_leaves_no_trace() {
    let (x, y) = data();
    let mut trainer = model();
    trainer.evaluate(&(&x, &y)).unwrap();
    let before = trainer.model.kernel().value().unwrap();
    let mut finder = RateFinder::new(1e-5, 100.0, 120);
    trainer.fit(&(&x, &y), fit(1000).callback(&mut finder)).unwrap();
    assert_eq!(trainer.model.kernel().value().unwrap(), before);
    assert_eq!(trainer.optimizer().learning_rate(), Some(0.1));
    assert!(finder.points().len() < 120, "the loss must have exploded on the way");
    let rate = finder.suggestion().unwrap();
    let mut tuned = Dense::new(1).compile(Sgd::new(rate), MeanSquaredError);
    let history = tuned.fit(&(&x, &y), fit(20)).unwrap();
    assert!(history.last().unwrap()["loss"] < 0.1 * history.epochs()[0]["loss"], "{rate} {history:?}");
    let error = message(model().fit(&(&x, &y), fit(1).callback(RateFinder::new(1.0, 0.1, 10))));
    assert!(
        error.starts_with("RateFinder: expected positive rates, the first below the last, got 1 and 0.1"),
        "{error}"
    );
}

#[test]
fn the_rate_finder_refuses_a_schedule_and_puts_all_rates_back() {
    use gradus::optimizers::schedules::{CosineDecay, Schedule};
    let (x, y) = data();
    let scheduled = Sgd::default().schedule(CosineDecay::new(0.1, 100).warm_up(20));
    let mut trainer = Dense::new(1).compile(scheduled, MeanSquaredError);
    let mut finder = RateFinder::default();
    assert_eq!(
        message(trainer.fit(&(&x, &y), fit(100).callback(&mut finder))),
        "RateFinder: expected an optimizer with a rate of its own, got one with a schedule, which would change each rate that \
         is tried; search with the optimizer alone, and give the schedule the rate that is found"
    );
    assert_eq!((trainer.stepper().steps(), finder.points().len()), (0, 0));
    // The schedule is as it was: the 20th step has a rate of 19/20 of 0.1.
    trainer.fit(&(&x, &y), fit(20).batch_size(48)).unwrap();
    assert!((trainer.optimizer().learning_rate().unwrap() - 0.095).abs() < 1e-6);

    let mut gathering = Dense::new(1).compile(Sgd::default().accumulate(4), MeanSquaredError);
    assert_eq!(
        message(gathering.fit(&(&x, &y), fit(100).callback(&mut finder))),
        "RateFinder: expected a step after each batch, got an optimizer that accumulates 4 batches, so that most rates would \
         be tried by no step; search without, in batches of 4 times as many examples"
    );

    // Of two optimizers, both rates.
    let layer = || Dense::new(1).kernel_initializer(Zeros);
    let (first, second) = (layer(), layer());
    let mut run = Loop::new(1, 30)
        .model("first", &first, Sgd::new(0.3))
        .model("second", &second, Sgd::new(0.7))
        .callback(RateFinder::new(1e-6, 1.0, 30));
    while run.next_epoch().unwrap() {
        while run.next_batch().is_some() {
            run.end_batch(1, &[("loss", 1.0)]).unwrap();
        }
    }
    for (name, model, rate) in [("first", &first, 0.3), ("second", &second, 0.7)] {
        let y = model.forward(&Tape::training().input(ndarray::arr2(&[[1.0]]))).unwrap();
        run.step(name, y.sum().backward().unwrap()).unwrap();
        assert_eq!(model.kernel().value().unwrap()[[0, 0]], -rate, "to the bit");
    }
}

#[cfg(feature = "plot")]
#[test]
fn pictures_of_a_run() {
    use gradus::plot::Figure;
    let (x, y) = data();
    let mut finder = RateFinder::default();
    let mut model = model().metric(MeanAbsolute::default());
    model.fit(&(&x, &y), fit(100).callback(&mut finder)).unwrap();
    let found = Figure::from(&finder).svg().unwrap();
    assert!(found.contains("suggestion, ") && found.contains("1e-4"), "{found}");
    let history = model.fit(&(&x, &y), fit(3).validation_split(0.25)).unwrap();
    let text = Figure::from(&history).title("Three epochs").svg().unwrap();
    for part in ["Three epochs", "loss", "mean absolute", "training", "validation"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(
        Figure::from(&RateFinder::default()).svg().is_ok()
            && Figure::from(&gradus::training::History::default()).svg().is_ok()
    );
    let message = message(Figure::from(&history).save("no/such/folder/history.svg"));
    assert!(message.starts_with("no/such/folder/history.svg: cannot be written"), "{message}");
}

#[test]
fn settings_with_which_nothing_could_get_better_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        let stopping = fit(3).callback(EarlyStopping::new("loss").min_delta(bad));
        let error = message(model().fit(&data(), stopping));
        assert_eq!(error, format!("EarlyStopping: expected a `min_delta` of at least 0, got {bad}; 0 is usual"));
        let plateau = ReduceOnPlateau::new("loss");
        let error = message(model().fit(&data(), fit(3).callback(plateau.min_rate(bad as Float))));
        assert_eq!(error, format!("ReduceOnPlateau: expected a `min_rate` of at least 0, got {bad}; 0 is usual"));
    }
    // The ratio of these rates is beyond f32.
    let mut finder = RateFinder::new(1e-38, 1e2, 12);
    model().fit(&data(), fit(2).callback(&mut finder)).unwrap();
    assert_eq!(finder.points().len(), 12);
}

#[cfg(feature = "plot")]
#[test]
fn a_picture_is_svg_that_any_program_reads() {
    use gradus::plot::{Figure, Panel};
    let figure = Figure::new("a\u{0}b\u{1b}").panel(Panel::new("x", "y").line("z", [(0.0, 1.0)]));
    assert!(!figure.svg().unwrap().contains(|c: char| c.is_control() && c != '\n'));
    let error = message(figure.save("loss.PNG"));
    assert_eq!(
        error,
        "loss.PNG: is not written as png, only as SVG: name it `.svg`, and convert it by another program"
    );
}
