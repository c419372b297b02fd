//! Where data is not finite: what to look at once a loss is not.

use super::trainer::EVALUATION_BATCH;
use crate::data::{Batch, Dataset};
use crate::error::Error;
use crate::tensor::Tensor;

/// What to do about a loss that is not finite after this batch of examples with these numbers.
pub(super) fn advice(batch: &Batch, numbers: &[usize]) -> String {
    find(batch, numbers).unwrap_or_else(|| {
        "the data of that batch is finite: lower the learning rate, bring inputs and targets to numbers around 1, or look for a \
         square root, logarithm or division at 0 in a layer or loss"
            .into()
    })
}

/// The same after a validation on this dataset.
pub(super) fn advice_on_validation(dataset: &dyn Dataset) -> String {
    let all: Vec<usize> = (0..dataset.len()).collect();
    for numbers in all.chunks(EVALUATION_BATCH) {
        if let Some(found) = dataset.batch(numbers).ok().and_then(|batch| find(&batch, numbers)) {
            return format!("among those of the validation, {found}");
        }
    }
    "the data of the validation is finite: lower the learning rate, or look for numbers there that are far larger than those \
     of the training"
        .into()
}

/// Marks an error about shapes or values as one of the validation data.
pub(super) fn of_validation(error: Error) -> Error {
    match error {
        Error::Layer(located) => Error::Layer(located.map(of_validation)),
        Error::Output(located) => Error::Output(located.map(of_validation)),
        Error::Shape(text) => Error::Shape(format!("in the validation: {text}")),
        Error::Value(text) => Error::Value(format!("in the validation: {text}")),
        other => other,
    }
}

/// The first number of a batch that is not finite, by example and place.
fn find(batch: &Batch, numbers: &[usize]) -> Option<String> {
    let parts = [("input", &batch.inputs), ("target", &batch.targets), ("weight", &batch.weights)];
    for (what, tensors) in parts {
        for (i, tensor) in tensors.iter().enumerate() {
            let Some((row, place, number)) = first_not_finite(tensor) else { continue };
            let which = if tensors.len() > 1 { format!("{what} {i}") } else { format!("{what}s") };
            let example = numbers.get(row).copied().unwrap_or(row);
            return Some(format!(
                "example {example} has {number} in its {which}{place} (all counted from 0); correct that example or leave it out"
            ));
        }
    }
    None
}

/// The example of the first number that is not finite, where it is there, and the number.
fn first_not_finite(tensor: &Tensor) -> Option<(usize, String, crate::tensor::Float)> {
    let (index, number) = tensor.indexed_iter().find(|(_, number)| !number.is_finite())?;
    let index: Vec<usize> = (0..tensor.ndim()).map(|axis| index[axis]).collect();
    let (row, place) = index.split_first().map_or((0, &[][..]), |(row, place)| (*row, place));
    let place = match place {
        [] => String::new(),
        [column] => format!(", in column {column}"),
        place => format!(", at {place:?}"),
    };
    Some((row, place, *number))
}

/// Puts the advice into an error about a loss.
pub(super) fn explained(mut error: Error, find: impl FnOnce() -> Option<String>) -> Error {
    if let Error::NotFinite { advice, .. } | Error::ValidationNotFinite { advice, .. } = &mut error
        && let Some(found) = find()
    {
        *advice = found;
    }
    error
}
