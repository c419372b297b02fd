//! What the cross-entropies share: whether predictions are logits or probabilities, and the classes' rows.

use crate::autograd::{Origin, Var};
use crate::error::{Error, Result};
use crate::tensor::{Float, data};

/// Probabilities are kept this far from 0 and 1, as in Keras.
pub(super) const CLIP: Float = 1e-7;

/// What predictions are: by the user's word, or by what the model ends with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ScoreKind {
    /// Numbers before the softmax or sigmoid: the stable way.
    Logits,
    /// Logarithms of probabilities.
    LogProbabilities,
    Probabilities,
}

impl ScoreKind {
    pub fn new(from_logits: bool) -> Self {
        if from_logits { Self::Logits } else { Self::Probabilities }
    }

    pub fn of(loss: &str, from_logits: bool, from_log_probabilities: bool) -> Result<Self> {
        match (from_logits, from_log_probabilities) {
            (true, true) => Err(Error::value(format!(
                "{loss}: expected logits or logarithms of probabilities, got both `from_logits` and `from_log_probabilities`"
            ))),
            (_, true) => Ok(Self::LogProbabilities),
            (from_logits, _) => Ok(Self::new(from_logits)),
        }
    }

    /// Returns what stands for class 1.
    pub fn threshold(self) -> Float {
        match self {
            Self::Probabilities => 0.5,
            Self::Logits => 0.0,
            // Of 0.5.
            Self::LogProbabilities => -std::f64::consts::LN_2 as Float,
        }
    }
}

/// Finds what the prediction is, and what to compute the loss from. `given` says what the user believes; a belief that is
/// evidently wrong is an error, since such a model would train, badly.
pub(super) fn scores(loss: &str, prediction: &Var, given: ScoreKind, sigmoid: bool) -> Result<(Var, ScoreKind)> {
    check_constant(prediction)?;
    let (activation, range) =
        if sigmoid { ("Sigmoid", "from 0 to 1") } else { ("Softmax", "from 0 to 1 with the sum 1 for each item") };
    match (prediction.origin.as_deref(), given) {
        (Some(Origin::Softmax(_) | Origin::Sigmoid(_) | Origin::LogSoftmax), ScoreKind::Logits) => {
            Err(Error::value(format!(
                "{loss}: `from_logits` expects numbers before an activation, but the prediction has been through one \
             already; leave out one of the two"
            )))
        }
        (Some(Origin::Softmax(_) | Origin::Sigmoid(_)), ScoreKind::LogProbabilities) => Err(Error::value(format!(
            "{loss}: `from_log_probabilities` expects logarithms, but the prediction comes out of a `{activation}`; end \
             the model with `LogSoftmax`, or use `{loss}::default()`"
        ))),
        (Some(Origin::Softmax(logits)), ScoreKind::Probabilities) if !sigmoid => {
            Ok((logits.clone(), ScoreKind::Logits))
        }
        (Some(Origin::LogSoftmax), ScoreKind::Probabilities) if !sigmoid => {
            Ok((prediction.clone(), ScoreKind::LogProbabilities))
        }
        (Some(Origin::Sigmoid(logits)), ScoreKind::Probabilities) if sigmoid => Ok((logits.clone(), ScoreKind::Logits)),
        (_, ScoreKind::Logits) => Ok((prediction.clone(), ScoreKind::Logits)),
        (_, ScoreKind::LogProbabilities) => Ok((prediction.clone(), ScoreKind::LogProbabilities)),
        (_, ScoreKind::Probabilities) => {
            let classes = prediction.value.shape().last().copied().unwrap_or(1).max(1);
            let possible = |p: &Float| p.is_nan() || (-1e-4..=1.0 + 1e-4).contains(p);
            // NaN shows in the loss.
            let sums = |row: &[Float]| {
                let sum: f64 = row.iter().map(|p| f64::from(*p)).sum();
                sigmoid || sum.is_nan() || (sum - 1.0).abs() <= 1e-2
            };
            let is_wrong = |row: &&[Float]| !(row.iter().all(possible) && sums(row));
            let Some(wrong) = data(&prediction.value).chunks(classes).find(is_wrong) else {
                return Ok((prediction.clone(), ScoreKind::Probabilities));
            };
            let hint = if loss == "KlDivergence" { String::new() } else { format!(", or use `{loss}::from_logits()`") };
            Err(Error::value(format!(
                "{loss}: expected probabilities, {range}, got {:?}{}; end the model with `{activation}`{hint}",
                &wrong[..classes.min(5)],
                if classes > 5 { " and so on" } else { "" }
            )))
        }
    }
}

/// Shape of predictions over classes: how many examples (all axes but the last) and how many classes.
pub(super) fn rows_and_classes(loss: &str, prediction: &Var) -> Result<(usize, usize)> {
    match prediction.value.shape() {
        [rows @ .., classes] if !rows.is_empty() && *classes > 0 && rows.iter().product::<usize>() > 0 => {
            Ok((rows.iter().product(), *classes))
        }
        other => Err(Error::shape(format!("{loss}: expected predictions [batch, ..., classes], got {other:?}"))),
    }
}

/// [`rows_and_classes`] of at least two classes: over a single one, probabilities are 1 whatever the model says.
pub(super) fn rows_of_classes(loss: &str, prediction: &Var) -> Result<(usize, usize)> {
    match rows_and_classes(loss, prediction)? {
        (_, 1) => Err(Error::shape(format!(
            "{loss}: expected at least 2 classes in the last axis, got predictions {:?}: the probability of a single class is \
             always 1, so that there is nothing to learn; for two classes in one number use `BinaryCrossEntropy`, else give \
             the model a unit for each class",
            prediction.value.shape()
        ))),
        known => Ok(known),
    }
}

/// Refuses a prediction that is the same number whatever the model says.
pub(super) fn check_constant(prediction: &Var) -> Result<()> {
    match prediction.origin.as_deref() {
        Some(Origin::Constant(activation)) => Err(Error::shape(format!(
            "the model ends with `{activation}` over an axis of length 1, predictions {:?}, which gives the same number \
             whatever comes in: for two classes end it with `Dense::new(1).activation(Sigmoid)` and train it with \
             `BinaryCrossEntropy`, else give it a unit for each class",
            prediction.value.shape()
        ))),
        _ => Ok(()),
    }
}

/// The logarithms of the probabilities of a row of logits, `x - ln Σ exp(x)`, in double precision.
///
/// Where one logit is infinite they are the limit, 0 for it and minus infinity for the others. There is none, and they are
/// not numbers, where several are, or where all are minus infinity.
pub(super) struct LogProbabilities {
    log_sum: f64,
}

impl LogProbabilities {
    pub fn new(row: &[Float]) -> Self {
        let max = f64::from(row.iter().copied().fold(Float::NEG_INFINITY, Float::max));
        if max.is_finite() {
            return Self { log_sum: max + row.iter().map(|x| (f64::from(*x) - max).exp()).sum::<f64>().ln() };
        }
        let has_limit = row.iter().filter(|x| **x == Float::INFINITY).count() == 1 && !row.iter().any(|x| x.is_nan());
        Self { log_sum: if has_limit { f64::INFINITY } else { f64::NAN } }
    }

    /// That of a logit of the row.
    pub fn of(&self, x: Float) -> f64 {
        if x == Float::INFINITY && self.log_sum == f64::INFINITY { 0.0 } else { f64::from(x) - self.log_sum }
    }
}

/// The weights of classes: as many as there are, finite and not negative.
pub(super) fn check_class_weights(loss: &str, weights: Option<&Vec<Float>>, classes: usize) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != classes || !weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) {
        return Err(Error::value(format!(
            "{loss}: expected {classes} class weights, one for each class, finite and not negative, got {weights:?}"
        )));
    }
    Ok(())
}

/// Smoothing takes this share from each answer, and spreads it over all.
pub(super) fn check_smoothing(loss: &str, smoothing: Float) -> Result<()> {
    super::check_setting(loss, "a label smoothing of", smoothing, 0.0..=1.0)
}
