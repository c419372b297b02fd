//! A model's outputs for arrays of examples.

use super::Threads;
use super::pass::{self, Parts};
use super::trainer::tape;
use crate::autograd::{Layer, Tape, Vars};
use crate::data::{Inputs, common_length};
use crate::distributed::{Distributed, Message, Piece, Reader};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// The outputs of `model` in inference mode, `batch` examples at a time on these threads and ranks; `seed` is that of parameters which are
/// made by it.
pub(crate) fn predict<M: Layer<X, Y> + ?Sized, X: Vars, Y: Vars>(
    model: &M,
    inputs: &impl Inputs,
    seed: u64,
    (threads, ranks): (&Threads, Option<&Distributed>),
    batch: usize,
) -> Result<Y::Values> {
    let count = common_length(&inputs.lengths())?;
    if count == 0 {
        return Err(Error::value("predict: expected at least one example, got none"));
    }
    inputs.check_numbers().map_err(|error| Error::value(format!("predict: {error}")))?;
    let mut found = outputs(model, inputs, seed, (threads, ranks), (count, batch.min(count)))?;
    let arranged = |tensors: Vec<Tensor>| Y::values(&mut tensors.into_iter()).expect("as many as there were outputs");
    if let [only] = &mut found[..] {
        return Ok(arranged(std::mem::take(&mut only.0)));
    }
    let joined = (0..found[0].0.len()).map(|output| {
        let views: Vec<_> = found.iter().map(|(outputs, _)| outputs[output].view()).collect();
        ndarray::concatenate(ndarray::Axis(0), &views)
            .map(|all| all.into_shared())
            .map_err(|_| Error::shape("predict: expected outputs [batch, ...] that differ in the batch only"))
    });
    Ok(arranged(joined.collect::<Result<_>>()?))
}

/// The model's outputs for each part of the inputs, and whether their rows are independent.
fn outputs<M: Layer<X, Y> + ?Sized, X: Vars, Y: Vars>(
    model: &M,
    inputs: &impl Inputs,
    seed: u64,
    (threads, ranks): (&Threads, Option<&Distributed>),
    (count, batch): (usize, usize),
) -> Result<Vec<(Vec<Tensor>, bool)>> {
    let forward = |tape: &Tape, examples: &[usize]| -> Result<(Vec<Tensor>, bool)> {
        let outputs = model.forward(&pass::input(tape, inputs.gather(examples)?)?)?.to_list();
        let splits = outputs.iter().all(|y| tape.splits_rows(y));
        Ok((outputs.iter().map(|y| (*y.value).clone()).collect(), splits))
    };
    let run = |_, part: &[usize]| forward(&tape(seed), part);
    let dry = tape(seed);
    let parts = Parts::found(batch, &dry, |examples| Ok(forward(&dry, examples)?.1));
    let examples: Vec<usize> = (0..count).collect();
    let in_parts =
        |size| threads.run(|| pass::in_parts(ranks, "predict", &examples.chunks(size).collect::<Vec<_>>(), run));
    let found = in_parts(parts.size(batch))?;
    if found.len() > 1 && parts != Parts::WHOLE && !found.iter().all(|(_, splits)| *splits) {
        return in_parts(batch);
    }
    Ok(found)
}

/// Outputs of a part, and whether their rows are independent.
impl Piece for (Vec<Tensor>, bool) {
    fn write(&self, message: &mut Message) {
        message.tensors(self.0.iter());
        message.count(usize::from(self.1));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Ok((reader.tensors()?, reader.count()? != 0))
    }
}
