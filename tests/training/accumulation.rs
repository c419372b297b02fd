//! Gradients of several batches in one step, and the batches that are too few for one.

use gradus::optimizers::MovingAverage;
use gradus::prelude::*;

use super::callbacks::data;

/// 48 examples in six batches.
fn fit(epochs: usize, batches: u32) -> (u32, Tensor) {
    let (x, y) = data();
    let mut model = Dense::new(1).compile(Sgd::new(0.1).accumulate(batches), MeanSquaredError);
    model.fit(&(&x, &y), Fit::epochs(epochs).batch_size(8).shuffle(false).progress(false)).unwrap();
    (model.stepper().steps(), model.model.kernel().value().unwrap())
}

/// The kernel after steps along the mean gradients of these many examples, again and again from the first one on.
fn by_hand(steps: &[usize]) -> Tensor {
    let (x, y) = data();
    let model = Dense::new(1);
    let mut sgd = Stepper::new(Sgd::new(0.1));
    let mut from = 0;
    for examples in steps {
        let rows: Vec<usize> = (from..from + examples).map(|i| i % 48).collect();
        let batch = (&x, &y).batch(&rows).unwrap();
        let prediction = model.forward(&Tape::training().input(&batch.inputs[0])).unwrap();
        let loss = MeanSquaredError.loss(&prediction, &batch.targets[0]).unwrap();
        sgd.step(&model, loss.backward().unwrap()).unwrap();
        from += examples;
    }
    model.kernel().value().unwrap()
}

fn assert_close(a: &Tensor, b: &Tensor) {
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a} {b}");
}

#[test]
fn what_a_run_leaves_over_is_stepped_at_its_end_along_its_own_mean() {
    for (epochs, batches, steps) in [
        // Longer than the run: one step of all examples.
        (1, 16, vec![48]),
        // Twelve batches: five, five, and two that are left.
        (2, 5, vec![40, 40, 16]),
        // Nothing is left.
        (2, 4, vec![32, 32, 32]),
    ] {
        let (made, kernel) = fit(epochs, batches);
        assert_eq!(made as usize, steps.len());
        assert_close(&kernel, &by_hand(&steps));
    }
}

#[test]
fn validation_and_checkpoints_see_the_last_step() {
    let (x, y) = data();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut model = Dense::new(1).compile(Sgd::new(0.1).accumulate(16), MeanSquaredError);
    let all = (&x, &y);
    let fit = Fit::epochs(1).batch_size(8).validation(&all).progress(false).callback(Checkpoint::every(1, &path));
    let history = model.fit(&all, fit).unwrap();
    assert_eq!(history.last().unwrap()["val_loss"], model.evaluate(&all).unwrap()["loss"]);
    let kept = Dense::new(1);
    kept.load(&path).unwrap();
    assert_eq!(kept.kernel().value(), model.model.kernel().value());
}

#[test]
fn a_run_that_is_stopped_steps_what_it_has() {
    let (x, y) = data();
    let mut model = Dense::new(1).compile(Sgd::new(0.1).accumulate(16), MeanSquaredError);
    let stop = LambdaCallback::new().on_batch_end(|run| {
        run.stop |= run.batch == 3;
        Ok(())
    });
    model.fit(&(&x, &y), Fit::epochs(9).batch_size(8).shuffle(false).progress(false).callback(stop)).unwrap();
    assert_eq!(model.stepper().steps(), 1);
    assert_close(&model.model.kernel().value().unwrap(), &by_hand(&[24]));
}

#[test]
fn a_loop_of_ones_own_steps_what_it_has() {
    let (x, y) = data();
    let model = Dense::new(1);
    let mut run = Loop::new(1, 6).model("line", &model, Sgd::new(0.1).accumulate(4).average(MovingAverage::new(0.5)));
    while run.next_epoch().unwrap() {
        let set = (&x, &y);
        let mut batches = set.batches(8);
        while let Some(batch) = run.next_of(&mut batches).unwrap() {
            let prediction = model.forward(&run.tape().input(&batch.inputs[0])).unwrap();
            let loss = MeanSquaredError.loss(&prediction, &batch.targets[0]).unwrap();
            run.step("line", loss.backward().unwrap()).unwrap();
            run.end_batch(8, &[("loss", loss.item())]).unwrap();
        }
    }
    // The average of the weights after the two steps is what the run ends with, so that both are in it.
    let (one, two) = (by_hand(&[32]), by_hand(&[32, 16]));
    let mean = model.kernel().value().unwrap();
    assert!(mean.iter().zip(&one).zip(&two).all(|((mean, one), two)| (mean - one) * (mean - two) < 0.0), "{mean}");
}
