//! Settings of optimizers, schedules and steppers that make no sense, and memory that does not fit.

use gradus::optimizers::schedules::*;
use gradus::optimizers::*;
use gradus::prelude::*;
use gradus::saving::Snapshot;

use super::{classifier, examples, message, quiet};

/// The error of `fit` with this optimizer.
fn fit(optimizer: impl Into<Stepper>) -> String {
    let mut trainer = classifier().compile(optimizer, SparseCrossEntropy::default());
    message(trainer.fit(&examples(), quiet()))
}

#[test]
fn settings_of_optimizers() {
    let rate = |who: &str, got: &str| {
        format!("{who}: expected a learning rate of at least 0, got {got}; 0.001 is a usual start")
    };
    assert_eq!(fit(AdamW::new(-1.0)), rate("AdamW", "-1"));
    assert_eq!(fit(Adamax::new(Float::NAN)), rate("Adamax", "NaN"));
    assert_eq!(fit(Nadam::new(-1.0)), rate("Nadam", "-1"));
    assert_eq!(fit(RAdam::new(-1.0)), rate("RAdam", "-1"));
    assert_eq!(fit(RmsProp::new(Float::INFINITY)), rate("RmsProp", "inf"));
    assert_eq!(fit(Adagrad::new(-1.0)), rate("Adagrad", "-1"));
    assert_eq!(fit(Adadelta::new(-1.0)), rate("Adadelta", "-1"));
    assert_eq!(fit(Lion::new(-1.0)), rate("Lion", "-1"));
    assert_eq!(fit(Lamb::new(-1.0)), rate("Lamb", "-1"));
    assert_eq!(fit(Adafactor::new(-1.0)), rate("Adafactor", "-1"));
    assert_eq!(fit(Muon::new(-1.0)), rate("Muon", "-1"));

    let factor = |who: &str, name: &str, got: &str| {
        format!("{who}: expected {name} in 0..1 (1 excluded), got {got}; 0.9 is usual")
    };
    assert_eq!(fit(AdamW::default().betas(0.9, 1.0)), factor("AdamW", "beta_2", "1"));
    assert_eq!(fit(Nadam::default().beta_1(-0.5)), factor("Nadam", "beta_1", "-0.5"));
    assert_eq!(fit(RmsProp::default().rho(2.0)), factor("RmsProp", "rho", "2"));
    assert_eq!(fit(Adadelta::default().rho(Float::NAN)), factor("Adadelta", "rho", "NaN"));
    assert_eq!(fit(Lion::default().beta_2(1.5)), factor("Lion", "beta_2", "1.5"));
    assert_eq!(fit(Muon::default().momentum(1.0)), factor("Muon", "momentum", "1"));
    assert_eq!(fit(Momentum::default().dampening(1.0)), factor("Momentum", "dampening", "1"));

    assert_eq!(fit(Lamb::default().epsilon(0.0)), "Lamb: expected epsilon above 0, got 0; 1e-7 is usual");
    assert_eq!(
        fit(Adagrad::default().initial_accumulator_value(-1.0)),
        "Adagrad: expected an initial sum of at least 0, got -1; 0.1 is usual"
    );
    assert_eq!(
        fit(AdamW::default().weight_decay(-1.0)),
        "AdamW: expected a weight decay of at least 0, got -1; 0.004 is usual"
    );
    assert_eq!(
        fit(Adafactor::default().beta_2_decay(0.5)),
        "Adafactor: expected beta_2_decay of at most 0, got 0.5; -0.8 is usual"
    );
    assert_eq!(
        fit(Muon::default().ns_steps(1000)),
        "Muon: expected at most 100 steps of Newton and Schulz with finite coefficients, got 1000 with [3.4445, -4.775, \
         2.0315]; 5 with [3.4445, -4.775, 2.0315] are usual"
    );
    assert!(
        fit(Muon::default().exclude("embedding*")).starts_with("no parameter matches `embedding*`; the parameters are")
    );
}

#[test]
fn settings_of_a_stepper() {
    assert_eq!(fit(Sgd::default().clip(Clip::Norm(0.0))), "Clip: expected a norm above 0, got 0; 1e-7 is usual");
    assert_eq!(
        fit(Sgd::default().clip(Clip::Value(Float::NAN))),
        "Clip: expected a value above 0, got NaN; 1e-7 is usual"
    );
    assert_eq!(
        fit(Sgd::default().weight_decay(Float::NAN)),
        "Stepper: expected a weight decay of at least 0, got NaN; 0 stands for none"
    );
    assert_eq!(
        fit(Sgd::default().accumulate(0)),
        "Stepper: expected a number of batches to accumulate of at least 1, got 0"
    );
    assert_eq!(
        fit(Sgd::default().average(MovingAverage::new(1.0))),
        "MovingAverage: expected ema_momentum in 0..1 (1 excluded), got 1; 0.9 is usual"
    );
    assert_eq!(
        fit(Sgd::default().average(MovingAverage::new(0.9).ema_overwrite_frequency(0))),
        "MovingAverage: expected ema_overwrite_frequency of at least 1, got 0"
    );
    assert_eq!(fit(Sgd::default().lookahead(Lookahead::new(0, 0.5))), "Lookahead: expected steps of at least 1, got 0");
    assert_eq!(
        fit(Sgd::default().lookahead(Lookahead::new(6, 1.5))),
        "Lookahead: expected a rate above 0 and at most 1, got 1.5; 0.5 is usual"
    );
    assert_eq!(
        fit(Sgd::default().group("*bias", Group::new().rate(-1.0))),
        "the group `*bias`: expected a factor of the rate of at least 0, got -1; 1 changes nothing"
    );
    assert_eq!(
        fit(Sgd::default().group("conv*", Group::new())),
        "no parameter matches `conv*`; the parameters are: dense.kernel, dense.bias, dense_1.kernel, dense_1.bias"
    );
}

/// The error of `fit` for six steps with this schedule.
fn scheduled(schedule: impl Schedule + 'static) -> String {
    fit(Sgd::default().schedule(schedule))
}

#[test]
fn settings_of_schedules() {
    assert_eq!(scheduled(CosineDecay::new(0.1, 0)), "CosineDecay: expected at least 1 step, got 0");
    assert_eq!(
        scheduled(StepDecay::new(0.1, 5, -1.0)),
        "StepDecay: expected a factor of at least 0, got -1; 0.1 is usual"
    );
    assert_eq!(
        scheduled(ExponentialDecay::new(Float::NAN, 5, 1.0)),
        "ExponentialDecay: expected a learning rate of at least 0, got NaN; 0.001 is a usual start"
    );
    assert_eq!(
        scheduled(MultiStepDecay::new(0.1, [3, 2], 0.5)),
        "MultiStepDecay: expected steps that rise, got [3, 2]"
    );
    assert_eq!(
        scheduled(PiecewiseConstantDecay::new([3], [0.1])),
        "PiecewiseConstantDecay: expected one value more than boundaries, got 1 for 1"
    );
    assert_eq!(
        scheduled(CosineDecayRestarts::new(0.1, 5).t_mul(0.5)),
        "CosineDecayRestarts: expected a time factor of at least 1, got 0.5; 2 is usual"
    );
    assert_eq!(scheduled(OneCycle::new(0.1, 1)), "OneCycle: expected at least 2 steps, got 1");
    assert_eq!(
        scheduled(OneCycle::new(0.1, 5)),
        "OneCycle: the run has 6 steps, more than the 5 of the cycle; make it as long as the run"
    );
    assert_eq!(
        scheduled(OneCycle::new(0.1, 9).rise(2.0)),
        "OneCycle: expected a rise from 0 to 1, got 2; 0.3 is usual"
    );
    assert_eq!(scheduled(Noam::new(0, 5)), "Noam's units: expected at least 1 step, got 0");
    assert_eq!(
        scheduled((0.1 as Float).warm_up(7)),
        "WarmUp: the run has 6 steps, fewer than the 7 of the warm-up; shorten it, or train for longer"
    );
    assert_eq!(
        scheduled((0.1 as Float).warm_up(3).start(-1.0)),
        "WarmUp: expected a learning rate of at least 0, got -1; 0.001 is a usual start"
    );
    assert_eq!(
        scheduled(|step| if step < 2 { 0.1 } else { Float::NAN }),
        "the schedule gave the rate NaN in step 2, counted from 0; expected one of at least 0"
    );
    struct NoRate;
    impl Optimizer for NoRate {
        fn update(
            &self,
            _: &gradus::optimizers::Step<'_>,
            _: &mut [Float],
            _: &[Float],
            _: &mut gradus::optimizers::State,
        ) {
        }
    }
    assert_eq!(
        fit(NoRate.schedule(0.1)),
        "this optimizer has no learning rate that a schedule could set; implement `Optimizer::learning_rate`"
    );
}

/// No setting of a schedule makes its curve panic.
#[test]
fn curves_of_nonsense() {
    for x in [0.0, -1.0, Float::NAN, Float::INFINITY, 1e30] {
        for steps in [0, 1, u32::MAX] {
            let curve = |schedule: &dyn Schedule| {
                let _ = (schedule.curve(3), schedule.rate(u32::MAX), schedule.check(Some(3)), schedule.check(None));
            };
            curve(&StepDecay::new(x, steps, x));
            curve(&MultiStepDecay::new(x, [steps, 1, 1], x));
            curve(&PiecewiseConstantDecay::new([steps, 1], [x]));
            curve(&ExponentialDecay::new(x, steps, x).staircase(true));
            curve(&InverseTimeDecay::new(x, steps, x));
            curve(&PolynomialDecay::new(x, steps).end_learning_rate(x).power(x).cycle(true));
            curve(&CosineDecay::new(x, steps).alpha(x));
            curve(&CosineDecayRestarts::new(x, steps).t_mul(x).m_mul(x).alpha(x));
            curve(&Noam::new(steps, steps).factor(x));
            curve(&OneCycle::new(x, steps).rise(x).start_divisor(x).end_divisor(x).three_phases(true));
            curve(&x.warm_up(steps).start(x).then(steps, x).times(x));
        }
    }
}

#[test]
fn memory_that_does_not_fit() {
    let model = Dense::new(2);
    let output = || model.forward(&Tape::training().input(ndarray::arr2(&[[1.0, 2.0]])));
    let mut adam = Stepper::new(Adam::default());
    adam.step(&model, output().unwrap().sum().backward().unwrap()).unwrap();
    let state = adam.state(&model);
    let refused = |change: &dyn Fn(&mut Snapshot)| {
        let mut state = state.clone();
        change(&mut state);
        let mut fresh = Stepper::new(Adam::default());
        let text = message(fresh.restore(&model, &state));
        assert_eq!(fresh.steps(), 0);
        text.strip_prefix("the state does not fit this stepper: ").map(String::from).unwrap_or(text)
    };
    assert_eq!(refused(&|state| state.texts[0].1 = "Lion".into()), "it is of the optimizer Lion, but this one is Adam");
    assert_eq!(refused(&|state| state.numbers[0].1 = vec![0.5]), "expected a whole number `steps` below 2^32, got 0.5");
    assert_eq!(refused(&|state| state.numbers[0].1 = vec![-1.0]), "expected a number `steps` of at least 0, got -1");
    assert_eq!(refused(&|state| state.numbers.clear()), "expected a number `steps` of at least 0, got none");
    assert_eq!(
        refused(&|state| state.numbers.push(("schedule.rate".into(), vec![1.0]))),
        "it has a schedule, but this stepper has none; give it the same one"
    );
    assert_eq!(
        refused(&|state| state.tensors[0].0 = "kernels/optimizer.0".into()),
        "`kernels/optimizer.0` belongs to no parameter of this model"
    );
    assert_eq!(
        refused(&|state| state.tensors[0].0 = "kernel/optimizer.7".into()),
        "`kernel/optimizer.7` is not known, or not in order"
    );
    assert_eq!(
        refused(&|state| state.tensors[1].1 = Tensor::zeros([3].as_slice())),
        "for `kernel`, the optimizer's slots have [4, 3] numbers, expected [4, 4]"
    );
    assert_eq!(
        refused(&|state| state.tensors.push(("bias/average".into(), Tensor::zeros([3].as_slice())))),
        "for `bias`, `average` has 3 numbers, expected 2"
    );
    assert_eq!(
        message(Stepper::new(Adam::default()).restore(&Dense::new(2), &state)),
        "the state does not fit this stepper: for `kernel`, the parameter has no value yet; load it, or make a forward pass"
    );
}

#[test]
fn minimizing_what_cannot_be() {
    let model = Dense::new(1);
    let output = || model.forward(&Tape::training().input(ndarray::arr2(&[[1.0]])));
    assert_eq!(
        message(Lbfgs::default().learning_rate(-1.0).minimize(&model, || Ok(output()?.sum()))),
        "Lbfgs: expected a learning rate of at least 0, got -1; 0.001 is a usual start"
    );
    assert_eq!(
        message(Lbfgs::default().minimize(&model, || Ok((output()? * Float::NAN).sum()))),
        "Lbfgs: expected a finite loss and gradient to begin with, got the loss inf; look at the data, or begin with other \
         weights"
    );
    let constant = || Ok(Tape::training().input(ndarray::arr1(&[1.0 as Float])).sum());
    assert!(message(Lbfgs::default().minimize(&model, constant)).contains("no gradient"));
    // A loss without a minimum comes to an end, and one that ends where numbers do stays before that.
    assert!(Lbfgs::default().minimize(&model, || Ok(output()?.sum())).unwrap().loss.is_finite());
    let root = || Ok((1.0 - output()?).ln().sum());
    model.parameters()[0].1.modify(|w| w.fill(0.5));
    assert!(Lbfgs::default().minimize(&model, root).is_ok());
}
