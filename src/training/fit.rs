//! `fit`: how to train, and the loop over epochs and batches.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::blame;
use super::pass::{self, Objective, Parts, Seeds};
use super::run::{RunState, Tools};
use super::trainer::{check_dataset, tape};
use super::{History, Trainer, slow_build};
use crate::autograd::{Layer, ParamList, Tape, Vars};
use crate::data::{Batches, Dataset, Epoch, Ready, Subset, first_share, numbers};
use crate::distributed::data_checksum;
use crate::error::{Error, Result};
use crate::losses::{ClassWeights, OutputWeights};
use crate::metrics::{Direction, Figures};
use crate::random::Rng;
use crate::saving::Structure;
use crate::training::callbacks::{Callback, KnownFigures, Progress};

/// Which examples make up the batches of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    InOrder,
    Shuffled,
    Poisson,
}

impl Sampling {
    fn name(self) -> &'static str {
        match self {
            Self::InOrder => "in order",
            Self::Shuffled => "shuffled",
            Self::Poisson => "Poisson",
        }
    }
}

/// How [`Trainer::fit`](super::Trainer::fit) trains.
///
/// # Defaults
/// batches of 32, shuffled, not read in advance, progress shown, no validation, no callbacks
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = ndarray::Array2::from_shape_fn((64, 1), |(i, _)| i as f32 / 64.0);
/// let y = &x * 3.0 + 1.0;
/// let mut model = Dense::new(1).compile(Adam::new(0.1), MeanSquaredError::default());
/// let history = model.fit(&(&x, &y), Fit::epochs(50).batch_size(16).validation_split(0.25).progress(false))?;
/// assert!(history.last().unwrap()["val_loss"] < 0.1);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
pub struct Fit<'a> {
    pub(super) epochs: usize,
    pub(super) batch_size: usize,
    pub(super) sampling: Sampling,
    pub(super) prefetch: usize,
    pub(super) validation: Option<&'a dyn Dataset>,
    pub(super) validation_split: f64,
    pub(super) class_weights: OutputWeights,
    pub(super) progress: bool,
    pub(super) callbacks: Vec<Box<dyn Callback + 'a>>,
}

impl std::fmt::Debug for Fit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fit")
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("callbacks", &self.callbacks.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Fit<'a> {
    /// Creates the settings of a run of this many passes over the data.
    pub fn epochs(epochs: usize) -> Self {
        Self {
            epochs,
            batch_size: 32,
            sampling: Sampling::Shuffled,
            prefetch: 0,
            validation: None,
            validation_split: 0.0,
            class_weights: OutputWeights::default(),
            progress: true,
            callbacks: Vec::new(),
        }
    }

    /// Sets how many examples go into a step. The last batch of an epoch may be smaller.
    pub fn batch_size(mut self, examples: usize) -> Self {
        self.batch_size = examples;
        self
    }

    /// Sets whether the examples are put into a new order for each epoch.
    pub fn shuffle(mut self, yes: bool) -> Self {
        self.sampling = if yes { Sampling::Shuffled } else { Sampling::InOrder };
        self
    }

    /// Draws each example into each batch with the same probability, the batch size divided by the number of examples, apart from all
    /// others: batches differ in size, and an example may be in several or none. It is what private training is
    /// [proved](crate::privacy) for.
    ///
    /// Opacus' `UniformWithReplacementSampler`.
    pub fn poisson(mut self) -> Self {
        self.sampling = Sampling::Poisson;
        self
    }

    /// Sets how many batches another thread reads in advance, 0 for none. Without it the threads that compute read what they
    /// need; it helps where reading waits, or where [`Trainer::threads`](super::Trainer::threads) leaves cores free. The
    /// results do not depend on it.
    #[doc(alias = "num_workers")]
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches;
        self
    }

    /// Evaluates on this data after each epoch.
    pub fn validation(mut self, dataset: &'a dyn Dataset) -> Self {
        self.validation = Some(dataset);
        self
    }

    /// Keeps this share of the examples, rounded to whole examples, for validation: the last ones before any shuffling; from
    /// 0 to 1.
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = share;
        self
    }

    /// Multiplies the loss of each item in training (an example, a step, a pixel) with the weight of its class, for classes that
    /// are rare; the mean still divides by the number of items, as in Keras. Targets are class numbers, of which those that the
    /// loss ignores have no class, or one-hot rows; they are one-hot where they have the prediction's shape. Validation is as it
    /// was. [`ClassWeights`] has the forms of weights: `[1.0, 5.0]`, or by class number, `[(1, 5.0)]`.
    #[doc(alias = "class_weight")]
    pub fn class_weights(self, weights: impl Into<ClassWeights>) -> Self {
        self.class_weights_of("", weights)
    }

    /// Sets the weights of the classes of one of several outputs, by the name that its loss has; see [`Fit::class_weights`].
    pub fn class_weights_of(mut self, output: impl Into<String>, weights: impl Into<ClassWeights>) -> Self {
        self.class_weights.set(output.into(), weights.into());
        self
    }

    /// Adds a callback; they are called in the order of adding.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Sets whether progress is shown.
    pub fn progress(mut self, yes: bool) -> Self {
        self.progress = yes;
        self
    }

    /// All callbacks, the progress last so that it shows what the others did.
    pub(super) fn take_callbacks(&mut self) -> Vec<Box<dyn Callback + 'a>> {
        let mut callbacks = std::mem::take(&mut self.callbacks);
        if self.progress {
            callbacks.push(Box::new(Progress::default()));
        }
        callbacks
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.batch_size == 0 {
            return Err(Error::value("fit: expected a batch size of at least 1, got 0; 32 is usual"));
        }
        if self.sampling == Sampling::Poisson && self.prefetch > 0 {
            return Err(Error::value(
                "fit: Poisson sampling cannot read in advance; leave out `prefetch` or `poisson`",
            ));
        }
        if !(0.0..1.0).contains(&self.validation_split) {
            let split = self.validation_split;
            return Err(Error::value(format!(
                "fit: expected a validation split in 0..1 (1 excluded), such as 0.2 for 20 %, got {split}"
            )));
        }
        if self.validation.is_some() && self.validation_split > 0.0 {
            return Err(Error::value("fit: got both a validation set and a validation split; choose one"));
        }
        Ok(())
    }
}

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
        let mut run = RunState::new(fit.epochs, training.len().div_ceil(fit.batch_size));
        run.figures = self.start_figures()?;
        self.check_settings(&fit)?;
        run.known = KnownFigures::new(self.known_figures(&run.figures), validation.is_some(), true);
        self.create_parameters(training, fit.batch_size)?;
        validation.map_or(Ok(()), |validation| self.check_validation(validation))?;
        run.callbacks = fit.take_callbacks();
        let list = ParamList::of(&self.model);
        run.noises = list.noises();
        run.parameters = list.into_vec();
        run.described = Some((Structure::of(&self.model, &ParamList::of(&self.model)), self.config()));
        run.identity = self.identity(&fit, training.len(), validation.map_or(0, |validation| validation.len()));
        run.identity.push(("class weights", format!("{:?}", fit.class_weights)));
        self.join_ranks(&mut run, training, validation)?;
        self.stepper.check(&run.parameters, fit.epochs.saturating_mul(run.batches))?;
        run.class_weights = std::mem::take(&mut fit.class_weights);
        run.begin(&mut self.tools())?;
        if run.epoch == 0 {
            // Only now, since callbacks may freeze what looks across the batch; a run that goes on knows it.
            let tape = Tape::training().seeds(self.seed, self.seed);
            let objective = Objective { losses: &self.losses, class_weights: &run.class_weights };
            run.parts = pass::parts(&self.model, objective, &tape, training, fit.batch_size).on(self.ranks.as_ref());
        }
        while run.next_epoch(&mut self.tools())? {
            self.epoch(training, &fit, &mut run)?;
            if !run.stop && run.examples > 0 {
                run.figures.check_counted("fit", self.losses.names())?;
            }
            run.end_batches(&mut self.tools())?;
            if let Some(validation) = validation {
                let logs = self.evaluate(validation).map_err(blame::of_validation)?;
                logs.iter().for_each(|(name, figure)| run.logs.set(format!("val_{name}"), figure));
            }
            let explain = |error| blame::explained(error, || validation.map(blame::advice_on_validation));
            run.end_epoch(&mut self.tools()).map_err(explain)?;
        }
        run.end(&mut self.tools())?;
        self.epochs += run.history.epochs().len();
        Ok(run.history)
    }

    /// The figures of training, and which way each gets better.
    fn known_figures(&self, losses: &Figures) -> Vec<(String, Option<Direction>)> {
        let mut known: Vec<_> = losses.names().into_iter().map(|name| (name, Some(Direction::Lower))).collect();
        known.extend(self.metrics.names().into_iter().zip(self.metrics.directions()));
        known
    }

    /// Runs one example of the validation, or a whole batch where the model refuses one, so that a mistake shows before the first epoch
    /// and not after it.
    fn check_validation(&self, validation: &dyn Dataset) -> Result<()> {
        let objective = Objective { losses: &self.losses, class_weights: &OutputWeights::default() };
        let run = |examples: usize| {
            let batch = validation.batch(&numbers(examples)?)?.of(examples)?;
            pass::run(&self.model, objective, &tape(self.seed), batch, 1.0).map(drop)
        };
        run(1).or_else(|_| run(self.evaluation_batch()?.min(validation.len()))).map_err(blame::of_validation)
    }

    /// Refuses settings that would fail later.
    fn check_settings(&self, fit: &Fit<'_>) -> Result<()> {
        let outputs: Vec<String> = self.losses.names().map(String::from).collect();
        fit.class_weights.check(&outputs)?;
        self.evaluation_batch().map(|_| ())
    }

    pub(super) fn tools(&mut self) -> Tools<'_> {
        Tools { steppers: std::slice::from_mut(&mut self.stepper), metrics: &mut self.metrics }
    }

    /// What decides on the bits of a run, beside the model and what callbacks and optimizers hold.
    fn identity(&self, fit: &Fit<'_>, examples: usize, held_out: usize) -> Vec<(&'static str, String)> {
        vec![
            ("seed", self.seed.to_string()),
            ("examples", examples.to_string()),
            ("examples of validation", held_out.to_string()),
            ("batch size", fit.batch_size.to_string()),
            ("sampling", fit.sampling.name().into()),
            ("batches before the run", self.stepper.batches().to_string()),
            ("metrics", format!("{:?}", self.metrics.names())),
        ]
    }

    /// Makes the run one of all ranks, if there are several, and compares what they must have in common.
    fn join_ranks(
        &self,
        run: &mut RunState<'_>,
        training: &dyn Dataset,
        validation: Option<&dyn Dataset>,
    ) -> Result<()> {
        let Some(ranks) = &self.ranks else { return Ok(()) };
        run.ranks = Some(ranks.clone());
        run.parts = Parts::WHOLE.on(Some(ranks));
        run.identity.push(("parts of a batch", ranks.most_parts().to_string()));
        let checksum = |data: Option<&dyn Dataset>| ranks.all("fit", data.map_or(Ok("none".into()), data_checksum));
        let mut facts = run.identity.clone();
        facts.push(("model", self.model.config().to_string()));
        facts.push(("what trains it", self.config().to_string()));
        facts.push(("data", checksum(Some(training))?));
        facts.push(("validation data", checksum(validation)?));
        ranks.compare("fit", &facts)
    }

    /// One pass over the data, or the rest of one.
    fn epoch(&mut self, dataset: &dyn Dataset, fit: &Fit<'_>, run: &mut RunState<'_>) -> Result<()> {
        let mut order = numbers(dataset.len())?;
        // The batches before it tell an epoch from all others, also after a resumption.
        let before = self.stepper.batches().saturating_sub(run.batch as u32);
        let dataset = &Epoch { dataset, number: u64::from(before) };
        let seeds = self.seeds().nth(ORDER).nth(dataset.number);
        match fit.sampling {
            Sampling::InOrder => {}
            Sampling::Shuffled => order.shuffle(&mut Rng::seed_from_u64(seeds.random)),
            Sampling::Poisson => return self.poisson_epoch(dataset, fit.batch_size, seeds, run),
        }
        order.drain(..(run.batch * fit.batch_size).min(order.len()));
        if fit.prefetch == 0 {
            for indices in order.chunks(fit.batch_size) {
                self.batch(dataset, indices, indices, run)?;
                if run.stop {
                    break;
                }
            }
            return Ok(());
        }
        let (size, len, ahead) = (fit.batch_size, dataset.len(), fit.prefetch.min(run.batches));
        let places: Vec<usize> = (0..size.min(len)).collect();
        Batches::in_order(dataset, size, order.clone()).prefetch(ahead, |batches| {
            for (batch, numbers) in batches.zip(order.chunks(size)) {
                let places = &places[..numbers.len()];
                self.batch(&Ready::new(batch?, places.len())?, places, numbers, run)?;
                if run.stop {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The rest of an epoch of batches into which each example is drawn apart.
    fn poisson_epoch(
        &mut self,
        dataset: &dyn Dataset,
        size: usize,
        seeds: Seeds,
        run: &mut RunState<'_>,
    ) -> Result<()> {
        let rate = size as f64 / dataset.len() as f64;
        while run.has_batch() {
            let mut rng = Rng::seed_from_u64(seeds.nth(run.batch as u64).random);
            let indices: Vec<usize> = (0..dataset.len()).filter(|_| rng.random_bool(rate.min(1.0))).collect();
            if indices.is_empty() {
                self.empty_batch(dataset, run)?;
            } else {
                self.batch(dataset, &indices, &indices, run)?;
            }
        }
        Ok(())
    }
}
