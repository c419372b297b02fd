//! The training loop itself.

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::blame;
use super::course::{Course, Tools};
use super::pass::{self, Objective, Part, Parts};
use super::trainer::check_dataset;
use super::{Fit, History, Trainer, slow_build};
use crate::autograd::{Layer, Param, ParamList, Tape, Vars, check_update};
use crate::data::{Batches, Dataset, Epoch, Ready, Subset, first_share};
use crate::error::{Error, Result};
use crate::losses::ClassWeights;
use crate::metrics::{Direction, Figures};
use crate::optimizers::BatchPart;
use crate::random::Rng;
use crate::saving::Structure;
use crate::tensor::Float;
use crate::training::callbacks::KnownFigures;

/// Separates the seeds of the order of examples from those of dropout.
const ORDER: u64 = 0x006f_7264_6572;

impl<M: Layer<X, Y>, X: Vars, Y: Vars> Trainer<M, X, Y> {
    /// Trains the model, and returns loss and metrics of each epoch.
    ///
    /// Loss and metrics of an epoch are means over all its items that count, while the weights change: padding and ignored
    /// labels count in neither. Where the loss
    /// is a mean over examples that do not look at each other, a batch runs in parts of fixed size, each forward and
    /// backward on one thread while it is in cache; the crate finds that out by itself, and with anything that looks
    /// across the batch (batch normalisation) the batch runs whole.
    ///
    /// # Errors
    /// data that is empty or does not fit the model; settings that make no sense; a trainable parameter that receives
    /// no gradient; a loss that is not a number any more; whatever a callback returns. The weights stay those of the
    /// last whole step.
    pub fn fit(&mut self, dataset: &dyn Dataset, mut fit: Fit<'_>) -> Result<History> {
        slow_build::warn();
        fit.check()?;
        self.stepper.optimizer().check()?;
        check_dataset("fit", dataset)?;
        let held_out = first_share(dataset.len(), fit.validation_split)?;
        let training: &dyn Dataset = &Subset::new(dataset, 0..dataset.len() - held_out);
        if fit.validation_split > 0.0 && (held_out == 0 || held_out == dataset.len()) {
            let (split, len) = (fit.validation_split, dataset.len());
            let fault = if held_out == 0 { "holds out none of" } else { "leaves nothing to train on of" };
            return Err(Error::value(format!(
                "fit: a validation split of {split} {fault} {len} examples; choose another one, or give a validation set"
            )));
        }
        let rest = Subset::new(dataset, dataset.len() - held_out..dataset.len());
        let validation = fit.validation.or((held_out > 0).then_some(&rest as &dyn Dataset));
        validation.map_or(Ok(()), |validation| check_dataset("fit's validation", validation))?;
        let mut course = Course::new(fit.epochs, training.len().div_ceil(fit.batch_size));
        course.figures = self.start_figures()?;
        self.check_settings(&fit)?;
        course.known = KnownFigures::new(self.known_figures(&course.figures), validation.is_some(), true);
        self.create_parameters(training, fit.batch_size)?;
        course.callbacks = fit.take_callbacks();
        let list = ParamList::of(&self.model);
        course.noises = list.noises();
        course.parameters = list.into_vec();
        course.described = Some((Structure::of(&self.model, &ParamList::of(&self.model)), self.config()));
        course.identity = self.identity(&fit, training.len(), validation.map_or(0, |validation| validation.len()));
        course.identity.push(("class weights", format!("{:?}", fit.class_weights)));
        self.stepper.check(&course.parameters, fit.epochs.saturating_mul(course.batches))?;
        course.class_weights = std::mem::take(&mut fit.class_weights);
        course.begin(&mut self.tools())?;
        if course.epoch == 0 {
            // Only now, since callbacks may freeze what looks across the batch; a run that goes on knows it.
            let tape = Tape::training().seeds(self.seed, self.seed);
            let objective = Objective { losses: &self.losses, class_weights: &course.class_weights };
            course.parts = pass::parts(&self.model, objective, &tape, training, fit.batch_size);
        }
        while course.next_epoch(&mut self.tools())? {
            self.epoch(training, &fit, &mut course)?;
            if !course.stop {
                course.figures.check_counted("fit", self.losses.names())?;
            }
            course.end_batches(&mut self.tools())?;
            if let Some(validation) = validation {
                let logs = self.evaluate(validation)?;
                logs.iter().for_each(|(name, figure)| course.logs.set(format!("val_{name}"), figure));
            }
            let explain = |error| blame::explained(error, || validation.map(blame::advice_on_validation));
            course.end_epoch(&mut self.tools()).map_err(explain)?;
        }
        course.end(&mut self.tools())?;
        self.epochs += course.history.epochs().len();
        Ok(course.history)
    }

    /// The figures of training, and which way each gets better.
    fn known_figures(&self, losses: &Figures) -> Vec<(String, Option<Direction>)> {
        let mut known: Vec<_> = losses.names().into_iter().map(|name| (name, Some(Direction::Lower))).collect();
        known.extend(self.metrics.names().into_iter().zip(self.metrics.directions()));
        known
    }

    /// Refuses settings that would fail later.
    fn check_settings(&self, fit: &Fit<'_>) -> Result<()> {
        let outputs: Vec<String> = self.losses.names().map(String::from).collect();
        fit.class_weights.check(&outputs)?;
        self.evaluation_batch().map(|_| ())
    }

    fn tools(&mut self) -> Tools<'_> {
        Tools { steppers: std::slice::from_mut(&mut self.stepper), metrics: &mut self.metrics }
    }

    /// What decides on the bits of a run, beside the model and what callbacks and optimizers hold.
    fn identity(&self, fit: &Fit<'_>, examples: usize, held_out: usize) -> Vec<(&'static str, String)> {
        vec![
            ("seed", self.seed.to_string()),
            ("examples", examples.to_string()),
            ("examples of validation", held_out.to_string()),
            ("batch size", fit.batch_size.to_string()),
            ("shuffled", if fit.shuffle { "yes" } else { "no" }.into()),
            ("batches before the run", self.stepper.batches().to_string()),
            ("metrics", format!("{:?}", self.metrics.names())),
        ]
    }

    /// One pass over the data, or the rest of one.
    fn epoch(&mut self, dataset: &dyn Dataset, fit: &Fit<'_>, course: &mut Course<'_>) -> Result<()> {
        let mut order: Vec<usize> = (0..dataset.len()).collect();
        // The batches before it tell an epoch from all others, also after a resumption.
        let before = self.stepper.batches().saturating_sub(course.batch as u32);
        let dataset = &Epoch { dataset, number: u64::from(before) };
        if fit.shuffle {
            let seeds = self.seeds().nth(ORDER).nth(dataset.number);
            order.shuffle(&mut Rng::seed_from_u64(seeds.random));
        }
        order.drain(..(course.batch * fit.batch_size).min(order.len()));
        if fit.prefetch == 0 {
            for indices in order.chunks(fit.batch_size) {
                self.batch(dataset, indices, indices, course)?;
                if course.stop {
                    break;
                }
            }
            return Ok(());
        }
        let (size, len, ahead) = (fit.batch_size, dataset.len(), fit.prefetch.min(course.batches));
        let places: Vec<usize> = (0..size.min(len)).collect();
        Batches::in_order(dataset, size, order.clone()).prefetch(ahead, |batches| {
            for (batch, numbers) in batches.zip(order.chunks(size)) {
                let places = &places[..numbers.len()];
                self.batch(&Ready::new(batch?, places.len())?, places, numbers, course)?;
                if course.stop {
                    break;
                }
            }
            Ok(())
        })
    }

    /// One batch: a step, the figures, the callbacks. `numbers` are those of the examples in the data that `fit` was given.
    fn batch(
        &mut self,
        dataset: &dyn Dataset,
        indices: &[usize],
        numbers: &[usize],
        course: &mut Course<'_>,
    ) -> Result<()> {
        let penalty = pass::penalty(&course.parameters)?;
        let parts = self.step(dataset, indices, &mut course.parts, &course.parameters, &course.class_weights)?;
        let mut batch = course.figures.empty();
        for part in &parts {
            batch.add(part.loss, &part.outputs, part.added + penalty, part.examples);
        }
        if batch.loss().is_finite() {
            course.figures.merge(&batch);
            for part in &parts {
                self.metrics.update(&part.predictions, &part.targets, &part.outputs)?;
            }
        }
        parts.into_iter().flat_map(|part| part.predictions).for_each(crate::tensor::recycle);
        let advice = || dataset.batch(indices).ok().map(|batch| blame::advice(&batch, numbers));
        let ended = course.end_batch(batch.loss(), indices.len(), &mut self.tools());
        ended.map_err(|error| blame::explained(error, advice))
    }

    /// Forward, backward and one step of the optimizer, unless the loss is not a number.
    fn step(
        &mut self,
        dataset: &dyn Dataset,
        indices: &[usize],
        parts: &mut Parts,
        parameters: &[(String, Param)],
        class_weights: &ClassWeights,
    ) -> Result<Vec<Part>> {
        let seeds = self.seeds().nth(u64::from(self.stepper.batches()));
        let (model, objective) = (&self.model, Objective { losses: &self.losses, class_weights });
        let run = |number: usize, part: &[usize]| {
            let tape = Tape::training().seeds(seeds.initial, seeds.nth(number as u64).random);
            pass::run(model, objective, &tape, dataset.batch(part)?, part.len() as Float / indices.len() as Float)
        };
        let mut parts = match self.stepper.examples_per_part() {
            Some(examples) => self.threads.run(|| pass::run_apart(examples, indices, run))?,
            None => self.threads.run(|| pass::run_parts(parts, indices, run))?,
        };
        check_changes(parameters, &parts)?;
        if parts.iter().all(|part| part.loss.is_finite()) {
            let mut gradients: Vec<BatchPart> = Vec::with_capacity(parts.len());
            for part in &mut parts {
                let share = part.examples as Float / indices.len() as Float;
                gradients.push(BatchPart { gradients: std::mem::take(&mut part.gradients), share });
            }
            for (param, value) in parts.iter().flat_map(|part| &part.updates) {
                let path = parameters.iter().find(|(_, known)| known.id() == param.id()).map(|(path, _)| path.clone());
                check_update(value, || path.unwrap_or_else(|| "a state that no layer lists".into()))?;
            }
            let stepper = &mut self.stepper;
            self.threads.run(|| stepper.step_parts(parameters, &mut gradients))?;
            let updates = parts.iter_mut().flat_map(|part| std::mem::take(&mut part.updates));
            updates.into_iter().try_for_each(|(param, value)| param.set(value))?;
        }
        Ok(parts)
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
        "fit: expected at least one parameter to train, got {} and all frozen; unfreeze some, such as \
         `model.unfreeze_matching(\"{last}\")`",
        own.len()
    )))
}
