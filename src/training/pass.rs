//! One pass of a batch through a model, whole or in parts.

use std::ops::Range;

use crate::autograd::{Gradients, Layer, Param, Tape, Var, Vars};
use crate::data::{Batch, Dataset};
use crate::distributed::{Distributed, Message, Piece, Reader};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::losses::{Losses, OutputTotal, OutputWeights};
use crate::tensor::{Float, Tensor, data};

/// What the numbers of a part must exceed, beside weights, to be worth a tape and a meeting of threads.
const PART: usize = 1 << 14;

/// The fewest examples of a part.
const FEWEST: usize = 8;

/// What a pass computes of the model's outputs.
#[derive(Clone, Copy)]
pub(super) struct Objective<'a> {
    pub losses: &'a Losses,
    pub class_weights: &'a OutputWeights,
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
    /// How many parts there are at most.
    pub most: usize,
}

impl Parts {
    pub const WHOLE: Self = Self { least: 0, most: 8 };

    /// Batches of which somebody else knows that they may be divided.
    pub const SMALL: Self = Self { least: FEWEST, ..Self::WHOLE };

    /// The parts that ranks divide among themselves: there is nothing to gain for them from fewer.
    pub fn on(self, ranks: Option<&Distributed>) -> Self {
        let Some(ranks) = ranks else { return self };
        Self { least: self.least.min(FEWEST), most: ranks.most_parts() }
    }

    /// Finds into what parts batches of this many examples may be divided, by a dry pass of two examples, which says
    /// whether rows are independent.
    pub fn found(batch: usize, tape: &Tape, dry: impl FnOnce(&[usize]) -> Result<bool>) -> Self {
        // Whoever refuses two examples may take them in a batch; if they are at fault, the batch will say so.
        if batch <= FEWEST || !dry(&[0, 1]).unwrap_or(false) {
            return Self::WHOLE;
        }
        // Each part reads all weights and makes gradients of its own for them, and has a tape and a meeting of threads.
        let (weights, values) = tape.sizes();
        Self { least: (2 * (weights + PART)).div_ceil(values.max(1)).max(FEWEST), ..Self::WHOLE }
    }

    /// Examples in a part of a batch. It must not depend on the number of threads, or the bits would.
    pub fn size(self, batch: usize) -> usize {
        match self.least {
            0 => batch,
            least => batch.div_ceil((batch / least).clamp(1, self.most)),
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
    batch: Batch,
    share: Float,
) -> Result<Part> {
    let (value, mut part) = forward(model, objective, tape, batch)?;
    if tape.is_training() {
        part.gradients = value.backward_scaled(share)?;
    }
    part.updates = tape.take_updates();
    Ok(part)
}

/// The gradients of a mean loss over `examples` examples times `share`, where each example's is multiplied by what `factor` makes of its norm
/// and share: all at once if `is_joint`, or one after the other, each by `one`, where an operation of the model cannot tell them apart.
pub(super) fn by_example(
    loss: &Var,
    examples: usize,
    share: Float,
    factor: &dyn Fn(f64, f64) -> f64,
    is_joint: bool,
    one: impl Fn(usize, Float) -> Result<Gradients>,
) -> Result<Gradients> {
    if !loss.tape().splits(loss) {
        return Err(Error::value(
            "fit: a gradient hook, such as that of private training, asks for the gradient of each example, which there is not: a layer, such \
             as batch normalisation, or the loss looks across the batch; replace it, such as by layer or group normalisation",
        ));
    }
    let of_one = f64::from(share) / examples as f64;
    if is_joint && let Some(found) = loss.backward_by_example(share, examples, |norm| factor(norm, of_one))? {
        return Ok(found);
    }
    let mut sum = Gradients::default();
    for i in 0..examples {
        let mut gradients = one(i, of_one as Float)?;
        gradients.scale(factor(gradients.norm() / of_one, of_one) as Float);
        sum.merge(gradients);
    }
    Ok(sum)
}

/// Runs some examples forward; there are no gradients yet.
pub(super) fn forward<M: Layer<X, Y>, X: Vars, Y: Vars>(
    model: &M,
    objective: Objective<'_>,
    tape: &Tape,
    mut batch: Batch,
) -> Result<(Var, Part)> {
    let examples = batch.targets.first().and_then(|targets| targets.shape().first()).copied().unwrap_or(0);
    let inputs = std::mem::take(&mut batch.inputs);
    let predictions = model.forward(&input(tape, inputs)?)?.to_list();
    let (value, outputs, added) = total(objective, tape, &predictions, &batch)?;
    let part = Part {
        outputs,
        added,
        loss: f64::from(data(&value.value)[0]),
        examples,
        splits: tape.splits(&value),
        gradients: Gradients::default(),
        predictions: predictions.iter().map(|prediction| (*prediction.value).clone()).collect(),
        targets: batch.targets,
        updates: Vec::new(),
    };
    Ok((value, part))
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

/// Runs batches in parts, or whole if one of them shows what the dry pass did not: then from here on.
pub(super) fn run_parts(
    ranks: Option<&Distributed>,
    who: &str,
    parts: &mut Parts,
    batches: &[&[usize]],
    run: impl Fn(usize, &[usize]) -> Result<Part> + Sync,
) -> Result<Vec<Part>> {
    let pieces: Vec<&[usize]> = batches.iter().flat_map(|batch| batch.chunks(parts.size(batch.len()))).collect();
    let found = in_parts(ranks, who, &pieces, &run)?;
    if found.len() > 1 && parts.least > 0 && !found.iter().all(|part| part.splits) {
        parts.least = 0;
        return in_parts(ranks, who, batches, &run);
    }
    Ok(found)
}

/// Runs a batch in parts of this many examples, whose gradients are wanted apart.
pub(super) fn run_apart(
    ranks: Option<&Distributed>,
    examples: usize,
    indices: &[usize],
    run: impl Fn(usize, &[usize]) -> Result<Part> + Sync,
) -> Result<Vec<Part>> {
    let pieces: Vec<&[usize]> = indices.chunks(examples.max(1)).collect();
    let found = in_parts(ranks, "fit", &pieces, run)?;
    if found.iter().all(|part| part.splits) {
        return Ok(found);
    }
    Err(Error::value(format!(
        "fit: a gradient hook asks for the gradients of each {examples} examples, which there are not: a layer, such as batch \
         normalisation, or the loss looks across the batch; replace it, such as by layer or group normalisation"
    )))
}

/// Runs parts of examples on as many threads and ranks as there are; the results are in order. What is one part runs on every rank.
pub(super) fn in_parts<R: Send + Piece>(
    ranks: Option<&Distributed>,
    who: &str,
    parts: &[&[usize]],
    run: impl Fn(usize, &[usize]) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let run_all = |own: Range<usize>| match own.len() {
        // Alone it may use all threads inside its operations.
        1 => run(own.start, parts[own.start]).map(|only| vec![only]),
        count => parallel::map_chunks(count, 1, |i| run(own.start + i.start, parts[own.start + i.start]))
            .into_iter()
            .collect(),
    };
    match ranks {
        None => run_all(0..parts.len()),
        Some(ranks) if parts.len() == 1 => ranks.all(who, run_all(0..1)),
        Some(ranks) => ranks.divide(who, parts.len(), run_all),
    }
}

/// Gradients stay where they are until they are summed.
impl Piece for Part {
    fn write(&self, message: &mut Message) {
        [self.loss, self.added].into_iter().for_each(|number| message.number(number));
        [self.examples, usize::from(self.splits), self.outputs.len()]
            .into_iter()
            .for_each(|count| message.count(count));
        for output in &self.outputs {
            [output.loss, output.count].into_iter().for_each(|number| message.number(number));
            message.tensors(output.counted.as_slice().iter());
            message.tensors(output.weights.as_slice().iter());
        }
        message.tensors(self.predictions.iter());
        message.tensors(self.targets.iter());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let (loss, added) = (reader.number()?, reader.number()?);
        let (examples, splits, outputs) = (reader.count()?, reader.count()? != 0, reader.count()?);
        let output = |reader: &mut Reader<'_>| {
            let (loss, count) = (reader.number()?, reader.number()?);
            Ok(OutputTotal { loss, count, counted: reader.tensors()?.pop(), weights: reader.tensors()?.pop() })
        };
        Ok(Self {
            loss,
            outputs: (0..outputs).map(|_| output(reader)).collect::<Result<_>>()?,
            added,
            examples,
            predictions: reader.tensors()?,
            targets: reader.tensors()?,
            gradients: Gradients::default(),
            updates: Vec::new(),
            splits,
        })
    }
}
