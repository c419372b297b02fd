//! Rows of batches: stacked, chosen, put together.

use super::Batch;
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, IntoTensor, Tensor, rows, tensor};

/// Refuses numbers of examples that there are not.
pub(crate) fn known(indices: &[usize], len: usize) -> Result<()> {
    match indices.iter().find(|i| **i >= len) {
        Some(i) => Err(Error::value(format!("expected numbers of examples below {len}, got {i}"))),
        None => Ok(()),
    }
}

/// The numbers of this many examples, in order.
pub(crate) fn numbers(len: usize) -> Result<Vec<usize>> {
    let mut all = Vec::new();
    all.try_reserve_exact(len).map_err(|_| {
        Error::value(format!(
            "no memory holds the numbers of {len} examples; make the dataset shorter, such as by fewer repetitions, and train for more epochs"
        ))
    })?;
    all.extend(0..len);
    Ok(all)
}

impl Batch {
    /// Creates a batch of inputs and targets; all examples weigh 1.
    pub fn new(inputs: Vec<Tensor>, targets: Vec<Tensor>) -> Self {
        Self { inputs, targets, weights: Vec::new() }
    }

    /// Sets the weights.
    pub fn weights(mut self, weights: Vec<Tensor>) -> Self {
        self.weights = weights;
        self
    }

    /// Returns the number of examples.
    pub fn len(&self) -> usize {
        let first = self.inputs.first().or(self.targets.first());
        first.and_then(|tensor| tensor.shape().first()).copied().unwrap_or(0)
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batch, if it has this many examples.
    pub(crate) fn of(self, count: usize) -> Result<Self> {
        for (what, tensors) in [("inputs", &self.inputs), ("targets", &self.targets), ("weights", &self.weights)] {
            if let Some(odd) = tensors.iter().find(|tensor| tensor.shape().first() != Some(&count)) {
                return Err(Error::shape(format!(
                    "expected {count} examples in the first axis of a batch's {what}, as many as were asked for, got {:?}",
                    odd.shape()
                )));
            }
        }
        Ok(self)
    }

    /// All tensors, to do the same to each.
    fn each(self, mut change: impl FnMut(Vec<Tensor>) -> Result<Vec<Tensor>>) -> Result<Self> {
        Ok(Self { inputs: change(self.inputs)?, targets: change(self.targets)?, weights: change(self.weights)? })
    }

    /// These examples of the batch, in this order.
    pub(crate) fn select(self, indices: &[usize]) -> Result<Self> {
        self.each(|tensors| Ok(tensors.iter().map(|tensor| rows(tensor, 1, indices)).collect()))
    }

    /// The examples of all batches, one after another.
    pub(crate) fn concatenate(parts: Vec<Self>) -> Result<Self> {
        let mut parts = parts.into_iter();
        let Some(mut all) = parts.next() else { return Ok(Self::new(Vec::new(), Vec::new())) };
        for part in parts {
            let mut rest = [part.inputs, part.targets, part.weights].into_iter();
            all = all.each(|tensors| join(tensors, rest.next().unwrap_or_default()))?;
        }
        Ok(all)
    }
}

fn join(first: Vec<Tensor>, second: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let shapes = |tensors: &[Tensor]| tensors.iter().map(|tensor| tensor.shape().to_vec()).collect::<Vec<_>>();
    let fail = || {
        let (first, second) = (shapes(&first), shapes(&second));
        Error::shape(format!("expected examples of one shape, got batches of shapes {first:?} and {second:?}"))
    };
    if first.len() != second.len() {
        return Err(fail());
    }
    let mut joined = Vec::with_capacity(first.len());
    for (a, b) in first.iter().zip(&second) {
        let ([count, row @ ..], [more, other @ ..]) = (a.shape(), b.shape()) else { return Err(fail()) };
        if row != other {
            return Err(fail());
        }
        let mut numbers = Vec::with_capacity(a.len() + b.len());
        for part in [a, b] {
            numbers.extend_from_slice(part.as_standard_layout().as_slice().unwrap_or_default());
        }
        joined.push(tensor(&[&[count + more], row].concat(), numbers));
    }
    Ok(joined)
}

/// One tensor of the examples with these numbers, `[examples, ...]`.
pub(crate) fn stack(indices: &[usize], examples: &[Tensor]) -> Result<Tensor> {
    let shape = examples.first().map_or(&[][..], |first| first.shape());
    let mut all = buffer(shape.iter().product::<usize>() * examples.len());
    for (i, (out, example)) in all.chunks_mut(shape.iter().product::<usize>().max(1)).zip(examples).enumerate() {
        if example.shape() != shape {
            return Err(Error::shape(format!(
                "expected examples of one shape, got {shape:?} for example {} and {:?} for example {}",
                indices[0],
                example.shape(),
                indices[i]
            )));
        }
        match example.as_slice() {
            Some(slice) => out.copy_from_slice(slice),
            None => out.copy_from_slice(example.into_tensor().as_slice().unwrap_or_default()),
        }
    }
    Ok(tensor(&[&[examples.len()], shape].concat(), all))
}

/// Seeds the random numbers of an example: they depend on nothing else.
pub(crate) fn seeds(seed: u64, epoch: u64, index: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, number) in bytes.chunks_exact_mut(8).zip([seed, epoch, index]) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// Whether numbers are shares of classes: a one-hot row, or one of mixed examples.
pub(crate) fn is_shares(row: impl Iterator<Item = Float>) -> bool {
    let (mut sum, mut is_share) = (0.0, true);
    for x in row {
        sum += x;
        is_share &= x >= 0.0;
    }
    is_share && (sum - 1.0).abs() <= 1e-2
}

/// The class number of each row: the numbers themselves where rows are single numbers, else where the greatest of a row of
/// shares is.
pub(crate) fn classes_of(targets: &Tensor) -> Result<Vec<usize>> {
    let rows = targets.shape().first().copied().unwrap_or(0);
    let width = targets.len() / rows.max(1);
    let is_one_class = targets.shape().last().is_none_or(|last| *last == width || width <= 1);
    let targets = targets.as_standard_layout();
    let numbers = targets.as_slice().unwrap_or_default();
    let class = |row: &[Float]| match row {
        [x] if *x >= 0.0 && x.fract() == 0.0 && *x < 16_777_216.0 => Ok(*x as usize),
        [x] => Err(Error::value(format!("expected whole class numbers from 0 on as targets, got {x}"))),
        row if is_one_class && is_shares(row.iter().copied()) => {
            Ok((1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best }))
        }
        row => Err(Error::value(format!(
            "expected one class an example, as a number or a one-hot row, got targets {:?}, and {:?} among them; examples of \
             several labels, and sequences of them, have no one class: choose numbers to balance or split by, and give them \
             to `data::stratified_split`, `data::oversample` and the like",
            targets.shape(),
            &row[..row.len().min(8)]
        ))),
    };
    numbers.chunks(width.max(1)).map(class).collect()
}
