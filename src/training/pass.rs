//! One pass of a batch through a model, whole or in parts.

use crate::autograd::{Gradients, Layer, Param, Tape, Var, Vars};
use crate::data::{Batch, Dataset};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::losses::{ClassWeights, Losses, OutputTotal};
use crate::tensor::{Float, Tensor, data};

/// What the numbers of a part must exceed, beside weights, to be worth a tape and a meeting of threads.
const PART: usize = 1 << 14;

/// The fewest examples of a part.
const FEWEST: usize = 8;

/// What a pass computes of the model's outputs.
#[derive(Clone, Copy)]
pub(super) struct Objective<'a> {
    pub losses: &'a Losses,
    pub class_weights: &'a ClassWeights,
}

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

/// Into what parts batches are divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Parts {
    /// The fewest examples that are worth a part; 0 if batches run whole.
    pub least: usize,
}

impl Parts {
    pub const WHOLE: Self = Self { least: 0 };

    /// Finds into what parts batches of this many examples may be divided, by a dry pass of two examples, which says
    /// whether rows are independent.
    pub fn found(batch: usize, tape: &Tape, dry: impl FnOnce(&[usize]) -> Result<bool>) -> Self {
        // Whoever refuses two examples may take them in a batch; if they are at fault, the batch will say so.
        if batch <= FEWEST || !dry(&[0, 1]).unwrap_or(false) {
            return Self::WHOLE;
        }
        // Each part reads all weights and makes gradients of its own for them, and has a tape and a meeting of threads.
        let (weights, values) = tape.sizes();
        Self { least: (2 * (weights + PART)).div_ceil(values.max(1)).max(FEWEST) }
    }

    /// Examples in a part of a batch. It must not depend on the number of threads, or the bits would.
    pub fn size(self, batch: usize) -> usize {
        match self.least {
            0 => batch,
            least => batch.div_ceil((batch / least).clamp(1, 8)),
        }
    }
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
    objective: Objective<'_>,
    tape: &Tape,
    mut batch: Batch,
    share: Float,
) -> Result<Part> {
    let examples = batch.targets.first().and_then(|targets| targets.shape().first()).copied().unwrap_or(0);
    let inputs = std::mem::take(&mut batch.inputs);
    let predictions = model.forward(&input(tape, inputs)?)?.to_list();
    let (value, outputs, added) = total(objective, tape, &predictions, &batch)?;
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
fn total(
    objective: Objective<'_>,
    tape: &Tape,
    predictions: &[Var],
    batch: &Batch,
) -> Result<(Var, Vec<OutputTotal>, f64)> {
    let (mut total, outputs) =
        objective.losses.total(predictions, &batch.targets, &batch.weights, objective.class_weights)?;
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

/// Into what parts batches of the dataset may be divided. Each operation must say that its rows are independent, and the
/// losses that they look at no other example's target.
pub(super) fn parts<M: Layer<X, Y>, X: Vars, Y: Vars>(
    model: &M,
    objective: Objective<'_>,
    tape: &Tape,
    dataset: &dyn Dataset,
    batch: usize,
) -> Parts {
    Parts::found(batch.min(dataset.len()), tape, |examples| {
        if !objective.losses.per_example() {
            return Ok(false);
        }
        let mut batch = dataset.batch(examples)?;
        let inputs = std::mem::take(&mut batch.inputs);
        let predictions = model.forward(&input(tape, inputs)?)?.to_list();
        let (loss, ..) = total(objective, tape, &predictions, &batch)?;
        Ok(tape.splits(&loss))
    })
}

/// Runs a batch in parts, or whole if one of them shows what the dry pass did not: then from here on.
pub(super) fn run_parts(
    parts: &mut Parts,
    indices: &[usize],
    run: impl Fn(usize, &[usize]) -> Result<Part> + Sync,
) -> Result<Vec<Part>> {
    let found = in_parts(parts.size(indices.len()), indices, &run)?;
    if found.len() > 1 && !found.iter().all(|part| part.splits) {
        *parts = Parts::WHOLE;
        return in_parts(indices.len(), indices, &run);
    }
    Ok(found)
}

/// Runs a batch in parts of this many examples, whose gradients are wanted apart.
pub(super) fn run_apart(
    examples: usize,
    indices: &[usize],
    run: impl Fn(usize, &[usize]) -> Result<Part> + Sync,
) -> Result<Vec<Part>> {
    let found = in_parts(examples.max(1), indices, run)?;
    if found.iter().all(|part| part.splits) {
        return Ok(found);
    }
    Err(Error::value(format!(
        "fit: a gradient hook asks for the gradients of each {examples} examples, which there are not: a layer, such as batch \
         normalisation, or the loss looks across the batch; replace it, such as by layer or group normalisation"
    )))
}

/// Runs examples in parts of a fixed size, on as many threads as there are; the results are in order.
pub(super) fn in_parts<R: Send>(
    size: usize,
    indices: &[usize],
    run: impl Fn(usize, &[usize]) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if indices.len() <= size {
        // Alone it may use all threads inside its operations.
        return Ok(vec![run(0, indices)?]);
    }
    parallel::map_chunks(indices.len(), size, |range| run(range.start / size, &indices[range])).into_iter().collect()
}
