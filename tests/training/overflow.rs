//! Steps that would leave weights which are no numbers: none is made.

use gradus::callbacks::StopOnNan;
use gradus::constraints::{MaxNorm, MinMaxNorm, UnitLength};
use gradus::ndarray::{Array1, Array2, ArrayViewMut, IxDyn, arr1, arr2};
use gradus::optimizers::*;
use gradus::optimizers::{State, Step};
use gradus::prelude::*;

fn all() -> Vec<(&'static str, Box<dyn Optimizer>)> {
    vec![
        ("Sgd", Box::new(Sgd::default())),
        ("Momentum", Box::new(Momentum::default())),
        ("Nesterov", Box::new(Momentum::default().nesterov(true).rate_in_velocity(false))),
        ("Adam", Box::new(Adam::default())),
        ("AMSGrad", Box::new(Adam::default().amsgrad(true))),
        ("AdamW", Box::new(AdamW::default())),
        ("Adamax", Box::new(Adamax::default())),
        ("Nadam", Box::new(Nadam::default())),
        ("RAdam", Box::new(RAdam::default())),
        ("RmsProp", Box::new(RmsProp::default())),
        ("centred", Box::new(RmsProp::default().centered(true).momentum(0.9))),
        ("Adagrad", Box::new(Adagrad::default())),
        ("Adadelta", Box::new(Adadelta::default())),
        ("Adafactor", Box::new(Adafactor::default())),
        ("Lamb", Box::new(Lamb::default())),
        ("Lion", Box::new(Lion::default())),
        ("Muon", Box::new(Muon::default())),
    ]
}

/// Two matrices: one with a slope of 1, one with that of the input.
struct Two {
    tame: Param,
    wild: Param,
}

impl Layer for Two {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok((self.tame.on(x, &[2, 2])? + self.wild.on(x, &[2, 2])? * x).sum())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("tame", &self.tame);
        list.add("wild", &self.wild);
    }
}

fn two() -> Two {
    Two { tame: Param::new(Ones), wild: Param::new(Ones) }
}

fn gradients(model: &Two, slope: Float) -> Gradients {
    model.forward(&Tape::training().input(Array2::from_elem((2, 2), slope))).unwrap().backward().unwrap()
}

fn bits(model: &impl Layer) -> Vec<u64> {
    let values = model.parameters().into_iter().flat_map(|(_, param)| param.value().unwrap().into_iter());
    values.map(|x| f64::from(x).to_bits()).collect()
}

fn is_finite(model: &impl Layer) -> bool {
    model.parameters().iter().all(|(_, param)| param.value().unwrap().iter().all(|w| w.is_finite()))
}

/// A step is either made, and leaves finite weights that move again, or refused, and changes nothing at all.
#[test]
fn every_optimizer_makes_a_finite_step_or_none() {
    let slopes = [1e9, 1e15, 1.9e19, 1e25, 1e30, 1e38].map(|slope| slope as Float);
    for (name, optimizer) in all() {
        let mut stepper = Stepper::new(optimizer);
        let model = two();
        stepper.step(&model, gradients(&model, 1.0)).unwrap();
        for slope in slopes {
            let (before, state) = (bits(&model), format!("{:?}", stepper.state(&model).tensors));
            match stepper.step(&model, gradients(&model, slope)) {
                Ok(()) => assert!(is_finite(&model), "{name} at {slope}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("`wild`") && text.contains("as they were"), "{name} at {slope}: {text}");
                    assert_eq!(bits(&model), before, "{name} at {slope}");
                    assert_eq!(format!("{:?}", stepper.state(&model).tensors), state, "{name} at {slope}");
                }
            }
        }
        let before = bits(&model);
        (0..3).for_each(|_| stepper.step(&model, gradients(&model, 1.0)).unwrap());
        assert!(is_finite(&model), "{name}");
        assert_ne!(bits(&model)[..4], before[..4], "{name} stands still");
    }
}

/// The example of the issue: the square of 1.9e19 is no number of 32 bits.
#[cfg(not(float64))]
#[test]
fn adam_refuses_a_gradient_whose_square_overflows() {
    let mut adam = Stepper::new(Adam::default());
    let model = two();
    let error = adam.step(&model, gradients(&model, 1.9e19)).unwrap_err();
    assert!(matches!(&error, Error::StepNotFinite { name, .. } if name == "wild"), "{error}");
    assert_eq!(
        error.to_string(),
        "the step of `wild` was not made: the memory of Adam would overflow, and never let it move again (numbers in its gradient \
         go up to 1.9e19); all weights are as they were before that batch: bring the data to a smaller range, lower the learning \
         rate, or bound the gradients with `Clip`"
    );
    assert_eq!(adam.steps(), 0);
    assert_eq!(
        bits(&model),
        bits(&{
            let other = two();
            gradients(&other, 1.0);
            other
        })
    );
    // Bounded, it is a step like any other.
    let mut clipped = Adam::default().clip(Clip::GlobalNorm(1.0));
    clipped.step(&model, gradients(&model, 1.9e19)).unwrap();
}

#[cfg(not(float64))]
#[test]
fn fit_refuses_a_feature_that_is_far_too_large() {
    let x = arr2(&[[1.7e18, 0.5], [0.1, 0.2], [0.3, 0.4], [0.1, 0.9]]);
    let y = arr1(&[0.0, 1.0, 0.0, 1.0]);
    for stop in [false, true] {
        for early in [false, true] {
            let mut trainer = Dense::new(1).compile(Adam::default(), MeanSquaredError);
            let mut fit = Fit::epochs(5).batch_size(2).progress(false);
            if stop {
                fit = fit.callback(StopOnNan);
            }
            if early {
                fit = fit.callback(EarlyStopping::new("loss"));
            }
            let error = trainer.fit(&(&x, &y), fit).map(|_| ()).unwrap_err();
            assert!(matches!(&error, Error::StepNotFinite { name, .. } if name == "kernel"), "{error}");
            assert!(is_finite(&trainer.model));
        }
    }
}

/// `w ← w / 0` for a gradient of 2.
struct Divides;

impl Optimizer for Divides {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let [count] = state.slots(1);
        count[0] += 1.0;
        weights.iter_mut().zip(grads).for_each(|(w, g)| *w -= step.rate * g / (2.0 - g));
    }
}

#[test]
fn a_rule_of_ones_own_is_taken_back_too() {
    let mut stepper = Stepper::new(Divides);
    let model = two();
    stepper.step(&model, gradients(&model, 3.0)).unwrap();
    let before = bits(&model);
    let error = stepper.step(&model, gradients(&model, 2.0)).unwrap_err().to_string();
    assert!(error.contains("Divides at a rate of 1 would not leave it finite"), "{error}");
    assert_eq!(bits(&model), before);
    assert_eq!(stepper.state(&model).tensors[0].1[0], 1.0);
}

struct Broken;

impl gradus::constraints::Constraint for Broken {
    fn apply(&self, mut weights: ArrayViewMut<Float, IxDyn>) {
        weights.mapv_inplace(|weight| (weight - 1.0).sqrt());
    }
}

#[test]
fn a_constraint_that_makes_no_numbers_is_taken_back() {
    let model = two();
    model.constrain("wild", Broken).unwrap();
    let mut sgd = Stepper::new(Sgd::new(0.1));
    let before = {
        gradients(&model, 1.0);
        bits(&model)
    };
    let error = sgd.step(&model, gradients(&model, 1.0)).unwrap_err();
    assert!(matches!(&error, Error::StepNotFinite { name, .. } if name == "wild"), "{error}");
    assert_eq!(bits(&model), before);
}

/// (3e19, 4e19) has length 5e19, whose square is no number of 32 bits.
#[test]
fn constraints_measure_vectors_whose_squares_overflow() {
    let after = |constraint: &dyn gradus::constraints::Constraint| {
        let mut weights = arr2(&[[3e19 as Float], [4e19]]).into_dyn();
        constraint.apply(weights.view_mut());
        weights.iter().copied().collect::<Vec<_>>()
    };
    let close = |got: Vec<Float>, expected: [Float; 2]| {
        assert!(got.iter().zip(expected).all(|(got, expected)| (got / expected - 1.0).abs() < 1e-6), "{got:?}");
    };
    close(after(&MaxNorm::new(10.0)), [6.0, 8.0]);
    close(after(&UnitLength::new()), [0.6, 0.8]);
    close(after(&MinMaxNorm::new(1.0, 10.0).rate(0.5)), [1.5e19, 2e19]);
}

#[test]
fn large_weights_and_rates_are_taken_back_without_any_gradient_to_blame() {
    for (rate, decay, start) in [(1e30, 0.0, 1e20), (50.0, 100.0, 1e37)] {
        let model = two();
        let mut sgd = Sgd::new(rate).weight_decay(decay);
        gradients(&model, 1.0);
        model.wild.modify(|w| w.fill(start));
        let before = bits(&model);
        match sgd.step(&model, gradients(&model, 1e10)) {
            Ok(()) => assert!(is_finite(&model)),
            Err(error) => {
                assert!(matches!(error, Error::StepNotFinite { .. }));
                assert_eq!(bits(&model), before);
            }
        }
        assert!(is_finite(&model));
    }
}

#[test]
fn a_weight_that_was_not_finite_before_is_said_to_be_so() {
    let model = two();
    gradients(&model, 1.0);
    model.wild.modify(|w| w[0] = Float::NAN);
    let mut adam = Stepper::new(Adam::default());
    let error = adam.step(&model, gradients(&model, 1.0)).unwrap_err().to_string();
    assert!(error.contains("`wild`") && error.contains("it was not finite before"), "{error}");
}

#[test]
fn accumulated_gradients_that_overflow_are_refused_and_forgotten() {
    let model = two();
    let mut sgd = Sgd::new(0.1).accumulate(3);
    let most = Float::MAX * 0.75;
    sgd.step(&model, gradients(&model, most)).unwrap();
    assert!(matches!(sgd.step(&model, gradients(&model, most)), Err(Error::GradientNotFinite { .. })));
    sgd.step(&model, gradients(&model, -most)).unwrap();
    sgd.step(&model, gradients(&model, 3.0)).unwrap();
    assert!((model.wild.value().unwrap()[[0, 0]] - 0.9).abs() < 1e-6);
}

#[test]
fn lbfgs_leaves_the_weights_before_a_step_into_nowhere() {
    let x = Array1::from_elem(2, 1.0);
    for search in [true, false] {
        let model = two();
        gradients(&model, 1.0);
        let before = bits(&model);
        let mut lbfgs = Lbfgs::default().line_search(search).learning_rate(1e30);
        // Downhill for ever.
        let loss = || {
            let tape = Tape::training();
            let ones = tape.input(Array2::from_elem((2, 2), x[0]));
            Ok(model.forward(&ones)?.exp() * -1e30)
        };
        match lbfgs.minimize(&model, loss) {
            Ok(_) => {}
            Err(_) if search => {}
            Err(_) => assert_eq!(bits(&model), before),
        }
        assert!(is_finite(&model), "with a line search: {search}");
    }
}

/// A hundredth of the variance of 1e21 and -1e21 is no number of 32 bits, and the moving one would never be again.
#[cfg(not(float64))]
#[test]
fn statistics_that_overflow_are_refused_with_their_name() {
    let model = Sequential::new().add(BatchNorm::new()).add(Dense::new(1));
    let mut trainer = model.compile(Sgd::default(), MeanSquaredError);
    let (x, y) = (arr2(&[[1e21], [-1e21]]), arr2(&[[0.0], [1.0]]));
    trainer.fit(&(&arr2(&[[1.0], [2.0]]), &y), Fit::epochs(1).progress(false)).unwrap();
    let before = bits(&trainer.model);
    let error = trainer.fit(&(&x, &y), Fit::epochs(1).progress(false)).map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::StepNotFinite { name, .. } if name == "batch_norm.moving_variance"), "{error}");
    assert_eq!(bits(&trainer.model), before);
    let tape = Tape::training();
    trainer.model.forward(&tape.input(&x)).unwrap();
    assert!(tape.commit().is_err());
    assert_eq!(bits(&trainer.model), before);
}
