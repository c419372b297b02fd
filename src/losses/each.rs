//! The losses of single items, and their reductions.

use crate::autograd::{Origin, Var};
use crate::error::{Error, Result};
use crate::tensor::{Tensor, data};

/// The losses of single items, not yet reduced: what [`Loss::each`](super::Loss::each) gives.
///
/// An item is an example, a step of a sequence or a pixel: the losses have the prediction's shape without its last axis.
///
/// # Reference
/// Keras' `reduction` and `sample_weight`, PyTorch's `reduction`
#[derive(Clone, Debug)]
pub struct Each {
    losses: Var,
    /// What each item counts in the number of items that the mean divides by; 1 without.
    counts: Option<Tensor>,
}

impl Each {
    /// Creates a mean of these losses, `[batch, ...]`. If they have a [mask](Var::mask), padding becomes 0, and does
    /// not count.
    pub fn new(losses: Var) -> Self {
        let Some(mask) = losses.mask.as_deref().cloned() else { return Self { losses, counts: None } };
        let mask = spread(&mask, losses.value.shape());
        let losses = losses.without_mask();
        let counts = mask.broadcast(losses.value.shape()).map(|all| all.to_owned().into_shared());
        Self { losses: times(&losses, &mask), counts }
    }

    /// Sets what each item counts in the mean, which is `Σ losses / Σ counts`; 1 unless set. For losses that leave out
    /// items, or that have multiplied them with weights already. Padding stays out.
    ///
    /// # Errors
    /// counts that are not as many as the losses, or negative
    pub fn counting(mut self, counts: &Tensor) -> Result<Self> {
        if counts.shape() != self.losses.value.shape() {
            return Err(Error::shape(format!(
                "expected counts of the losses' shape {:?}, got {:?}",
                self.losses.value.shape(),
                counts.shape()
            )));
        }
        check_weights("counts", counts)?;
        self.counts = Some(match self.counts {
            Some(mask) => (&mask * counts).into_shared(),
            None => counts.clone(),
        });
        Ok(self)
    }

    /// Returns what each item counts in the mean: 0 for padding and for ignored items, else 1 unless set otherwise. Metrics in a loop of
    /// your own take it as weights, to leave out what the loss leaves out:
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Tape::inference().input(ndarray::arr2(&[[0.25, 0.75], [0.5, 0.5]]));
    /// let labels = ndarray::arr1(&[1, -1]).into_tensor();
    /// let each = SparseCrossEntropy::default().ignore_class(-1).each(&y, &labels)?;
    /// let mut accuracy = Accuracy::default();
    /// accuracy.update_weighted(y.value(), &labels, &each.counts())?;
    /// assert_eq!(accuracy.result(), 1.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn counts(&self) -> Tensor {
        self.losses.mark_inspected();
        let ones = || crate::tensor::tensor(self.losses.value.shape(), vec![1.0; self.losses.value.len()]);
        self.counts.clone().unwrap_or_else(ones)
    }

    /// Multiplies each loss by this factor.
    pub(super) fn scaled(self, factor: crate::tensor::Float) -> Self {
        Self { losses: self.losses * factor, ..self }
    }

    /// Returns the losses, with 0 for padding: the reduction "none".
    pub fn losses(&self) -> &Var {
        &self.losses
    }

    /// Returns the sum of all losses.
    pub fn sum(&self) -> Var {
        let examples = self.losses.value.shape().first().map_or(1.0, |examples| *examples as f64);
        self.losses.sum().with_origin(Origin::Loss(examples, self.counts.clone()))
    }

    /// Returns the mean over all items that count, whatever their [weights](Each::weigh): Keras' "sum over batch size".
    ///
    /// # Errors
    /// no item that counts: all are padding, or left out by the loss
    pub fn mean(&self) -> Result<Var> {
        let Some(counts) = &self.counts else {
            let count = self.losses.value.len() as f64;
            return Ok(self.losses.mean().with_origin(Origin::Loss(count, None)));
        };
        let count: f64 = counts.iter().map(|count| f64::from(*count)).sum();
        if count == 0.0 {
            return Err(Error::NothingCounts(format!(
                "the mean of {} losses of which none counts: all are padding, left out by `ignore_class`, or of class \
                 weight 0; leave such batches out",
                counts.len()
            )));
        }
        let mean = self.losses.sum() * (1.0 / count) as crate::tensor::Float;
        Ok(mean.with_origin(Origin::Loss(count, Some(counts.clone()))))
    }

    /// Each loss with what it counts.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (f64, f64)> {
        let counts = self.counts.iter().flatten().copied().chain(std::iter::repeat(1.0));
        self.losses.value.iter().zip(counts).map(|(loss, count)| (f64::from(*loss), f64::from(count)))
    }

    /// Multiplies each loss with its weight. A weight may be for all items of an example: weights have the losses' shape,
    /// or that of their first axes.
    ///
    /// # Errors
    /// weights of another shape, or negative or not finite ones; a loss of the batch as a whole
    pub fn weigh(mut self, weights: &Tensor) -> Result<Self> {
        let weights = fitting(weights, self.losses.value.shape())?;
        self.losses = times(&self.losses, &weights);
        Ok(self)
    }
}

/// Losses times factors that broadcast to them; 0 where the factor is, even if the loss is not finite.
pub(super) fn times(losses: &Var, factors: &Tensor) -> Var {
    let factors_on_tape = losses.tape().input(factors);
    let product = losses * &factors_on_tape;
    if !factors.iter().any(|factor| *factor == 0.0) {
        return product;
    }
    let zero = losses.tape().constant(0.0);
    factors_on_tape.select(&product, &zero).expect("what could be multiplied broadcasts")
}

/// Weights in such axes that they broadcast against losses of this shape.
fn fitting(weights: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let stripped = if weights.shape() == shape { shape } else { super::strip(weights.shape()) };
    if stripped.is_empty() || shape.get(..stripped.len()) != Some(stripped) {
        let hint = if shape.is_empty() {
            "the loss is one number for the batch as a whole"
        } else {
            "give one weight an example"
        };
        return Err(Error::shape(format!(
            "expected weights of the losses' shape {shape:?} or of its first axes, got {:?}; {hint}",
            weights.shape()
        )));
    }
    check_weights("weights", weights)?;
    Ok(spread(&super::items::standard(weights), shape))
}

/// Numbers of items, times weights of their shape or of its first axes.
pub(crate) fn weighed(items: &Tensor, weights: &Tensor) -> Result<Tensor> {
    Ok((items * &fitting(weights, items.shape())?).into_shared())
}

/// The tensor with axes of length 1 at its end, so that it broadcasts against `shape`.
fn spread(tensor: &Tensor, shape: &[usize]) -> Tensor {
    let mut wide: Vec<usize> = shape.to_vec();
    let mut rest = tensor.len();
    for axis in &mut wide {
        if rest == 1 {
            *axis = 1;
        } else {
            rest /= *axis;
        }
    }
    crate::tensor::tensor(&wide, data(tensor).to_vec())
}

fn check_weights(what: &str, weights: &Tensor) -> Result<()> {
    match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        Some(bad) => {
            Err(Error::value(format!("expected {what} that are finite and not negative, got {bad} among them")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::autograd::{Dependence, Tape};
    use crate::losses::{Loss, MeanSquaredError, SparseCrossEntropy};
    use crate::tensor::IntoTensor;

    #[test]
    fn weights_keep_examples_apart_and_counts_do_not() {
        let x = Tape::training().variable(arr2(&[[0.5, 0.5], [0.25, 0.75]]));
        let classes = arr1(&[0.0, 1.0]).into_tensor();
        let each = SparseCrossEntropy::default().each(&x, &classes).unwrap();
        let weighed = each.weigh(&arr1(&[1.0, 3.0]).into_tensor()).unwrap();
        assert_eq!(weighed.mean().unwrap().dependence, Dependence::BatchMean);
        assert_eq!(weighed.sum().dependence, Dependence::AcrossBatch);
        let some = SparseCrossEntropy::default().ignore_class(0);
        assert_eq!(some.loss(&x, &classes).unwrap().dependence, Dependence::AcrossBatch);
    }

    #[test]
    fn padding_has_no_loss_and_does_not_count() {
        let x = Tape::training().input(arr2(&[[1.0, 5.0], [2.0, 7.0]])).insert_axis(2).unwrap();
        let x = x.with_mask(arr2(&[[1, 0], [1, 1]])).unwrap();
        let each = MeanSquaredError.each(&x, &arr2(&[[0.0; 2]; 2]).into_tensor()).unwrap();
        assert_eq!(each.losses().value().as_slice().unwrap(), [1.0, 0.0, 4.0, 49.0]);
        assert_eq!(each.mean().unwrap().item(), 18.0);
        // Weights do not change what is divided by, as in Keras.
        let weighed = each.weigh(&arr1(&[3.0, 0.0]).into_tensor()).unwrap();
        assert_eq!(weighed.mean().unwrap().item(), 1.0);
    }
}
