//! Losses with their options, weights, masks and reductions.

use gradus::losses::*;
use gradus::prelude::*;

use super::Check;
use super::build::{Built, activate};
use super::fixture::{Case, numbers, text};
use super::run::{WeightedSum, compare, reason};

/// A loss from a case.
pub struct Boxed(pub Box<dyn Loss>);

impl Loss for Boxed {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        self.0.loss(prediction, target)
    }

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        self.0.each(prediction, target)
    }
}

/// The loss, and its gradient by the prediction, or by what the activation before it was applied to.
pub fn loss(case: &Case) -> Built<Vec<Check>> {
    let tape = Tape::training();
    let x = tape.variable(case.tensor("x"));
    let mut prediction = activate(text(&case.settings["through"]), &x)?;
    if case.shape("mask").is_some() {
        prediction = prediction.with_mask(case.tensor("mask")).map_err(reason)?;
    }
    let (loss, target) = (build(case)?, case.tensor("target"));
    let reduction = text(&case.settings["reduction"]);
    let (value, scalar) = if reduction.is_empty() || reduction == "mean" && case.shape("weights").is_none() {
        let value = loss.loss(&prediction, &target).map_err(reason)?;
        (value.clone(), value)
    } else {
        let mut each = loss.each(&prediction, &target).map_err(reason)?;
        if case.shape("weights").is_some() {
            each = each.weigh(&case.tensor("weights")).map_err(reason)?;
        }
        match reduction {
            "none" => (each.losses().clone(), tape.apply(WeightedSum(case.tensor("dy")), &[each.losses()])),
            "sum" => (each.sum(), each.sum()),
            _ => {
                let mean = each.mean().map_err(reason)?;
                (mean.clone(), mean)
            }
        }
    };
    let gradients = scalar.backward().map_err(reason)?;
    let dx = gradients.of(&x).ok_or("no gradient of the prediction")?;
    Ok(vec![compare("loss", value.value(), case), compare("dx", dx, case)])
}

/// The case's loss; settings that it does not mention keep gradus' defaults.
pub fn build(case: &Case) -> Built<Box<dyn Loss>> {
    let settings = &case.settings;
    let is = |key: &str| settings[key] == true;
    let number = |key, default| case.number(key, default);
    macro_rules! made {
        ($name:ident) => {{
            let loss = if is("from_logits") { $name::from_logits() } else { $name::default() };
            loss.label_smoothing(number("label_smoothing", 0.0))
        }};
    }
    macro_rules! weighed {
        ($name:ident) => {{
            let loss = if is("from_log_probabilities") { $name::from_log_probabilities() } else { made!($name) };
            let weights = &settings["class_weights"];
            // Those of a training run are the run's.
            if weights.is_null() || case.kind() == "training" { loss } else { loss.class_weights(numbers(weights)) }
        }};
    }
    Ok(match text(&settings["loss"]) {
        "MeanSquaredError" => Box::new(MeanSquaredError),
        "MeanAbsoluteError" => Box::new(MeanAbsoluteError),
        "MeanAbsolutePercentageError" => Box::new(MeanAbsolutePercentageError),
        "MeanSquaredLogarithmicError" => Box::new(MeanSquaredLogarithmicError),
        "LogCosh" => Box::new(LogCosh),
        "Huber" => Box::new(Huber::new(number("delta", Huber::default().delta))),
        "SmoothL1" => Box::new(SmoothL1::new(number("beta", SmoothL1::default().beta))),
        "Poisson" if is("from_log") => Box::new(Poisson::from_log()),
        "Poisson" => Box::new(Poisson::default()),
        "GaussianNll" => {
            let usual = GaussianNll::default();
            Box::new(usual.epsilon(number("epsilon", usual.epsilon)).full(is("full")))
        }
        "KlDivergence" => Box::new(KlDivergence),
        "Distillation" => Box::new(Distillation::new(number("temperature", 2.0))),
        "Hinge" => Box::new(Hinge),
        "SquaredHinge" => Box::new(SquaredHinge),
        "CategoricalHinge" => Box::new(CategoricalHinge),
        "CosineSimilarity" => Box::new(CosineSimilarity),
        "CrossEntropy" => Box::new(weighed!(CrossEntropy)),
        "SparseCrossEntropy" => {
            let loss = weighed!(SparseCrossEntropy);
            Box::new(match settings["ignore_index"].as_i64() {
                Some(index) => loss.ignore_class(index),
                None => loss,
            })
        }
        "BinaryCrossEntropy" => Box::new(made!(BinaryCrossEntropy).positive_weight(number("positive_weight", 1.0))),
        "BinaryFocalCrossEntropy" => {
            let usual = BinaryFocalCrossEntropy::default();
            let loss = made!(BinaryFocalCrossEntropy).gamma(number("gamma", usual.gamma));
            Box::new(match settings["alpha"].as_f64() {
                Some(alpha) => loss.apply_class_balancing(true).alpha(alpha as f32),
                None => loss,
            })
        }
        "CategoricalFocalCrossEntropy" => {
            let usual = CategoricalFocalCrossEntropy::default();
            let loss = made!(CategoricalFocalCrossEntropy).gamma(number("gamma", usual.gamma));
            Box::new(loss.alpha(number("alpha", usual.alpha)))
        }
        "Triplet" => Box::new(Triplet::new(number("margin", Triplet::default().margin)).swap(is("swap"))),
        "Contrastive" => Box::new(Contrastive::new(number("margin", Contrastive::default().margin))),
        "Dice" => Box::new(Dice::default().per_example(is("per_example"))),
        "Tversky" => {
            let usual = Tversky::default();
            let tversky = Tversky::new(number("alpha", usual.alpha), number("beta", usual.beta));
            Box::new(tversky.per_example(is("per_example")))
        }
        "Ctc" => Box::new(Ctc::default().blank(settings["blank"].as_u64().unwrap_or(0) as usize)),
        other => return Err(format!("no loss `{other}`")),
    })
}
