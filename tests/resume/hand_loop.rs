//! Loops of one's own with what `fit` has.

use std::path::Path;

use gradus::callbacks::GradientFlow;
use gradus::ndarray::{Array1, Array2};
use gradus::optimizers::MovingAverage;
use gradus::optimizers::schedules::ExponentialDecay;
use gradus::prelude::*;

use super::cases::{history_bits, weights};
use super::message;

type Outcome = (Vec<(String, Vec<u64>)>, Vec<Vec<(String, u64)>>);

/// Two models that are trained against each other on batches of a dataset; ends with an error after some batches.
fn duel(backup: &Path, dies_after: usize) -> Result<Outcome> {
    let x = Array2::from_shape_fn((30, 4), |(i, j)| ((i * 5 + j * 3) as Float * 0.7).sin());
    let y = Array1::from_shape_fn(30, |i| Float::from(u8::from(x[[i, 0]] > 0.0)));
    let data = (&x, &y);
    let body = Sequential::new().add(Dense::new(6).activation(Tanh)).add(Dropout::new(0.2));
    let head = Dense::new(1).activation(Sigmoid);
    let mut seen = 0;
    let mut run = Loop::new(4, 4)
        .model("body", &body, Adam::new(0.1).average(MovingAverage::new(0.5)))
        .model("head", &head, Sgd::default().schedule(ExponentialDecay::new(0.5, 4, 0.9)).accumulate(2))
        .metric(Accuracy::default())
        .callback(ReduceOnPlateau::new("loss").factor(0.5).patience(1).min_delta(0.5))
        .callback(Backup::new(backup).every(1))
        .seed(7);
    while run.next_epoch()? {
        let mut batches = data.batches(8).shuffle(3).epoch(run.epoch() as u64);
        while let Some(batch) = run.next_of(&mut batches)? {
            if seen == dies_after {
                return Err(Error::value("killed"));
            }
            seen += 1;
            let y = head.forward(&body.forward(&run.tape().input(&batch.inputs[0]))?)?;
            let loss = BinaryCrossEntropy::default().loss(&y, &batch.targets[0])?;
            let gradients = loss.backward()?;
            run.step("head", loss.backward()?)?;
            run.step("body", gradients)?;
            run.update(y.value(), &batch.targets[0])?;
            run.end_batch(
                batch.len(),
                &[("loss", loss.item()), ("greatest", y.value().fold(0.0, |a: Float, b| a.max(*b)))],
            )?;
        }
        run.log("val_figure", f64::from(head.kernel().value().unwrap()[[0, 0]]));
    }
    let parameters = [weights(&body.parameters()), weights(&head.parameters())].concat();
    Ok((parameters, history_bits(run.history())))
}

#[test]
fn a_loop_of_ones_own_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop.backup");
    let whole = duel(&path, usize::MAX).unwrap();
    assert_eq!(whole.1.len(), 4);
    let names: Vec<&str> = whole.1[3].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["loss", "greatest", "accuracy", "val_figure"]);
    for dies_after in 0..16 {
        assert_eq!(message(duel(&path, dies_after)), "killed");
        assert_eq!(duel(&path, usize::MAX).unwrap(), whole, "stopped after {dies_after}");
    }
}

#[test]
fn callbacks_change_the_rates_of_all_optimizers_and_stop_the_loop() {
    let (first, second) = (Dense::new(1), Dense::new(1));
    let mut rates = Vec::new();
    let watch = LambdaCallback::new().on_batch_end(|run| {
        let rate = run.optimizer.learning_rate().unwrap();
        rates.push((rate, run.optimizer.changes().count()));
        run.stop = run.epoch == 2 && run.batch == 2;
        run.optimizer.set_learning_rate(rate * 0.5)
    });
    let mut run = Loop::new(5, 3)
        .model("first", &first, Sgd::new(0.5))
        .model("second", &second, Sgd::new(0.25))
        .callback(watch)
        .callback(GradientFlow::new());
    let mut moved = Vec::new();
    while run.next_epoch().unwrap() {
        while run.next_batch().is_some() {
            for (name, model) in [("first", &first), ("second", &second)] {
                let y = model.forward(&run.tape().input(ndarray::arr2(&[[1.0]]))).unwrap();
                let before = model.kernel().value().unwrap()[[0, 0]];
                run.step(name, y.sum().backward().unwrap()).unwrap();
                moved.push(before - model.kernel().value().unwrap()[[0, 0]]);
            }
            run.end_batch(1, &[("loss", 0.0)]).unwrap();
        }
    }
    assert_eq!(run.history().len(), 2);
    assert!(!run.next_epoch().unwrap());
    drop(run);
    assert_eq!(rates.iter().map(|rate| rate.0).collect::<Vec<_>>(), [0.5, 0.25, 0.125, 0.0625, 0.03125]);
    assert!(rates.iter().all(|rate| rate.1 == 4), "kernel and bias of both");
    for (step, pair) in moved.chunks(2).enumerate() {
        let rate = 0.5 / Float::from(1_u8 << step);
        approx::assert_abs_diff_eq!(pair[0], rate, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(pair[1], rate / 2.0, epsilon = 1e-6);
    }
}

#[test]
fn what_a_loop_refuses() {
    let model = Dense::new(1);
    let gradients = || model.forward(&Tape::training().input(ndarray::arr2(&[[1.0]])))?.sum().backward();
    let mut run = Loop::new(1, 3).model("model", &model, Sgd::default());
    assert!(run.next_epoch().unwrap());
    assert_eq!(
        message(run.step("mode", gradients().unwrap())),
        "Loop: expected one of the models [\"model\"], got `mode`"
    );
    let mut short = (0..2).map(Ok);
    for _ in 0..2 {
        run.next_of(&mut short).unwrap().unwrap();
        run.end_batch(1, &[("loss", 1.0)]).unwrap();
    }
    assert_eq!(message(run.next_of(&mut short)), "Loop: expected 3 batches an epoch, got 2");
    assert!(message(run.end_batch(1, &[("loss", Float::NAN)])).starts_with("the loss became NaN in epoch 1, batch 3;"));
    let mut unready = Loop::new(1, 1).model("model", &model, Sgd::new(-1.0));
    assert!(message(unready.next_epoch()).contains("expected a learning rate of at least 0, got -1"));
}

/// The example has two optimizers with schedules, a metric, callbacks and progress.
#[test]
fn the_example_of_a_loop_has_at_most_40_lines() {
    let text = include_str!("../../examples/custom_loop.rs");
    let begin = text.find("fn two_optimizers(").unwrap();
    let function = &text[begin..begin + text[begin..].find("\n}\n").unwrap() + 2];
    let lines = function.lines().count();
    assert!(lines <= 40, "{lines} lines");
    for part in ["Loop::new", ".schedule(", ".metric(", "CsvLog", "Progress", "\"generator\"", "\"discriminator\""] {
        assert!(function.contains(part), "{part}");
    }
}
