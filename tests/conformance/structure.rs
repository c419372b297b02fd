//! Merges, penalties, constraints, and a model with several inputs and outputs.

use gradus::constraints::Constraint;
use gradus::constraints::{MaxNorm, MinMaxNorm, NonNegative, UnitLength};
use gradus::layers::*;
use gradus::losses::Losses;
use gradus::prelude::*;
use gradus::regularizers::Regularizer;
use gradus::regularizers::{L1L2, OrthogonalColumns};

use super::Check;
use super::build::Built;
use super::fixture::{Case, number, sizes, text};
use super::run::{TRAINING, WeightedSum, compare, reason};

/// Output and input gradients of a merge.
pub fn merge(case: &Case) -> Built<Vec<Check>> {
    let tape = Tape::training();
    let x: Vec<Var> = case.under("x/").iter().map(|i| tape.variable(case.tensor(&format!("x/{i}")))).collect();
    let pair = || (x[0].clone(), x[1].clone());
    let settings = &case.settings;
    let axis = |i: usize| settings["axes"][i].as_i64().unwrap_or(0) as isize;
    let y = match text(&settings["merge"]) {
        "Add" => Add.forward(&x),
        "Multiply" => Multiply.forward(&x),
        "Average" => Average.forward(&x),
        "Maximum" => Maximum.forward(&x),
        "Minimum" => Minimum.forward(&x),
        "Subtract" => Subtract.forward(&pair()),
        "Concatenate" => Concatenate::new(settings["axis"].as_i64().unwrap_or(-1) as isize).forward(&x),
        "Dot" => Dot::new([axis(0), axis(1)]).normalize(settings["normalize"] == true).forward(&pair()),
        other => return Err(format!("no merge `{other}`")),
    }
    .map_err(reason)?;
    let mut checks = vec![compare("y", y.value(), case)];
    let gradients = tape.apply(WeightedSum(case.tensor("dy")), &[&y]).backward().map_err(reason)?;
    for (i, x) in x.iter().enumerate() {
        checks.push(compare(&format!("dx/{i}"), gradients.of(x).ok_or("no gradient of an input")?, case));
    }
    Ok(checks)
}

/// A penalty and its gradient.
pub fn penalty(case: &Case) -> Built<Vec<Check>> {
    let tape = Tape::training();
    let x = tape.variable(case.tensor("x"));
    let factor = |key: &str| case.settings[key].as_f64().map(|factor| factor as Float);
    let loss = match (factor("l1"), factor("l2"), factor("orthogonal")) {
        (Some(l1), None, None) => L1(l1).penalty(&x),
        (None, Some(l2), None) => L2(l2).penalty(&x),
        (Some(l1), Some(l2), None) => L1L2 { l1, l2 }.penalty(&x),
        (None, None, Some(factor)) => OrthogonalColumns(factor).penalty(&x),
        other => return Err(format!("no penalty {other:?}")),
    };
    let loss = loss.map_err(reason)?;
    let gradients = loss.backward().map_err(reason)?;
    let dx = gradients.of(&x).ok_or("no gradient")?;
    Ok(vec![compare("loss", loss.value(), case), compare("dx", dx, case)])
}

/// What a constraint makes of a kernel.
pub fn constraint(case: &Case) -> Built<Vec<Check>> {
    let mut x = case.tensor("x");
    let setting = |key: &str| number(&case.settings[key], Float::NAN);
    let axes = Some(sizes(&case.settings["axes"])).filter(|axes| !axes.is_empty());
    match text(&case.settings["constraint"]) {
        "MaxNorm" => {
            let bound = MaxNorm::new(setting("max"));
            axes.map_or(bound.clone(), |axes| bound.axes(axes)).apply(x.view_mut());
        }
        "MinMaxNorm" => {
            MinMaxNorm::new(setting("min"), setting("max")).rate(setting("rate")).apply(x.view_mut());
        }
        "UnitLength" => UnitLength::new().apply(x.view_mut()),
        "NonNegative" => NonNegative.apply(x.view_mut()),
        other => return Err(format!("no constraint `{other}`")),
    }
    Ok(vec![compare("y", &x, case)])
}

/// The loss of each step of `fit`, and the weights after the last one.
pub fn functional(case: &Case) -> Built<Vec<Check>> {
    let model = Graph::new(["left", "right"])
        .add("shared", Dense::new(5).activation(Tanh), "left")
        .share("again", "shared", "right")
        .add("both", Concatenate::default(), ["shared", "again"])
        .add("hidden", Dense::new(6), "both")
        .add("active", ActivityRegularization::new(L1(0.003)), "hidden")
        .add("class", Dense::new(3).activation(Softmax), "active")
        .add("size", Dense::new(1), "active")
        .outputs(["class", "size"]);
    model.regularize("shared.kernel", L2(0.01)).map_err(reason)?;
    model.constrain("hidden.kernel", MaxNorm::new(0.8)).map_err(reason)?;
    for (path, param) in model.parameters() {
        param.set(case.tensor(&format!("param/{path}"))).map_err(reason)?;
    }
    let losses =
        Losses::new().output("class", SparseCrossEntropy::default()).weighted_output("size", 0.5, MeanSquaredError);
    let mut trainer = model.compile(Sgd::new(0.1), losses);
    let setting = |key: &str| case.settings[key].as_u64().unwrap_or(0) as usize;
    let data = ((case.tensor("left"), case.tensor("right")), (case.tensor("class"), case.tensor("size")));
    let mut seen = Vec::new();
    let epochs = setting("steps") * setting("batch") / case.tensor("left").shape()[0];
    let fit = Fit::epochs(epochs).batch_size(setting("batch")).shuffle(false).progress(false);
    trainer.fit(&data, fit.callback(super::run::Losses(&mut seen))).map_err(reason)?;
    let mut checks = vec![Check::new("losses", &seen, &[seen.len()], case).within(TRAINING)];
    for (path, param) in trainer.model.parameters() {
        checks.push(compare(&format!("after/{path}"), &param.value().ok_or("no value")?, case).within(TRAINING));
    }
    Ok(checks)
}
