//! Classes as vectors.

use crate::error::{Error, Result};
use crate::tensor::{self, Float, IntoTensor, Tensor, data, in_memory};

/// Returns a vector of zeros with a one for each class number: `[...]` to `[..., classes]`. A last axis of length 1
/// goes.
///
/// ```
/// use gradus::{ndarray::array, preprocessing::one_hot};
/// assert_eq!(one_hot(&array![2, 0], 3)?, array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]].into_dyn());
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// numbers that are not classes
/// # Reference
/// Keras `to_categorical`
#[doc(alias = "to_categorical")]
#[doc(alias = "CategoryEncoding")]
pub fn one_hot(classes_of_examples: impl IntoTensor, classes: usize) -> Result<Tensor> {
    let numbers = classes_of_examples.into_tensor();
    let mut shape = numbers.shape().to_vec();
    if shape.len() > 1 && shape.last() == Some(&1) {
        shape.pop();
    }
    if in_memory(&[numbers.len(), classes]).is_none() {
        return Err(Error::value(format!("one_hot: {} examples of {classes} classes do not fit", numbers.len())));
    }
    if let Some(x) = numbers.iter().find(|x| !(**x >= 0.0 && x.fract() == 0.0 && **x < classes as Float)) {
        return Err(Error::value(format!("one_hot: expected whole class numbers 0..{classes}, got {x}")));
    }
    Ok(tensor::one_hot(&shape, classes, data(&numbers).iter().map(|class| *class as usize)))
}
