//! One pass of a batch through a model, whole or in parts.

use crate::autograd::{Gradients, Tape, Var};
use crate::data::{Batch, Dataset};
use crate::error::Result;
use crate::kernels::parallel;
use crate::layers::{Layer, Vars};
use crate::losses::{Losses, OutputTotal};
use crate::param::Param;
use crate::tensor::{Float, Tensor, data};

/// What a part of a batch gave.
pub(super) struct Part {
    /// The whole loss, whose gradients these are.
    pub loss: f64,
    /// The loss of each output.
    pub outputs: Vec<OutputTotal>,
    /// What layers add to the loss.
    pub added: f64,
    pub examples: usize,
    pub predictions: Vec<Tensor>,
    pub targets: Vec<Tensor>,
    pub gradients: Gradients,
    pub updates: Vec<(Param, Tensor)>,
    /// Whether this pass, too, shows nothing that looks across the batch.
    pub splits: bool,
}

/// Where the random numbers of a pass come from.
#[derive(Clone, Copy)]
pub(super) struct Seeds {
    pub initial: u64,
    pub random: u64,
}

impl Seeds {
    /// The seeds for something numbered `n`, as different from its neighbours' as can be (SplitMix64's finalizer).
    pub fn nth(self, n: u64) -> Self {
        let mut z = self.random ^ n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self { random: z ^ (z >> 31), ..self }
    }
}

/// Examples in a part of a batch of `batch` examples. It must not depend on the number of threads, or the bits would.
pub(super) fn part_size(batch: usize) -> usize {
    batch.div_ceil(8).max(8)
}

/// The model's inputs as variables.
pub(super) fn input<X: Vars>(tape: &Tape, tensors: Vec<Tensor>) -> Result<X> {
    X::from_list("the model", tensors.into_iter().map(|tensor| tape.examples(tensor)).collect())
}

/// Runs some examples forward, and backward if the tape is to train.
///
/// `share` is the part's share in the batch: the factor of its gradients.
pub(super) fn run<M: Layer<X, Y>, X: Vars, Y: Vars>(
    model: &M,
    losses: &Losses,
    tape: &Tape,
    mut batch: Batch,
    share: Float,
) -> Result<Part> {
    let examples = batch.targets.first().and_then(|targets| targets.shape().first()).copied().unwrap_or(0);
    let inputs = std::mem::take(&mut batch.inputs);
    let predictions = model.forward(&input(tape, inputs)?)?.to_list();
    let (value, outputs, added) = total(losses, tape, &predictions, &batch)?;
    Ok(Part {
        outputs,
        added,
        loss: f64::from(data(&value.value)[0]),
        examples,
        splits: tape.splits(&value),
        gradients: if tape.is_training() { value.backward_scaled(share)? } else { Gradients::default() },
        predictions: predictions.iter().map(|prediction| (*prediction.value).clone()).collect(),
        targets: batch.targets,
        updates: tape.take_updates(),
    })
}

/// The losses of the outputs with those that layers added; each output's, and the sum of the added ones.
fn total(losses: &Losses, tape: &Tape, predictions: &[Var], batch: &Batch) -> Result<(Var, Vec<OutputTotal>, f64)> {
    let (mut total, outputs) = losses.total(predictions, &batch.targets, &batch.weights)?;
    let mut number = 0.0;
    for added in tape.take_losses() {
        number += f64::from(data(&added.value)[0]);
        total = total + added;
    }
    Ok((total, outputs, number))
}

/// The penalties on the values of parameters, as a number.
pub(super) fn penalty(parameters: &[(String, Param)]) -> Result<f64> {
    let tape = Tape::inference();
    let number = |penalty: Var| f64::from(data(&penalty.value)[0]);
    parameters
        .iter()
        .map(|(path, param)| Ok(param.penalty(&tape).map_err(|error| error.within(path))?.map_or(0.0, number)))
        .sum()
}

/// Whether a batch may be run in parts: if the operations of `tape`'s pass say so, and if the loss of a few examples is
/// the mean of their losses (a layer or loss that computes with the length of the batch shows in no operation).
pub(super) fn splits<M: Layer<X, Y>, X: Vars, Y: Vars>(
    model: &M,
    losses: &Losses,
    tape: Tape,
    dataset: &dyn Dataset,
) -> Result<bool> {
    if dataset.len() < 2 {
        return Ok(false);
    }
    let value_on = |tape: &Tape, indices: &[usize]| -> Result<Var> {
        let mut batch = dataset.batch(indices)?;
        let inputs = std::mem::take(&mut batch.inputs);
        let predictions = model.forward(&input(tape, inputs)?)?.to_list();
        total(losses, tape, &predictions, &batch).map(|(loss, ..)| loss)
    };
    let examples: Vec<usize> = (0..dataset.len().min(3)).collect();
    let value = value_on(&tape, &examples)?;
    if !tape.splits(&value) {
        return Ok(false);
    }
    let number = |indices: &[usize]| value_on(&Tape::inference(), indices).map(|loss| f64::from(data(&loss.value)[0]));
    let alone: Result<Vec<f64>> = examples.chunks(1).map(number).collect();
    // A model that takes several examples and refuses one looks across the batch.
    let (Ok(together), Ok(alone)) = (number(&examples), alone) else { return Ok(false) };
    let scale = alone.iter().fold(together.abs(), |scale, loss| scale.max(loss.abs()));
    Ok((together - alone.iter().sum::<f64>() / alone.len() as f64).abs() <= 1e-4 * scale)
}

/// Runs `count` examples in fixed parts, on as many threads as there are; the results are in order.
pub(super) fn in_parts<R: Send>(
    count: usize,
    size: usize,
    run: impl Fn(usize, &[usize]) -> Result<R> + Sync,
    indices: &[usize],
) -> Result<Vec<R>> {
    if count <= size {
        // Alone it may use all threads inside its operations.
        return Ok(vec![run(0, indices)?]);
    }
    parallel::map_chunks(count, size, |range| run(range.start / size, &indices[range])).into_iter().collect()
}
