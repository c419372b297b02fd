//! Adapters: their first outputs, a training run, and what merging makes of the kernels.

use gradus::prelude::*;

use super::Check;
use super::build::{self, Built};
use super::fixture::{Case, list, text};
use super::run::{Losses, TRAINING, compare, reason, set_parameters};

pub fn lora(case: &Case) -> Built<Vec<Check>> {
    let model = build::stack(&case.settings["layers"])?;
    let (x, target) = (case.tensor("x"), case.tensor("target"));
    model.freeze();
    let adapter = Lora::new(case.number("rank", 0.0) as usize).alpha(case.number("alpha", 0.0));
    for pattern in list(&case.settings["adapted"]) {
        model.attach(text(pattern), adapter).map_err(reason)?;
    }
    let parameters = set_parameters(case, &model)?;
    let run = |model: &Sequential| model.forward(&Tape::inference().input(&x)).map_err(reason);
    let mut checks = vec![compare("y", run(&model)?.value(), case)];
    let (mut losses, steps) = (Vec::new(), case.number("steps", 0.0) as usize);
    let mut trainer = model.compile(Sgd::new(case.number("rate", 0.0)), SparseCrossEntropy::from_logits());
    let fit = Fit::epochs(steps).batch_size(x.shape()[0]).shuffle(false).progress(false);
    trainer.fit(&(&x, &target), fit.callback(Losses(&mut losses))).map_err(reason)?;
    checks.push(Check::new("losses", &losses, &[losses.len()], case).within(TRAINING));
    for (path, param) in parameters.iter().filter(|(path, _)| case.shape(&format!("after/{path}")).is_some()) {
        checks.push(compare(&format!("after/{path}"), &param.value().ok_or("no value")?, case).within(TRAINING));
    }
    trainer.model.merge_adapters().map_err(reason)?;
    for (path, param) in parameters.iter().filter(|(path, _)| case.shape(&format!("merged/{path}")).is_some()) {
        checks.push(compare(&format!("merged/{path}"), &param.value().ok_or("no value")?, case).within(TRAINING));
    }
    Ok(checks)
}
