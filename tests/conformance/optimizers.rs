//! Optimizers in a stepper, schedules, and L-BFGS; `tests/fixtures/optimizers.py` says what is run.

use gradus::optimizers::schedules::*;
use gradus::optimizers::*;
use gradus::prelude::*;

use super::Check;
use super::build::Built;
use super::fixture::{Case, list, number, text};
use super::run::reason;

const STEPS: u32 = 50;
const KEPT: u32 = 10;

/// Numbers between -1 and 1, the same as in Python.
fn noise(seed: u32, shape: &[usize], scale: f32) -> Tensor {
    let mut counter = seed * 1000;
    let mut next = || {
        let mixed = (0..2).fold(counter, |x, _| (x ^ x >> 16).wrapping_mul(0x45d_9f3b));
        counter += 1;
        ((mixed ^ mixed >> 16) >> 8) as f32 / 8_388_608.0 - 1.0
    };
    Tensor::from_shape_simple_fn(shape, || next() * scale)
}

/// The parameters of a run, and no more.
struct Parameters(Vec<(&'static str, Vec<usize>, Param)>);

impl Parameters {
    fn new() -> Self {
        let shapes = [("first.kernel", vec![4, 3]), ("first.bias", vec![3]), ("second.kernel", vec![3, 2])];
        Self(shapes.map(|(path, shape)| (path, shape, Param::new(Zeros))).into())
    }

    /// A loss with these gradients.
    fn loss(&self, step: u32) -> Result<Var> {
        let tape = Tape::training();
        let zero = tape.input(0.0 as Float);
        let mut sum = zero.clone();
        for (i, (_, shape, param)) in (0..).zip(&self.0) {
            sum = sum + (param.on(&zero, shape)? * tape.input(noise(1000 + 10 * step + i, shape, 1.0))).sum();
        }
        Ok(sum)
    }
}

impl Layer for Parameters {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(x.clone())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.0.iter().for_each(|(path, _, param)| list.add(path, param));
    }
}

/// The weights after each ten of fifty steps.
pub fn stepper(case: &Case) -> Built<Vec<Check>> {
    let model = Parameters::new();
    for (i, (_, shape, param)) in (0..).zip(&model.0) {
        param.set(noise(100 + i, shape, 0.5)).map_err(reason)?;
    }
    let accumulate = case.number("accumulate", 1.0) as u32;
    let mut stepper = settings(case, optimizer(case)?)?.accumulate(accumulate);
    let mut after = vec![Vec::new(); model.0.len()];
    for batch in 0..STEPS * accumulate {
        let gradients = model.loss(batch).and_then(|loss| loss.backward()).map_err(reason)?;
        stepper.step(&model, gradients).map_err(reason)?;
        if (batch + 1) % (KEPT * accumulate) == 0 {
            let shows_average = case.settings["shown"] == "average";
            if shows_average {
                stepper.swap_averages(&model);
            }
            for (after, (_, _, param)) in after.iter_mut().zip(&model.0) {
                after.extend(param.value().ok_or("no value")?.iter().copied());
            }
            if shows_average {
                stepper.swap_averages(&model);
            }
        }
    }
    let check = |((path, ..), after): (&(&str, Vec<usize>, Param), Vec<f32>)| {
        let what = format!("after/{path}");
        Check::new(what.clone(), &after, case.shape(&what).unwrap_or_default(), case)
    };
    Ok(model.0.iter().zip(after).map(check).collect())
}

/// What the case puts around its optimizer.
fn settings(case: &Case, optimizer: Box<dyn Optimizer>) -> Built<Stepper> {
    let present = |key: &str| !case.settings[key].is_null();
    let rate = case.number("learning_rate", Float::NAN);
    let mut stepper = Stepper::new(optimizer);
    if case.settings["schedule"] == true {
        stepper = stepper.schedule(InverseTimeDecay::new(rate, 10, 0.5));
    }
    if present("weight_decay") {
        stepper = stepper.weight_decay(case.number("weight_decay", 0.0));
    }
    let bound = case.number("bound", Float::NAN);
    match text(&case.settings["clip"]) {
        "Value" => stepper = stepper.clip(Clip::Value(bound)),
        "Norm" => stepper = stepper.clip(Clip::Norm(bound)),
        "GlobalNorm" => stepper = stepper.clip(Clip::GlobalNorm(bound)),
        "" => {}
        other => return Err(format!("no clip `{other}`")),
    }
    for group in list(&case.settings["groups"]) {
        let mut own = Group::new();
        if !group[1].is_null() {
            own = own.rate(number(&group[1], 1.0));
        }
        if !group[2].is_null() {
            own = own.weight_decay(number(&group[2], 0.0));
        }
        stepper = stepper.group(text(&group[0]), own);
    }
    if present("average") {
        let average = MovingAverage::new(case.number("average", 0.0));
        stepper = stepper.average(match present("overwrite_every") {
            true => average.ema_overwrite_frequency(case.number("overwrite_every", 0.0) as u32),
            false => average,
        });
    }
    if let [steps, rate] = list(&case.settings["lookahead"]) {
        stepper = stepper.lookahead(Lookahead::new(number(steps, 0.0) as u32, number(rate, 0.0)));
    }
    Ok(stepper)
}

/// The case's optimizer; settings that it does not mention keep gradus' defaults.
pub fn optimizer(case: &Case) -> Built<Box<dyn Optimizer>> {
    let or = |key: &str, usual: Float| case.number(key, usual);
    let flag = |key: &str, usual: bool| case.settings[key].as_bool().unwrap_or(usual);
    let rate = |usual: Float| or("learning_rate", usual);
    /// Optimizers with a setter for each of these.
    macro_rules! with {
        ($name:ident, $($setter:ident),*) => {{
            let usual = $name::default();
            let rule = $name::new(rate(usual.learning_rate));
            Box::new(rule$(.$setter(or(stringify!($setter), usual.$setter)))*)
        }};
    }
    let adam = || {
        let usual = Adam::default();
        let adam = Adam::new(rate(usual.learning_rate)).betas(or("beta_1", usual.beta_1), or("beta_2", usual.beta_2));
        adam.epsilon(or("epsilon", usual.epsilon)).amsgrad(flag("amsgrad", false))
    };
    Ok(match text(&case.settings["optimizer"]) {
        "Sgd" => with!(Sgd,),
        "Momentum" => {
            let rule = *with!(Momentum, momentum, dampening);
            Box::new(rule.nesterov(flag("nesterov", false)).rate_in_velocity(flag("rate_in_velocity", true)))
        }
        "Adam" => Box::new(adam()),
        "AdamW" => Box::new(AdamW::from(adam())),
        "Adamax" => with!(Adamax, beta_1, beta_2, epsilon),
        "Nadam" => with!(Nadam, beta_1, beta_2, epsilon),
        "RAdam" => with!(RAdam, beta_1, beta_2, epsilon),
        "RmsProp" => {
            let rule = *with!(RmsProp, rho, momentum, epsilon);
            Box::new(rule.centered(flag("centered", false)).epsilon_in_root(flag("epsilon_in_root", true)))
        }
        "Adagrad" => {
            let rule = *with!(Adagrad, epsilon);
            let initial = or("initial_accumulator_value", rule.initial_accumulator_value);
            Box::new(rule.initial_accumulator_value(initial).epsilon_in_root(flag("epsilon_in_root", true)))
        }
        "Adadelta" => with!(Adadelta, rho, epsilon),
        "Lion" => with!(Lion, beta_1, beta_2),
        "Lamb" => with!(Lamb, beta_1, beta_2, epsilon),
        "Adafactor" => with!(Adafactor, beta_2_decay, epsilon_2, clip_threshold),
        "Muon" => {
            let rule = *with!(Muon, momentum, weight_decay);
            let rule = rule.ns_steps(or("ns_steps", 5.0) as u32).rms_rate(Some(or("rms_rate", 0.2)));
            let rule = rule.nesterov(flag("nesterov", true));
            Box::new(case.settings["exclude"].as_str().into_iter().fold(rule, Muon::exclude))
        }
        other => return Err(format!("no optimizer `{other}`")),
    })
}

/// The rates of a thousand steps.
pub fn schedule(case: &Case) -> Built<Vec<Check>> {
    let or = |key: &str, usual: Float| case.number(key, usual);
    let flag = |key: &str| case.settings[key] == true;
    let (rate, steps) = (or("rate", Float::NAN), or("steps", 0.0) as u32);
    let (factor, alpha) = (or("factor", Float::NAN), or("alpha", 0.0));
    let steps_of = |key: &str| whole_numbers(case, key);
    Ok(match text(&case.settings["schedule"]) {
        "constant" => rates(case, rate),
        "StepDecay" => rates(case, StepDecay::new(rate, steps, factor)),
        "MultiStepDecay" => rates(case, MultiStepDecay::new(rate, steps_of("boundaries"), factor)),
        "PiecewiseConstantDecay" => {
            let values: Vec<Float> = list(&case.settings["values"]).iter().map(|x| number(x, Float::NAN)).collect();
            rates(case, PiecewiseConstantDecay::new(steps_of("boundaries"), values))
        }
        "ExponentialDecay" => rates(case, ExponentialDecay::new(rate, steps, factor).staircase(flag("staircase"))),
        "InverseTimeDecay" => rates(case, InverseTimeDecay::new(rate, steps, factor).staircase(flag("staircase"))),
        "PolynomialDecay" => {
            let schedule = PolynomialDecay::new(rate, steps)
                .end_learning_rate(or("end", Float::NAN))
                .power(or("power", Float::NAN));
            rates(case, schedule.cycle(flag("cycle")))
        }
        "CosineDecay" => rates(case, CosineDecay::new(rate, steps).alpha(alpha)),
        "CosineDecayRestarts" => {
            let schedule = CosineDecayRestarts::new(rate, steps).alpha(alpha);
            rates(case, schedule.t_mul(or("time_factor", 2.0)).m_mul(or("rate_factor", 1.0)))
        }
        "Noam" => rates(case, Noam::new(or("units", 0.0) as u32, steps).factor(factor)),
        "OneCycle" => {
            let schedule = OneCycle::new(rate, steps).rise(or("rise", 0.3)).linear(flag("linear"));
            let schedule = schedule.three_phases(flag("three_phases"));
            rates(case, schedule.start_divisor(or("start_divisor", 25.0)).end_divisor(or("end_divisor", 1e4)))
        }
        "chained" => rates(case, StepDecay::new(rate, 150, 0.5).times(ExponentialDecay::new(1.0, 1, 0.999))),
        "sequential" => rates(case, (0.25 * rate).then(300, ExponentialDecay::new(rate, 1, 0.99))),
        other => return Err(format!("no schedule `{other}`")),
    })
}

fn rates(case: &Case, schedule: impl Schedule + 'static) -> Vec<Check> {
    fn check(case: &Case, schedule: impl Schedule) -> Vec<Check> {
        schedule.check(Some(1000)).expect("settings that make sense");
        vec![Check::new("rates", &schedule.curve(1000), &[1000], case)]
    }
    match case.number("warm_up", 0.0) as u32 {
        0 => check(case, schedule),
        steps => check(case, schedule.warm_up(steps).start(case.number("start", 0.0))),
    }
}

fn whole_numbers(case: &Case, key: &str) -> Vec<u32> {
    list(&case.settings[key]).iter().map(|size| number(size, 0.0) as u32).collect()
}

/// Where each call of L-BFGS gets to.
pub fn lbfgs(case: &Case) -> Built<Vec<Check>> {
    let x = Param::new(Zeros);
    x.set(case.tensor("start")).map_err(reason)?;
    let model = Single(x);
    let function = text(&case.settings["function"]);
    let setting = |key: &str, usual: f32| case.number(key, usual);
    let mut lbfgs = Lbfgs::default()
        .learning_rate(setting("lr", 1.0))
        .max_iterations(setting("max_iter", 0.0) as usize)
        .max_evaluations(Some(setting("max_eval", 0.0) as usize))
        .history(setting("history_size", 100.0) as usize)
        .line_search(text(&case.settings["line_search_fn"]) == "strong_wolfe");
    let (mut after, mut losses) = (Vec::new(), Vec::new());
    for _ in 0..case.numbers("losses").len() {
        let minimum = lbfgs.minimize(&model, || model.loss(function)).map_err(reason)?;
        after.extend(model.0.value().ok_or("no value")?.iter().copied());
        losses.push(minimum.loss as f32);
    }
    let shape = case.shape("after").unwrap_or_default();
    Ok(vec![Check::new("after", &after, shape, case), Check::new("losses", &losses, &[losses.len()], case)])
}

/// Two numbers to be found.
struct Single(Param);

impl Single {
    fn loss(&self, function: &str) -> Result<Var> {
        let tape = Tape::training();
        let x = self.0.on(&tape.input(0.0 as Float), &[2])?;
        let [a, b] = [x.slice(0, 0..1)?, x.slice(0, 1..2)?];
        Ok(match function {
            "bowl" => (&a - 1.0).square() + (&b + 2.0).square() * 3.0 + &a * &b,
            _ => (1.0 - &a).square() + (&b - a.square()).square() * 10.0,
        }
        .sum())
    }
}

impl Layer for Single {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(x.clone())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("x", &self.0);
    }
}
