//! Facts about what trains when, and how fast.

use super::*;
use gradus::callbacks::GradualUnfreezing;

#[test]
fn rates_decay_from_the_head_down() {
    let (x, y) = classes(16);
    let moved = |stepper: Stepper| {
        let model = classifier();
        model.forward(&Tape::inference().input(&x)).unwrap();
        let before: Vec<Tensor> = model.parameters().iter().map(|(_, param)| param.value().unwrap()).collect();
        let mut model = model.compile(stepper, SparseCrossEntropy::from_logits());
        model.fit(&(&x, &y), Fit::epochs(1).batch_size(16).progress(false)).unwrap();
        let after = model.model.parameters();
        let distance = |(before, (_, param)): (&Tensor, &(String, Param))| {
            (param.value().unwrap() - before).iter().map(|x| x.abs()).sum::<Float>()
        };
        before.iter().zip(&after).map(distance).collect::<Vec<_>>()
    };
    let (plain, decayed) =
        (moved(Sgd::new(0.5).into()), moved(Sgd::new(0.5).layer_decay(0.25, ["dense.*", "dense_1.*"])));
    for (i, factor) in [0.25, 0.25, 1.0, 1.0].into_iter().enumerate() {
        approx::assert_relative_eq!(decayed[i], factor * plain[i], max_relative = 1e-4);
    }
}

/// Keeps the bits after each epoch.
#[derive(Default)]
struct Seen(Vec<Bits>);

impl Callback for Seen {
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let bits = |param: &Param| numbers(&param.value().unwrap());
        self.0.push(run.parameters.iter().map(|(path, param)| (path.clone(), bits(param))).collect());
        Ok(())
    }
}

#[test]
fn parts_thaw_one_after_the_other_statistics_and_noise_included() {
    let (x, y) = sequences(64);
    let mut seen = Seen::default();
    let mut model = noisy_model().compile(Adam::new(0.01), SparseCrossEntropy::from_logits());
    let gradual = GradualUnfreezing::new(["head.*", "body.lstm.*", "body.*"]).every(2);
    model.fit(&(&x, &y), Fit::epochs(6).progress(false).callback(gradual).callback(&mut seen)).unwrap();
    for epoch in 1..6 {
        for ((path, before), (_, after)) in seen.0[epoch - 1].iter().zip(&seen.0[epoch]) {
            let from = match path {
                path if path.starts_with("head.") => 1,
                path if path.starts_with("body.lstm.") => 2,
                _ => 4,
            };
            assert_eq!(before != after, epoch >= from, "{path} in epoch {}", epoch + 1);
        }
    }
}

#[test]
fn an_optimizer_counts_the_steps_of_each_parameter() {
    let gradient = |model: &Sequential| {
        let y = model.forward(&Tape::training().input(ndarray::arr2(&[[1.0, 2.0]]))).unwrap();
        y.square().mean().backward().unwrap()
    };
    let model = || {
        let model = Sequential::new().add(Dense::new(2)).add(Dense::new(1));
        let _ = gradient(&model);
        model
    };
    // The first step of Adam is as long as its rate, whenever it comes.
    let thawed = model();
    thawed.freeze_matching("dense.*").unwrap();
    let mut adam = Stepper::new(Adam::new(0.125).epsilon(1e-12));
    (0..5).for_each(|_| adam.step(&thawed, gradient(&thawed)).unwrap());
    let state = adam.state(&thawed);
    let kernel = |model: &Sequential| model.parameters()[0].1.value().unwrap();
    let before = kernel(&thawed);
    thawed.unfreeze();
    adam.step(&thawed, gradient(&thawed)).unwrap();
    for (before, after) in before.iter().zip(kernel(&thawed).iter()) {
        approx::assert_relative_eq!((after - before).abs(), 0.125, max_relative = 1e-4);
    }
    assert_eq!(adam.state(&thawed).number("dense.kernel/joined").unwrap(), 5.0);

    // A resumption counts them alike, before and after the thaw.
    let again = model();
    let copy = |of: &Sequential| {
        for ((_, to), (_, from)) in again.parameters().iter().zip(of.parameters()) {
            to.set(from.value().unwrap()).unwrap();
        }
    };
    copy(&thawed);
    let mut resumed = Stepper::new(Adam::new(0.125).epsilon(1e-12));
    resumed.restore(&again, &adam.state(&thawed)).unwrap();
    adam.step(&thawed, gradient(&thawed)).unwrap();
    resumed.step(&again, gradient(&again)).unwrap();
    assert_eq!(bits(&thawed), bits(&again));
    again.freeze_matching("dense.*").unwrap();
    let mut resumed = Stepper::new(Adam::new(0.125).epsilon(1e-12));
    resumed.restore(&again, &state).unwrap();
    again.unfreeze();
    resumed.step(&again, gradient(&again)).unwrap();
    assert_eq!(resumed.state(&again).number("dense.kernel/joined").unwrap(), 5.0);
}
