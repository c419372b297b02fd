//! From scores and targets to class numbers.

use ndarray::Axis;

use super::argmax;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// Whether there is one number an example: shapes alike but for a trailing axis of length 1.
pub(super) fn is_binary(prediction: &Tensor, target: &Tensor) -> bool {
    let (p, t) = (prediction.shape(), target.shape());
    p == t && (p.len() < 2 || p[p.len() - 1] == 1)
        || [p, &[1]].concat() == t
        || p.last() == Some(&1) && &p[..p.len() - 1] == t
}

/// The number of classes, and of each example the predicted and the right class, of which the latter may be none at all.
///
/// - predictions `[.., classes]`, targets `[..]` or `[.., 1]`: class numbers against the greatest prediction;
/// - predictions and targets `[.., classes]`: one-hot, the greatest of each;
/// - predictions and targets alike with one number an example: binary, a prediction above the threshold counts as 1.
pub(super) fn answers(
    who: &str,
    threshold: Float,
    prediction: &Tensor,
    target: &Tensor,
) -> Result<(usize, Vec<(usize, Float)>)> {
    let (p, t) = (prediction.shape(), target.shape());
    if is_binary(prediction, target) {
        let pairs = prediction.iter().zip(target).map(|(p, t)| (usize::from(*p > threshold), *t));
        return Ok((2, pairs.collect()));
    }
    let (classes, rows) = p.split_last().map_or((0, p), |(classes, rows)| (*classes, rows));
    let lanes = |tensor: &Tensor| tensor.lanes(Axis(rows.len())).into_iter().map(argmax).collect::<Vec<_>>();
    if p == t {
        return Ok((
            classes,
            lanes(prediction).into_iter().zip(lanes(target).into_iter().map(|t| t as Float)).collect(),
        ));
    }
    if !p.is_empty() && (rows == t || [rows, &[1]].concat() == t) {
        return Ok((classes, lanes(prediction).into_iter().zip(target.iter().copied()).collect()));
    }
    Err(Error::shape(format!(
        "{who}: expected targets {rows:?} (class numbers) or {p:?} (one-hot) for predictions {p:?}, got {t:?}"
    )))
}
