//! The training loop itself.

use std::time::Instant;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::pass::{self, Part};
use super::trainer::check_dataset;
use super::{Fit, History, Logs, Trainer};
use crate::autograd::{Gradients, Tape};
use crate::callbacks::{Callback, Run};
use crate::data::{ClassWeighted, Dataset, Epoch, Subset};
use crate::error::{Error, Result};
use crate::initializers::Rng;
use crate::layers::{Layer, Vars};
use crate::param::{Noise, Param};
use crate::tensor::Float;

/// Separates the seeds of the order of examples from those of dropout.
const ORDER: u64 = 0x006f_7264_6572;

/// A run in progress: what callbacks see, and the callbacks.
struct State<'a> {
    callbacks: Vec<Box<dyn Callback + 'a>>,
    parameters: Vec<(String, Param)>,
    noises: Vec<(String, Noise)>,
    epoch: usize,
    epochs: usize,
    batch: usize,
    batches: usize,
    examples: usize,
    seconds: f64,
    batch_loss: f64,
    logs: Logs,
    stop: bool,
}

type Hook = fn(&mut dyn Callback, &mut Run<'_>) -> Result<()>;

impl<M: Layer<X, Y>, X: Vars, Y: Vars> Trainer<M, X, Y> {
    /// Trains the model, and returns loss and metrics of each epoch.
    ///
    /// Loss and metrics of an epoch are means over its batches, while the weights change, as in Keras. Where the loss
    /// is a mean over examples that do not look at each other, a batch runs in parts of fixed size, each forward and
    /// backward on one thread while it is in cache; the crate finds that out by itself, and with anything that looks
    /// across the batch (batch normalisation) the batch runs whole.
    ///
    /// # Errors
    /// data that is empty or does not fit the model; settings that make no sense; a trainable parameter that receives
    /// no gradient; a loss that is no number any more; whatever a callback returns. The weights stay those of the last
    /// whole step.
    pub fn fit(&mut self, dataset: &dyn Dataset, mut fit: Fit<'_>) -> Result<History> {
        fit.check()?;
        self.stepper.optimizer().check()?;
        check_dataset("fit", dataset)?;
        let held_out = (dataset.len() as f64 * fit.validation_split) as usize;
        let subset = Subset::new(dataset, 0..dataset.len() - held_out);
        let weighted;
        let training: &dyn Dataset = match fit.class_weights.take() {
            Some(weights) => {
                weighted = ClassWeighted::new(&subset, weights)?;
                &weighted
            }
            None => &subset,
        };
        if fit.validation_split > 0.0 && held_out == 0 {
            let (split, len) = (fit.validation_split, dataset.len());
            return Err(Error::value(format!(
                "fit: a validation split of {split} holds out none of {len} examples; hold out more, or give a validation set"
            )));
        }
        let rest = Subset::new(dataset, dataset.len() - held_out..dataset.len());
        let validation = fit.validation.or((held_out > 0).then_some(&rest as &dyn Dataset));
        validation.map_or(Ok(()), |validation| check_dataset("fit's validation", validation))?;
        self.start_figures()?;
        self.create_parameters(training)?;
        let mut state = State {
            callbacks: fit.take_callbacks(),
            parameters: self.model.parameters(),
            noises: self.model.noises(),
            epoch: 0,
            epochs: fit.epochs,
            batch: 0,
            batches: training.len().div_ceil(fit.batch_size),
            examples: 0,
            seconds: 0.0,
            batch_loss: f64::NAN,
            logs: Logs::default(),
            stop: false,
        };
        self.stepper.check(&state.parameters, fit.epochs.saturating_mul(state.batches))?;
        let mut history = History::default();
        self.call(&mut state, |callback, run| callback.on_train_begin(run))?;
        // Only now, since callbacks may freeze what looks across the batch.
        let tape = Tape::training().seeds(self.seed, self.seed);
        let mut splits = pass::splits(&self.model, &self.losses, tape, training)?;
        while state.epoch < fit.epochs && !state.stop {
            state.epoch += 1;
            self.stepper.show_averages(&state.parameters, false);
            self.epoch(training, &fit, &mut splits, &mut state)?;
            self.stepper.show_averages(&state.parameters, true);
            if let Some(validation) = validation {
                let logs = self.evaluate(validation)?;
                logs.iter().for_each(|(name, figure)| state.logs.set(format!("val_{name}"), figure));
            }
            self.call(&mut state, |callback, run| callback.on_epoch_end(run))?;
            history.push(state.logs.clone());
        }
        if state.epoch > 0 {
            self.stepper.keep_averages(&state.parameters);
        }
        self.call(&mut state, |callback, run| callback.on_train_end(run))?;
        Ok(history)
    }

    /// One pass over the data.
    fn epoch(&mut self, dataset: &dyn Dataset, fit: &Fit<'_>, splits: &mut bool, state: &mut State<'_>) -> Result<()> {
        let started = Instant::now();
        (state.batch, state.examples, state.logs) = (0, 0, Logs::default());
        self.call(state, |callback, run| callback.on_epoch_begin(run))?;
        let mut order: Vec<usize> = (0..dataset.len()).collect();
        // The batches before it tell an epoch from all others, also after a resumption.
        let dataset = &Epoch { dataset, number: u64::from(self.stepper.batches()) };
        if fit.shuffle {
            let seeds = self.seeds().nth(ORDER).nth(dataset.number);
            order.shuffle(&mut Rng::seed_from_u64(seeds.random));
        }
        let mut figures = self.start_figures()?;
        for indices in order.chunks(fit.batch_size) {
            state.batch += 1;
            let penalty = pass::penalty(&state.parameters)?;
            let parts = self.step(dataset, indices, splits, &state.parameters)?;
            let mut batch = figures.empty();
            for part in parts {
                batch.add(part.loss + penalty, &part.losses, part.examples);
                self.metrics.update(&part.predictions, &part.targets, &part.weights)?;
                part.predictions.into_iter().for_each(crate::buffers::recycle);
            }
            state.batch_loss = batch.loss();
            if state.batch_loss.is_finite() {
                figures.merge(&batch);
            }
            state.examples += indices.len();
            state.seconds = started.elapsed().as_secs_f64();
            state.logs = self.logs(&figures);
            self.call(state, |callback, run| callback.on_batch_end(run))?;
            if state.stop {
                break;
            }
            if !state.batch_loss.is_finite() {
                return Err(Error::NotFinite { loss: state.batch_loss, epoch: state.epoch, batch: state.batch });
            }
        }
        Ok(())
    }

    /// Forward, backward and one step of the optimizer, unless the loss is no number.
    fn step(
        &mut self,
        dataset: &dyn Dataset,
        indices: &[usize],
        splits: &mut bool,
        parameters: &[(String, Param)],
    ) -> Result<Vec<Part>> {
        let size = if *splits { pass::part_size(indices.len()) } else { indices.len() };
        let seeds = self.seeds().nth(u64::from(self.stepper.batches()));
        let (model, losses) = (&self.model, &self.losses);
        let run = |number: usize, part: &[usize]| {
            let tape = Tape::training().seeds(seeds.initial, seeds.nth(number as u64).random);
            pass::run(model, losses, &tape, dataset.batch(part)?, part.len() as Float / indices.len() as Float)
        };
        let mut parts = self.threads.run(|| pass::in_parts(indices.len(), size, run, indices))?;
        if parts.len() > 1 && !parts.iter().all(|part| part.splits) {
            // Something that the first pass did not show: from here on the batch runs whole.
            *splits = false;
            return self.step(dataset, indices, splits, parameters);
        }
        if parts.iter().all(|part| part.loss.is_finite()) {
            let mut gradients: Vec<Gradients> =
                parts.iter_mut().map(|part| std::mem::take(&mut part.gradients)).collect();
            let stepper = &mut self.stepper;
            self.threads.run(|| stepper.step_parts(parameters, &mut gradients))?;
            let updates = parts.iter_mut().flat_map(|part| std::mem::take(&mut part.updates));
            updates.into_iter().try_for_each(|(param, value)| param.set(value))?;
        }
        Ok(parts)
    }

    fn call(&mut self, state: &mut State<'_>, hook: Hook) -> Result<()> {
        let State { callbacks, parameters, noises, logs, .. } = state;
        let mut run = Run {
            epoch: state.epoch,
            epochs: state.epochs,
            batch: state.batch,
            batches: state.batches,
            examples: state.examples,
            seconds: state.seconds,
            batch_loss: state.batch_loss,
            logs,
            parameters,
            noises,
            optimizer: self.stepper.optimizer_mut(),
            stop: state.stop,
        };
        callbacks.iter_mut().try_for_each(|callback| hook(callback.as_mut(), &mut run))?;
        state.stop = run.stop;
        Ok(())
    }
}
