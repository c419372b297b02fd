//! Runs a case of each kind.

use gradus::optimizers::{State, Step};
use gradus::prelude::*;

use super::build::{self, Built};
use super::fixture::{Case, numbers, sizes, text};
use super::{Check, attention, data, losses, metrics, optimizers, random, recurrent, sampling, structure, tuning};

/// Rounding errors of 20 steps add up, and Adam enlarges them.
pub const TRAINING: f64 = 1e-4;

pub fn run(case: &Case) -> Built<Vec<Check>> {
    match case.kind() {
        "layer" => layer(case),
        "loss" => losses::loss(case),
        "optimizer" => optimizer(case),
        "training" => training(case),
        "dropout" => random::dropout(case),
        "coin" => random::coin(case),
        "initializer" => random::initializer(case),
        "recurrent" => recurrent::run(case),
        "metric" => metrics::metric(case),
        "confusion" => metrics::confusion(case),
        "bleu" => metrics::bleu(case),
        "frechet" => metrics::frechet(case),
        "merge" => structure::merge(case),
        "sampling" => sampling::run(case),
        "penalty" => structure::penalty(case),
        "constraint" => structure::constraint(case),
        "stepper" => optimizers::stepper(case),
        "schedule" => optimizers::schedule(case),
        "lbfgs" => optimizers::lbfgs(case),
        "functional" => structure::functional(case),
        "normalization" => data::normalization(case),
        "vectorization" => data::vectorization(case),
        "padding" => data::padding(case),
        "attention" => attention::run(case),
        "lora" => tuning::lora(case),
        other => Err(format!("no kind of case `{other}`")),
    }
}

/// An error of gradus as the reason why a case failed.
pub fn reason(error: gradus::Error) -> String {
    error.to_string()
}

/// Output, gradients of the input and of each parameter, and the state after the pass.
fn layer(case: &Case) -> Built<Vec<Check>> {
    let model = build::stack(&case.settings["layers"])?;
    let parameters = set_parameters(case, &model)?;
    if case.settings["frozen"] == true {
        model.freeze();
    }
    let tape = match text(&case.settings["mode"]) {
        "training" => Tape::training(),
        _ => Tape::inference().recording(),
    };
    let x = tape.variable(case.tensor("x"));
    let masked = match case.shape("mask") {
        Some(_) => x.clone().with_mask(case.tensor("mask")).map_err(reason)?,
        None => x.clone(),
    };
    let y = model.forward(&masked).map_err(reason)?;
    let mut checks = vec![compare("y", y.value(), case)];
    if y.shape() != case.shape("y").unwrap_or_default() {
        return Err(format!("the output has shape {:?}, expected {:?}", y.shape(), case.shape("y")));
    }
    let gradients = tape.apply(WeightedSum(case.tensor("dy")), &[&y]).backward().map_err(reason)?;
    checks.push(compare("dx", gradients.of(&x).ok_or("no gradient of the input")?, case));
    tape.commit().map_err(reason)?;
    for (path, param) in &parameters {
        match (gradients.get(param), case.shape(&format!("grad/{path}"))) {
            (Some(gradient), Some(_)) => checks.push(compare(&format!("grad/{path}"), gradient, case)),
            (None, None) => {}
            (ours, _) => return Err(format!("`{path}`: gradient here: {}, there: {}", ours.is_some(), ours.is_none())),
        }
        if param.is_state() {
            checks.push(compare(&format!("after/{path}"), &param.value().ok_or("no value")?, case));
        }
    }
    Ok(checks)
}

/// Gives the model the case's parameters, all of them and no others.
pub fn set_parameters(case: &Case, model: &Sequential) -> Built<Vec<(String, Param)>> {
    let parameters = build::parameters(model);
    set(case, &parameters)?;
    Ok(parameters)
}

/// Gives the parameters the case's values.
pub fn set(case: &Case, parameters: &[(String, Param)]) -> Built<()> {
    let mut paths: Vec<&str> = parameters.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    if paths != case.under("param/") {
        return Err(format!("the parameters are {paths:?}, expected {:?}", case.under("param/")));
    }
    for (path, param) in parameters {
        param.set(case.tensor(&format!("param/{path}"))).map_err(reason)?;
    }
    Ok(())
}

pub fn compare(what: &str, got: &Tensor, case: &Case) -> Check {
    let numbers: Vec<f32> = got.iter().copied().collect();
    Check::new(what, &numbers, got.shape(), case)
}

/// `Σ y weights`: a scalar whose gradient by `y` is the weights, so that all gradients are generic.
pub struct WeightedSum(pub Tensor);

impl Op for WeightedSum {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        (inputs[0] * &self.0).sum().into_tensor()
    }

    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || (&self.0 * dy).into_shared());
    }
}

/// The weights after each of the steps.
fn optimizer(case: &Case) -> Built<Vec<Check>> {
    let rates = numbers(&case.settings["rates"]);
    let mut optimizer = optimizers::optimizer(case)?;
    let mut checks = Vec::new();
    for i in case.under("weights/") {
        let mut weights = case.numbers(&format!("weights/{i}")).to_vec();
        let (mut state, mut after) = (State::default(), Vec::new());
        for (step, grads) in case.numbers(&format!("grads/{i}")).chunks(weights.len()).enumerate() {
            if let Some(rate) = rates.get(step) {
                optimizer.set_learning_rate(*rate).map_err(reason)?;
            }
            let rate = optimizer.learning_rate().ok_or("no rate")?;
            optimizer.update(&Step::new(step as u32 + 1, rate), &mut weights, grads, &mut state);
            after.extend_from_slice(&weights);
        }
        let what = format!("after/{i}");
        checks.push(Check::new(what.clone(), &after, case.shape(&what).unwrap_or_default(), case));
    }
    Ok(checks)
}

/// The loss of each step of `fit`, and the weights after the last one.
fn training(case: &Case) -> Built<Vec<Check>> {
    let model = build::stack(&case.settings["layers"])?;
    let parameters = set_parameters(case, &model)?;
    let (x, target) = (case.tensor("x"), case.tensor("target"));
    let setting = |key: &str| case.settings[key].as_u64().unwrap_or(0) as usize;
    let (batch, steps) = (setting("batch"), setting("steps"));
    let epochs = steps * batch / x.shape()[0];
    let mut trainer = model.compile(optimizers::optimizer(case)?, losses::Boxed(losses::build(case)?));
    let mut losses = Vec::new();
    let mut fit = Fit::epochs(epochs).batch_size(batch).shuffle(false).progress(false).callback(Losses(&mut losses));
    if !case.settings["class_weights"].is_null() {
        fit = fit.class_weights(numbers(&case.settings["class_weights"]));
    }
    match case.shape("weights") {
        Some(_) => trainer.fit(&(&x, &target, &case.tensor("weights")), fit),
        None => trainer.fit(&(&x, &target), fit),
    }
    .map_err(reason)?;
    let mut checks = vec![Check::new("losses", &losses, &[losses.len()], case).within(TRAINING)];
    for (path, param) in &parameters {
        checks.push(compare(&format!("after/{path}"), &param.value().ok_or("no value")?, case).within(TRAINING));
    }
    Ok(checks)
}

pub struct Losses<'a>(pub &'a mut Vec<f32>);

impl Callback for Losses<'_> {
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.0.push(run.batch_loss as f32);
        Ok(())
    }
}

/// The shape of a random sample.
pub fn shape(case: &Case) -> Vec<usize> {
    sizes(&case.settings["shape"])
}
