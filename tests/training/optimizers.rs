//! Optimizers at work: resuming, accumulating, averaging and scheduling, in a loop of one's own and in `fit`.

use gradus::constraints::NonNegative;
use gradus::ndarray::{Array2, array};
use gradus::optimizers::schedules::*;
use gradus::optimizers::*;
use gradus::optimizers::{State, Step};
use gradus::prelude::*;
use gradus::saving::Snapshot;

fn data() -> (Array2<Float>, Array2<Float>) {
    let x = Array2::from_shape_fn((16, 3), |(i, j)| ((i * 3 + j) as Float).sin());
    let y = x.map_axis(ndarray::Axis(1), |row| row[0] * 2.0 - row[1] + 0.5).insert_axis(ndarray::Axis(1));
    (x, y)
}

fn network() -> Sequential {
    let model = Sequential::new().add(Dense::new(8).activation(Tanh)).add(Dense::new(1));
    model.forward(&Tape::inference().seed(3).input(data().0)).unwrap();
    model
}

/// A step along the loss of some of the examples.
fn step(model: &Sequential, stepper: &mut Stepper, examples: std::ops::Range<usize>) -> Result<()> {
    let (x, y) = data();
    let rows = |x: &Array2<Float>| x.slice(ndarray::s![examples.clone(), ..]).to_owned();
    let prediction = model.forward(&Tape::training().input(rows(&x)))?;
    stepper.step(model, MeanSquaredError.loss(&prediction, &rows(&y).into_tensor())?.backward()?)
}

fn bits(model: &impl Layer) -> Vec<u64> {
    let values = model.parameters().into_iter().flat_map(|(_, param)| param.value());
    values.flat_map(|value| value.iter().map(|x| f64::from(*x).to_bits()).collect::<Vec<_>>()).collect()
}

/// Another model with the same weights.
fn copy(model: &Sequential) -> Sequential {
    let copy = network();
    for ((_, to), (_, from)) in copy.parameters().iter().zip(model.parameters()) {
        to.set(from.value().unwrap()).unwrap();
    }
    copy
}

type Make = fn() -> Stepper;

/// Every optimizer, and everything that the stepper remembers.
fn all() -> Vec<(&'static str, Make)> {
    vec![
        ("Sgd", || Sgd::new(0.1).into()),
        ("Momentum", || Momentum::new(0.1).nesterov(true).into()),
        ("Momentum without rate", || Momentum::new(0.1).rate_in_velocity(false).dampening(0.5).into()),
        ("Adam", || Adam::new(0.1).into()),
        ("AMSGrad", || Adam::new(0.1).amsgrad(true).into()),
        ("AdamW", || AdamW::new(0.1).into()),
        ("Adamax", || Adamax::new(0.1).into()),
        ("Nadam", || Nadam::new(0.1).into()),
        ("RAdam", || RAdam::new(0.1).into()),
        ("RmsProp", || RmsProp::new(0.1).into()),
        ("RmsProp with all", || RmsProp::new(0.1).centered(true).momentum(0.5).into()),
        ("Adagrad", || Adagrad::new(0.1).into()),
        ("Adadelta", || Adadelta::new(1.0).into()),
        ("Lion", || Lion::new(0.01).into()),
        ("Lamb", || Lamb::new(0.1).into()),
        ("Adafactor", || Adafactor::new(0.1).into()),
        ("Muon", || Muon::new(0.1).exclude("dense_1*").into()),
        ("schedule", || Adam::default().schedule(CosineDecay::new(0.1, 20).warm_up(3)).clip(Clip::GlobalNorm(0.5))),
        ("average", || Adam::new(0.1).average(MovingAverage::new(0.8).ema_overwrite_frequency(4))),
        ("lookahead", || RAdam::new(0.1).lookahead(Lookahead::new(3, 0.5))),
        ("accumulate", || Lamb::new(0.1).accumulate(3).weight_decay(0.1).group("*.bias", Group::new().rate(0.1))),
    ]
}

#[test]
fn ten_steps_are_five_and_five_bit_for_bit() {
    for (name, make) in all() {
        let model = network();
        let mut whole = make();
        (0..5).for_each(|_| step(&model, &mut whole, 0..16).unwrap());
        let (resumed_model, state) = (copy(&model), whole.state(&model));
        let mut resumed = make();
        resumed.restore(&resumed_model, &state).unwrap();
        assert_eq!(resumed.state(&resumed_model), state, "{name}");
        let before = bits(&model);
        for (model, stepper) in [(&model, &mut whole), (&resumed_model, &mut resumed)] {
            (0..5).for_each(|_| step(model, stepper, 0..16).unwrap());
        }
        assert_eq!(bits(&model), bits(&resumed_model), "{name}");
        assert_eq!(resumed.state(&resumed_model), whole.state(&model), "{name}");
        assert_ne!(bits(&model), before, "{name}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (x, y) = data();
    for (name, make) in all() {
        let run = |threads: usize| {
            let mut trainer = network().compile(make(), MeanSquaredError).threads(threads);
            trainer.fit(&(&x, &y), Fit::epochs(3).batch_size(4).progress(false)).unwrap();
            bits(&trainer.model)
        };
        assert_eq!(run(1), run(3), "{name}");
    }
}

#[test]
fn every_optimizer_comes_closer() {
    for (name, make) in all() {
        let (x, y) = data();
        let mut trainer = network().compile(make(), MeanSquaredError);
        let history = trainer.fit(&(&x, &y), Fit::epochs(30).batch_size(8).progress(false)).unwrap();
        let losses = history.get("loss");
        assert!(losses[29] < 0.7 * losses[0], "{name}: {} {}", losses[0], losses[29]);
    }
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let (small, large) = (network(), network());
    let (mut in_parts, mut at_once) = (Adam::new(0.1).accumulate(4), Stepper::new(Adam::new(0.1)));
    for _ in 0..5 {
        (0..4).for_each(|part| step(&small, &mut in_parts, 4 * part..4 * part + 4).unwrap());
        step(&large, &mut at_once, 0..16).unwrap();
    }
    assert_eq!((in_parts.steps(), in_parts.batches(), at_once.steps()), (5, 20, 5));
    for ((path, a), (_, b)) in small.parameters().iter().zip(large.parameters()) {
        let difference = (&a.value().unwrap() - &b.value().unwrap()).mapv(Float::abs);
        assert!(difference.iter().all(|x| *x < 1e-4), "{path}: {difference}");
    }
}

#[test]
fn a_broken_gradient_changes_nothing() {
    for (name, make) in all() {
        let model = network();
        let mut stepper = make();
        (0..4).for_each(|_| step(&model, &mut stepper, 0..16).unwrap());
        let (before, state) = (bits(&model), stepper.state(&model));
        let y = model.forward(&Tape::training().input(data().0)).unwrap();
        let error = stepper.step(&model, (y * Float::NAN).sum().backward().unwrap()).unwrap_err();
        assert!(error.to_string().contains("not finite"), "{error}");
        assert_eq!(bits(&model), before, "{name}");
        assert_eq!(stepper.state(&model).tensors, state.tensors, "{name}");
        assert_eq!(stepper.steps(), state.number("steps").unwrap() as u32);
    }
}

#[test]
fn groups_have_their_own_rate_and_decay() {
    let model = network();
    let before = bits(&model);
    let groups = Sgd::new(0.1).weight_decay(0.5).group("dense.*", Group::new().rate(0.0));
    step(&model, &mut groups.group("*.bias", Group::new().weight_decay(0.0)), 0..16).unwrap();
    let after = bits(&model);
    assert_eq!(before[..32], after[..32]);
    assert!(before[32..].iter().zip(&after[32..]).all(|(a, b)| a != b));
}

/// Writes down the rate after each batch, and halves it after the third one.
struct Halve<'a>(&'a mut Vec<Float>);

impl Callback for Halve<'_> {
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let rate = run.optimizer.learning_rate().unwrap_or(Float::NAN);
        self.0.push(rate);
        if self.0.len() == 3 { run.optimizer.set_learning_rate(rate / 2.0) } else { Ok(()) }
    }
}

#[test]
fn a_rate_set_by_hand_scales_the_rest_of_the_schedule() {
    let (x, y) = data();
    let mut rates = Vec::new();
    let mut trainer = network().compile(Sgd::default().schedule(StepDecay::new(0.4, 2, 0.5)), MeanSquaredError);
    assert_eq!(trainer.optimizer().learning_rate(), Some(0.4));
    trainer.fit(&(&x, &y), Fit::epochs(2).batch_size(4).progress(false).callback(Halve(&mut rates))).unwrap();
    assert_eq!(rates, [0.4, 0.4, 0.2, 0.1, 0.05, 0.05, 0.025, 0.025]);
}

#[test]
fn averages_are_what_fit_validates_and_leaves() {
    let (x, y) = data();
    let mut trainer = network().compile(Adam::new(0.1).average(MovingAverage::new(0.9)), MeanSquaredError);
    let fit = Fit::epochs(3).batch_size(4).progress(false);
    let data = (&x, &y);
    let history = trainer.fit(&data, fit.validation(&data)).unwrap();
    assert_eq!(trainer.evaluate(&data).unwrap()["loss"], history.last().unwrap()["val_loss"]);
    trainer.fit(&data, Fit::epochs(1).progress(false)).unwrap();

    let model = network();
    let mut stepper = Sgd::new(0.1).average(MovingAverage::new(0.5));
    let kernel = model.parameters()[0].1.clone();
    step(&model, &mut stepper, 0..16).unwrap();
    let first = kernel.value().unwrap();
    step(&model, &mut stepper, 0..16).unwrap();
    let second = kernel.value().unwrap();
    stepper.swap_averages(&model);
    assert_eq!(kernel.value().unwrap(), &first * 0.5 + &second * 0.5);
    let error = step(&model, &mut stepper, 0..16).unwrap_err().to_string();
    assert_eq!(error, "the model holds its averages; call `swap_averages` again before the next step");
    stepper.swap_averages(&model);
    assert_eq!(kernel.value().unwrap(), second);
}

#[test]
fn lbfgs_goes_on_where_it_was() {
    let (x, y) = data();
    let loss = |model: &Sequential| {
        let prediction = model.forward(&Tape::training().input(&x))?;
        MeanSquaredError.loss(&prediction, &(&y).into_tensor())
    };
    let model = network();
    let mut whole = Lbfgs::default().max_iterations(5);
    let first = whole.minimize(&model, || loss(&model)).unwrap();
    let other = copy(&model);
    let mut resumed = Lbfgs::default().max_iterations(5);
    resumed.restore(&whole.state()).unwrap();
    let second = whole.minimize(&model, || loss(&model)).unwrap();
    let same = resumed.minimize(&other, || loss(&other)).unwrap();
    assert_eq!(bits(&model), bits(&other));
    assert!(second.loss == same.loss && second.loss < first.loss && first.iterations == 5, "{first:?} {second:?}");
    assert!(Lbfgs::default().restore(&Snapshot::default()).is_err());
}

/// ONNX's `ai.onnx.preview.training` has one step from given weights, gradients and memory; its operators' backend tests
/// compute these formulas.
#[test]
fn onnx_steps_can_be_said() {
    let (w, g): (Float, Float) = (1.2, -0.94);
    let close = |a: Float, b: Float| assert!((a - b).abs() < 1e-6, "{a} {b}");
    let update = |rule: &dyn Optimizer, step: Step<'_>, memory: &mut [Float]| {
        let (mut weights, mut state) = ([w], State::default());
        match memory {
            [m] => state.slots::<1>(1)[0][0] = *m,
            [m, v] => (state.slots::<2>(1)[0][0], state.slots::<2>(1)[1][0]) = (*m, *v),
            _ => {}
        }
        rule.update(&step, &mut weights, &[g], &mut state);
        memory.iter_mut().enumerate().for_each(|(i, m)| *m = state.slots::<2>(1)[i][0]);
        weights[0]
    };
    // Adam: step 0 corrects nothing.
    let (m, v): (Float, Float) = (1.7, 3.6);
    for step in [0, 3] {
        let mut memory = [m, v];
        let adam = Adam::new(0.1).betas(0.95, 0.1).epsilon(1e-2);
        let new = update(&adam, Step::new(step, 0.1), &mut memory);
        let (m, v) = (0.95 * m + 0.05 * g, 0.1 * v + 0.9 * g * g);
        let power = |x: Float| if step == 0 { 1.0 } else { 1.0 - x.powi(step as i32) };
        close(new, w - 0.1 * power(0.1).sqrt() / power(0.95) * m / (v.sqrt() + 1e-2));
        close(memory[0], m);
        close(memory[1], v);
    }
    // Adagrad: the falling rate is a schedule.
    let mut memory = [2.0];
    let rate = InverseTimeDecay::new(0.1, 1, 0.1).rate(4);
    let new = update(&Adagrad::new(0.1).epsilon(1e-5).epsilon_in_root(false), Step::new(1, rate), &mut memory);
    close(new, w - 0.1 / 1.4 * g / ((2.0 + g * g).sqrt() + 1e-5));
    // Momentum: the velocity has the other sign, and beta is what dampening leaves from the second step on.
    for nesterov in [false, true] {
        let mut memory = [-1.7];
        let rule = Momentum::new(0.1).momentum(0.95).dampening(0.2).rate_in_velocity(false).nesterov(nesterov);
        let new = update(&rule, Step::new(2, 0.1), &mut memory);
        let v = 0.95 * 1.7 + 0.8 * g;
        close(-memory[0], v);
        if !nesterov {
            close(new, w - 0.1 * v);
        }
    }
    let new = update(
        &Momentum::new(0.1).momentum(0.95).rate_in_velocity(false).nesterov(true),
        Step::new(2, 0.1),
        &mut [-1.7],
    );
    close(new, w - 0.1 * (g + 0.95 * (0.95 * 1.7 + g)));
}

#[test]
fn a_constraint_and_a_penalty_are_obeyed() {
    let model = Dense::new(2);
    let x: Array2<Float> = array![[1.0, -2.0]];
    let output = || model.forward(&Tape::training().input(&x));
    output().unwrap();
    model.constrain("kernel", NonNegative).unwrap();
    model.regularize("bias", L2(0.5)).unwrap();
    model.parameters()[1].1.modify(|bias| bias.fill(1.0));
    let mut sgd = Sgd::new(0.1).accumulate(2);
    for _ in 0..2 {
        sgd.step(&model, (output().unwrap() * 0.0).sum().backward().unwrap()).unwrap();
    }
    assert!(model.parameters()[0].1.value().unwrap().iter().all(|w| *w >= 0.0));
    assert_eq!(model.parameters()[1].1.value().unwrap().as_slice(), Some([0.9, 0.9].as_slice()));
}
