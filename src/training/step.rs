//! One step of training: the parts of a batch forward and backward, and what is made of their gradients.

use super::Trainer;
use super::blame;
use super::pass::{self, Objective, Part, Parts};
use super::run::RunState;
use crate::autograd::{Gradients, Layer, Param, Tape, Vars, check_update};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::optimizers::BatchPart;
use crate::tensor::Float;

impl<M: Layer<X, Y>, X: Vars, Y: Vars> Trainer<M, X, Y> {
    /// One batch: a step, the figures, the callbacks. `numbers` are those of the examples in the data that `fit` was given.
    pub(super) fn batch(
        &mut self,
        dataset: &dyn Dataset,
        indices: &[usize],
        numbers: &[usize],
        run: &mut RunState<'_>,
    ) -> Result<()> {
        let penalty = pass::penalty(&run.parameters)?;
        let parts = self.step(dataset, indices, run)?;
        let mut batch = run.figures.empty();
        for part in &parts {
            batch.add(part.loss, &part.outputs, part.added + penalty, part.examples);
        }
        if batch.loss().is_finite() {
            run.figures.merge(&batch);
            for part in &parts {
                self.metrics.update(&part.predictions, &part.targets, &part.outputs)?;
            }
        }
        for part in parts {
            part.predictions.into_iter().for_each(crate::tensor::recycle);
        }
        let advice = || dataset.batch(indices).ok().map(|batch| blame::advice(&batch, numbers));
        let ended = run.end_batch(batch.loss(), indices.len(), &mut self.tools());
        ended.map_err(|error| blame::explained(error, advice))
    }

    /// A batch without examples: a step along what hooks and regularizers add to gradients of 0.
    pub(super) fn empty_batch(&mut self, dataset: &dyn Dataset, run: &mut RunState<'_>) -> Result<()> {
        let objective = Objective { losses: &self.losses, class_weights: &run.class_weights };
        let tape = Tape::training().seeds(self.seed, self.seed);
        let part = pass::run(&self.model, objective, &tape, dataset.batch(&[0])?, 0.0)?;
        let mut gradients = [BatchPart { gradients: part.gradients, share: 1.0 }];
        self.stepper.step_parts(&run.parameters, &mut gradients)?;
        let loss = if run.batch_loss.is_finite() { run.batch_loss } else { 0.0 };
        run.end_batch(loss, 0, &mut self.tools())
    }

    /// Forward, backward and one step of the optimizer, unless the loss is not a number.
    fn step(&mut self, dataset: &dyn Dataset, indices: &[usize], run: &mut RunState<'_>) -> Result<Vec<Part>> {
        let is_first = run.batch == 0;
        let RunState { parts, parameters, class_weights, .. } = run;
        let ranks = self.ranks.as_ref();
        let are_predictions_needed = ranks.is_none() || !self.metrics.names().is_empty();
        let seeds = self.seeds().nth(u64::from(self.stepper.batches()));
        let stepper = &self.stepper;
        let scaled = |norm, share| stepper.example_factor(norm, share).unwrap_or(1.0);
        let factor: Option<&Factor<'_>> = stepper.example_factor(1.0, 1.0).map(|_| &scaled as _);
        let (model, objective) = (&self.model, Objective { losses: &self.losses, class_weights });
        let run = |number: usize, part: &[usize]| {
            let tape = Tape::training().seeds(seeds.initial, seeds.nth(number as u64).random);
            let share = part.len() as Float / indices.len() as Float;
            let mut part = match factor {
                Some(factor) => run_by_example(model, objective, &tape, dataset, part, share, factor)?,
                None => pass::run(model, objective, &tape, dataset.batch(part)?, share)?,
            };
            if !are_predictions_needed {
                (part.predictions, part.targets) = (Vec::new(), Vec::new());
            }
            Ok(part)
        };
        let mut parts = match self.stepper.examples_per_part() {
            Some(examples) => self.threads.run(|| pass::run_apart(ranks, examples, indices, run))?,
            None if factor.is_some() && parts.least == 0 => {
                self.threads.run(|| pass::run_parts(ranks, "fit", &mut Parts::SMALL.on(ranks), &[indices], run))?
            }
            None => self.threads.run(|| pass::run_parts(ranks, "fit", parts, &[indices], run))?,
        };
        if is_first {
            let listed = parts.first().map_or(Ok(()), |part| check_listed("fit", parameters, &part.gradients));
            match ranks {
                Some(ranks) => ranks.all("fit", listed)?,
                None => listed?,
            }
        }
        check_changes(parameters, &parts)?;
        if parts.iter().all(|part| part.loss.is_finite()) {
            let mut gradients: Vec<BatchPart> = Vec::with_capacity(parts.len());
            for part in &mut parts {
                let share = part.examples as Float / indices.len() as Float;
                gradients.push(BatchPart { gradients: std::mem::take(&mut part.gradients), share });
            }
            for part in &parts {
                check_updates(parameters, &part.updates)?;
            }
            let stepper = &mut self.stepper;
            self.threads.run(|| stepper.step_on(ranks, parameters, gradients))?;
            for part in &mut parts {
                for (param, value) in std::mem::take(&mut part.updates) {
                    param.set(value)?;
                }
            }
        }
        Ok(parts)
    }
}

/// What becomes of an example's gradient, given its norm and share.
type Factor<'a> = dyn Fn(f64, f64) -> f64 + Sync + 'a;

/// [`pass::run`], with the gradient of each example multiplied by a factor.
fn run_by_example<M: Layer<X, Y>, X: Vars, Y: Vars>(
    model: &M,
    objective: Objective<'_>,
    tape: &Tape,
    dataset: &dyn Dataset,
    examples: &[usize],
    share: Float,
    factor: &Factor<'_>,
) -> Result<Part> {
    let (loss, mut part) = pass::forward(model, objective, tape, dataset.batch(examples)?)?;
    let one = |i: usize, share| {
        let tape = Tape::training().seeds(0, tape.random(rand::Rng::next_u64));
        Ok(pass::run(model, objective, &tape, dataset.batch(&examples[i..=i])?, share)?.gradients)
    };
    part.gradients = pass::by_example(&loss, examples.len(), share, factor, objective.losses.per_example(), one)?;
    Ok(part)
}

fn check_updates(parameters: &[(String, Param)], updates: &[(Param, crate::tensor::Tensor)]) -> Result<()> {
    for (param, value) in updates {
        let path = parameters.iter().find(|(_, known)| known.id() == param.id()).map(|(path, _)| path.clone());
        check_update(value, || path.unwrap_or_else(|| "a state that no layer lists".into()))?;
    }
    Ok(())
}

/// All that the loss depends on and that is not frozen must be listed: else it is neither trained nor saved.
pub(super) fn check_listed(who: &str, parameters: &[(String, Param)], gradients: &Gradients) -> Result<()> {
    match &gradients.unlisted(parameters)[..] {
        [] => Ok(()),
        shapes => Err(Error::Parameters(format!(
            "{who}: the loss depends on {} trainable parameters that the model does not list, of the shapes {shapes:?}, so that they \
             would neither be trained nor saved; a layer of your own keeps what it uses in its fields and names each in `params`, by \
             `list.nest(\"name\", &self.layer)` or `list.add(\"name\", &self.param)`; freeze what is not to be trained",
            shapes.len()
        ))),
    }
}

/// Something must change: a weight by its gradient, or a statistic by the pass. A model without any is nobody's mistake.
fn check_changes(parameters: &[(String, Param)], parts: &[Part]) -> Result<()> {
    let own: Vec<&(String, Param)> = parameters.iter().filter(|(_, param)| !param.is_state()).collect();
    let Some((last, _)) = own.last() else { return Ok(()) };
    if own.iter().any(|(_, param)| param.is_trainable()) || parts.iter().any(|part| !part.updates.is_empty()) {
        return Ok(());
    }
    Err(Error::value(format!(
        "fit: expected at least one parameter to train, got {}, all frozen; unfreeze some, such as \
         `model.unfreeze_matching(\"{last}\")`",
        own.len()
    )))
}
