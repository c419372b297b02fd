//! What the cross-entropies share: whether predictions are logits or probabilities, and the classes' rows.

use crate::autograd::{Origin, Var};
use crate::error::{Error, Result};
use crate::tensor::{Float, data};

/// Probabilities are kept this far from 0 and 1, as in Keras.
pub(super) const CLIP: Float = 1e-7;

/// What a cross-entropy works on.
pub(super) enum Scores {
    /// Numbers before the softmax or sigmoid: the stable way.
    Logits(Var),
    /// Logarithms of probabilities.
    LogProbabilities(Var),
    /// Probabilities that come from somewhere else.
    Probabilities(Var),
}

/// Finds what the prediction is. `from_logits` says what the user believes; a belief that is evidently wrong is an
/// error, since such a model would train, badly.
pub(super) fn scores(loss: &str, prediction: &Var, from_logits: bool, sigmoid: bool) -> Result<Scores> {
    let (activation, rows) = if sigmoid { ("Sigmoid", "numbers") } else { ("Softmax", "rows") };
    match (prediction.origin.as_deref(), from_logits) {
        (Some(Origin::Softmax(_) | Origin::Sigmoid(_) | Origin::LogSoftmax), true) => Err(Error::value(format!(
            "{loss}: `from_logits` expects numbers before an activation, but the prediction has been through one \
             already; leave out one of the two"
        ))),
        (Some(Origin::Softmax(logits)), false) if !sigmoid => Ok(Scores::Logits(logits.clone())),
        (Some(Origin::LogSoftmax), false) if !sigmoid => Ok(Scores::LogProbabilities(prediction.clone())),
        (Some(Origin::Sigmoid(logits)), false) if sigmoid => Ok(Scores::Logits(logits.clone())),
        (_, true) => Ok(Scores::Logits(prediction.clone())),
        (_, false) => {
            let classes = prediction.shape().last().copied().unwrap_or(1).max(1);
            let possible = |p: &Float| p.is_nan() || (-1e-4..=1.0 + 1e-4).contains(p);
            // What is no number shows in the loss.
            let sums = |row: &[Float]| {
                let sum: Float = row.iter().sum();
                sigmoid || sum.is_nan() || (sum - 1.0).abs() <= 1e-2
            };
            if data(&prediction.value).chunks(classes).all(|row| row.iter().all(possible) && sums(row)) {
                return Ok(Scores::Probabilities(prediction.clone()));
            }
            Err(Error::value(format!(
                "{loss}: expected probabilities, got {rows} that are none (first: {:?}); end the model with \
                 `{activation}`, or use `{loss}::from_logits()`",
                &data(&prediction.value)[..classes.min(5)]
            )))
        }
    }
}

/// Shape of predictions over classes: how many examples (all axes but the last) and how many classes.
pub(super) fn rows_and_classes(loss: &str, prediction: &Var) -> Result<(usize, usize)> {
    match prediction.shape() {
        [rows @ .., classes] if !rows.is_empty() && *classes > 0 && rows.iter().product::<usize>() > 0 => {
            Ok((rows.iter().product(), *classes))
        }
        other => Err(Error::shape(format!("{loss}: expected predictions [batch, ..., classes], got {other:?}"))),
    }
}
