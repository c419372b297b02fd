//! Averages and slow weights beside weights that somebody else changes.

use gradus::ndarray::{Array2, arr2};
use gradus::optimizers::{BatchPart, GradientHook, Lookahead, MovingAverage};
use gradus::prelude::*;

fn param(model: &impl Layer, path: &str) -> Param {
    model.parameters().into_iter().find(|(known, _)| known == path).unwrap().1
}

fn numbers(param: &Param) -> Vec<Float> {
    param.value().unwrap().iter().copied().collect()
}

fn data() -> (Array2<Float>, Array2<Float>) {
    (arr2(&[[1.0, 2.0], [3.0, -1.0], [0.5, 0.5], [-2.0, 1.0]]), arr2(&[[1.0], [2.0], [3.0], [4.0]]))
}

fn fit(trainer: &mut Trainer<Sequential>, epochs: usize) {
    let (x, y) = data();
    trainer.fit(&(&x, &y), Fit::epochs(epochs).batch_size(2).progress(false)).unwrap();
}

fn trainer(optimizer: impl Into<Stepper>) -> Trainer<Sequential> {
    let model = Sequential::new().add(Dense::new(3).activation(Tanh)).add(Dense::new(1));
    model.compile(optimizer, MeanSquaredError)
}

fn both() -> [Stepper; 2] {
    [
        Adam::new(0.05).average(MovingAverage::new(0.9)),
        Adam::new(0.05).average(MovingAverage::new(0.9).ema_overwrite_frequency(2)).lookahead(Lookahead::new(2, 0.5)),
    ]
}

type Change = fn(&Param);

/// The ways in which one changes a weight.
const CHANGES: [(&str, Change); 2] = [
    ("set", |param| param.set(Array2::from_elem((2, 3), 7.0)).unwrap()),
    ("modify", |param| param.modify(|w| w.fill(7.0))),
];

#[test]
fn a_weight_that_was_set_and_frozen_between_two_runs_stays_to_the_bit() {
    for (name, change) in CHANGES {
        for optimizer in both() {
            let mut trainer = trainer(optimizer);
            fit(&mut trainer, 2);
            let kernel = param(&trainer.model, "dense.kernel");
            change(&kernel);
            kernel.freeze();
            fit(&mut trainer, 2);
            assert_eq!(numbers(&kernel), [7.0; 6], "{name}");
        }
    }
}

#[test]
fn a_weight_that_was_set_before_training_goes_on_does_not_come_back_to_old_numbers() {
    for (name, change) in CHANGES {
        for optimizer in both() {
            let mut trainer = trainer(optimizer);
            fit(&mut trainer, 2);
            let kernel = param(&trainer.model, "dense.kernel");
            change(&kernel);
            fit(&mut trainer, 1);
            // Two steps of Adam at 0.05 lead no further.
            assert!(numbers(&kernel).iter().all(|w| (w - 7.0).abs() < 0.2), "{name}: {:?}", numbers(&kernel));
        }
    }
}

#[test]
fn weights_from_a_file_are_not_mixed_with_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let other = trainer(Sgd::default());
    other.model.forward(&Tape::inference().input(data().0)).unwrap();
    param(&other.model, "dense.kernel").modify(|w| w.fill(7.0));
    other.save(&path).unwrap();
    for optimizer in both() {
        let mut trainer = trainer(optimizer);
        fit(&mut trainer, 3);
        trainer.load(&path).unwrap();
        fit(&mut trainer, 1);
        let kernel = numbers(&param(&trainer.model, "dense.kernel"));
        assert!(kernel.iter().all(|w| (w - 7.0).abs() < 0.2), "{kernel:?}");
    }
}

/// Does something to the first kernel at the end of an epoch, when the averages are shown, or at its beginning.
struct At(usize, bool, fn(&Run<'_>));

impl Callback for At {
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if run.epoch == self.0 && self.1 {
            (self.2)(run);
        }
        Ok(())
    }

    fn on_epoch_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        if run.epoch == self.0 && !self.1 {
            (self.2)(run);
        }
        Ok(())
    }
}

#[test]
fn a_callback_that_sets_and_freezes_a_weight_has_the_last_word() {
    for at_end in [true, false] {
        for optimizer in both() {
            let mut trainer = trainer(optimizer);
            let (x, y) = data();
            let at = At(2, at_end, |run| {
                run.parameters[0].1.set(Array2::from_elem((2, 3), 7.0)).unwrap();
                run.parameters[0].1.freeze();
            });
            trainer.fit(&(&x, &y), Fit::epochs(4).batch_size(2).progress(false).callback(at)).unwrap();
            assert_eq!(numbers(&param(&trainer.model, "dense.kernel")), [7.0; 6], "at the end: {at_end}");
        }
    }
}

/// Notes the first kernel at the end of each epoch.
struct Note<'a>(&'a mut Vec<Vec<Float>>);

impl Callback for Note<'_> {
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.0.push(numbers(&run.parameters[0].1));
        Ok(())
    }
}

#[test]
fn a_weight_frozen_in_a_run_keeps_what_its_freezer_saw() {
    for at_end in [true, false] {
        for optimizer in both() {
            let mut trainer = trainer(optimizer);
            let (x, y) = data();
            let mut seen = Vec::new();
            let freeze = At(2, at_end, |run| run.parameters[0].1.freeze());
            let fit = Fit::epochs(4).batch_size(2).progress(false).callback(Note(&mut seen)).callback(freeze);
            trainer.fit(&(&x, &y), fit).unwrap();
            let last = numbers(&param(&trainer.model, "dense.kernel"));
            assert_eq!(seen[1], last, "at the end: {at_end}");
            assert_eq!(seen[3], last, "at the end: {at_end}");
        }
    }
}

#[test]
fn swapping_back_leaves_a_weight_that_was_set_in_between() {
    let model = Dense::new(1);
    let x = arr2(&[[1.0, 2.0]]);
    let mut adam = Adam::new(0.1).average(MovingAverage::new(0.9));
    for _ in 0..3 {
        let y = model.forward(&Tape::training().input(&x)).unwrap();
        adam.step(&model, y.square().mean().backward().unwrap()).unwrap();
    }
    adam.swap_averages(&model);
    model.kernel().set(arr2(&[[7.0], [7.0]])).unwrap();
    let bias = model.bias().unwrap().value().unwrap();
    adam.swap_averages(&model);
    assert_eq!(numbers(model.kernel()), [7.0, 7.0]);
    assert_ne!(model.bias().unwrap().value().unwrap(), bias, "the others are put back");
    adam.swap_averages(&model);
    assert_eq!(numbers(model.kernel()), [7.0, 7.0], "there is no average before the next step");
}

#[test]
fn weights_that_become_their_average_keep_to_their_constraint() {
    let model = Dense::new(1);
    model.constrain("kernel", gradus::constraints::UnitLength::new()).unwrap();
    let x = arr2(&[[1.0, 2.0]]);
    let mut sgd = Sgd::new(0.5).average(MovingAverage::new(0.5).ema_overwrite_frequency(1));
    for _ in 0..3 {
        let y = model.forward(&Tape::training().input(&x)).unwrap();
        sgd.step(&model, y.square().mean().backward().unwrap()).unwrap();
        let length = numbers(model.kernel()).iter().map(|w| w * w).sum::<Float>().sqrt();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
}

/// Puts the gradient of the kernel's squares in place of what there is.
struct KernelAlone(Param);

impl GradientHook for KernelAlone {
    fn parts(&mut self, parts: &mut [BatchPart]) -> Result<()> {
        let kernel = self.0.on(&Tape::training().input(arr2(&[[0.0]])), &[2, 1])?;
        parts[0].gradients = kernel.square().sum().backward()?;
        Ok(())
    }
}

/// Nothing moves a parameter whose gradient a hook has taken, nor what is kept beside it.
#[test]
fn a_parameter_without_a_gradient_has_no_part_in_a_step() {
    let model = Dense::new(1);
    let x = arr2(&[[1.0, 2.0]]);
    let pass = || model.forward(&Tape::training().input(&x)).unwrap().square().mean().backward().unwrap();
    pass();
    let sgd = Sgd::new(0.5).average(MovingAverage::new(0.5)).lookahead(Lookahead::new(1, 0.5));
    let mut sgd = sgd.hook(KernelAlone(model.kernel().clone()));
    for _ in 0..2 {
        sgd.step(&model, pass()).unwrap();
    }
    assert_eq!(numbers(model.bias().unwrap()), [0.0]);
    assert!(!sgd.state(&model).tensors.into_iter().any(|(name, _)| name.starts_with("bias/")));
}

#[test]
fn a_state_that_is_kept_has_no_old_averages() {
    let model = Dense::new(1);
    let x = arr2(&[[1.0, 2.0]]);
    let stepper = || Adam::new(0.1).average(MovingAverage::new(0.9)).lookahead(Lookahead::new(2, 0.5));
    let mut adam = stepper();
    let step = |adam: &mut Stepper| {
        let y = model.forward(&Tape::training().input(&x)).unwrap();
        adam.step(&model, y.square().mean().backward().unwrap()).unwrap();
    };
    step(&mut adam);
    let names = |adam: &Stepper| adam.state(&model).tensors.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert!(names(&adam).contains(&"kernel/average".to_owned()) && names(&adam).contains(&"kernel/slow".to_owned()));
    model.kernel().set(arr2(&[[7.0], [7.0]])).unwrap();
    assert!(!names(&adam).iter().any(|name| name == "kernel/average" || name == "kernel/slow"));
    assert!(names(&adam).contains(&"bias/average".to_owned()));
    let mut resumed = stepper();
    resumed.restore(&model, &adam.state(&model)).unwrap();
    resumed.swap_averages(&model);
    assert_eq!(numbers(model.kernel()), [7.0, 7.0]);
}

/// A mean of gradients must not have those from before a parameter was frozen.
#[test]
fn gradients_that_were_accumulated_before_freezing_are_forgotten() {
    let model = Dense::new(1).use_bias(false).kernel_initializer(Zeros);
    let gradients = |slope: Float| {
        let y = model.forward(&Tape::training().input(arr2(&[[slope]]))).unwrap();
        y.sum().backward().unwrap()
    };
    let other = Dense::new(1);
    other.forward(&Tape::inference().input(arr2(&[[1.0]]))).unwrap();
    let mut sgd = Sgd::new(1.0).accumulate(2);
    sgd.step(&model, gradients(100.0)).unwrap();
    model.freeze();
    sgd.step(&model, Gradients::default()).unwrap();
    model.unfreeze();
    sgd.step(&model, gradients(1.0)).unwrap();
    sgd.step(&model, gradients(1.0)).unwrap();
    assert_eq!(numbers(model.kernel()), [-1.0]);
}
