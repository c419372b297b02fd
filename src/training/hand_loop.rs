//! What `fit` has, for loops of one's own.

use super::pass::{self, Parts, Seeds};
use super::run::{RunState, Tools};
use super::step::check_listed;
use super::{History, Logs};
use crate::autograd::{Gradients, Layer, Param, ParamList, Tape, Var, Vars};
use crate::data::Batch;
use crate::distributed::{Distributed, Message, Piece, Reader};
use crate::error::{Error, Result};
use crate::metrics::{Metric, Metrics, check_column};
use crate::optimizers::{BatchPart, Stepper};
use crate::tensor::{Float, Tensor, data};
use crate::training::callbacks::{Callback, KnownFigures};

/// What `fit` has, for a loop of one's own over one or several models: optimizers with their schedules, metrics, callbacks,
/// history and progress; seeds, and back-ups to go on from.
///
/// ```
/// use gradus::optimizers::schedules::CosineDecay;
/// use gradus::callbacks::StopOnNan;
/// use gradus::prelude::*;
/// let (x, y) = (ndarray::arr2(&[[0.0], [1.0], [2.0], [3.0]]), ndarray::arr2(&[[1.0], [3.0], [5.0], [7.0]]));
/// let data = (&x, &y);
/// let model = Dense::new(1);
/// let mut run = Loop::new(100, 2)
///     .model("line", &model, Adam::default().schedule(CosineDecay::new(0.5, 200)))
///     .metric(MeanAbsolute::default())
///     .callback(StopOnNan);
/// while run.next_epoch()? {
///     let mut batches = data.batches(2).shuffle(1).epoch(run.epoch() as u64);
///     while let Some(batch) = run.next_of(&mut batches)? {
///         let y = model.forward(&run.tape().input(&batch.inputs[0]))?;
///         let loss = MeanSquaredError.loss(&y, &batch.targets[0])?;
///         run.step("line", loss.backward()?)?;
///         run.update(y.value(), &batch.targets[0])?;
///         run.end_batch(batch.len(), &[("loss", loss.item())])?;
///     }
/// }
/// assert!(run.history().last().unwrap()["mean_absolute_error"] < 0.5);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Defaults
/// the seed 0; nothing is shown without the callback [`Progress`](crate::callbacks::Progress)
/// # Errors
/// of all methods: what a callback returns; a step that cannot be made; a loss that is not a number
#[doc(alias = "train_step")]
#[must_use]
pub struct Loop<'a> {
    run: RunState<'a>,
    models: Vec<NamedModel>,
    steppers: Vec<Stepper>,
    metrics: Metrics,
    seed: u64,
    has_begun: bool,
    /// Batches of this epoch that another process has done, and that are to be left out.
    done: usize,
    /// What [`Loop::next_batch`] could not say.
    failure: Option<Error>,
}

impl std::fmt::Debug for Loop<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loop").field("epoch", &self.run.epoch).field("steppers", &self.steppers).finish_non_exhaustive()
    }
}

/// A model's name and its parameters, under their paths in the run.
struct NamedModel {
    name: String,
    parameters: Vec<(String, Param)>,
}

impl<'a> Loop<'a> {
    /// Creates a loop of this many epochs of this many batches.
    pub fn new(epochs: usize, batches: usize) -> Self {
        Self {
            run: RunState::new(epochs, batches),
            models: Vec::new(),
            steppers: Vec::new(),
            metrics: Metrics::default(),
            seed: 0,
            has_begun: false,
            done: 0,
            failure: None,
        }
    }

    /// Adds a model with the optimizer that trains it. The paths of its parameters begin with its name and a dot.
    pub fn model<X: Vars, Y: Vars>(
        mut self,
        name: &str,
        model: &(impl Layer<X, Y> + ?Sized),
        optimizer: impl Into<Stepper>,
    ) -> Self {
        let full = |path: String| format!("{name}.{path}");
        let list = ParamList::of(model);
        let noises = list.noises();
        let parameters: Vec<_> = list.into_vec().into_iter().map(|(path, param)| (full(path), param)).collect();
        self.run.noises.extend(noises.into_iter().map(|(path, noise)| (full(path), noise)));
        self.run.parameters.extend(parameters.iter().cloned());
        self.models.push(NamedModel { name: name.into(), parameters });
        self.steppers.push(optimizer.into());
        self
    }

    /// Adds a metric, which [`Loop::update`] feeds.
    pub fn metric(mut self, metric: impl Metric + 'static) -> Self {
        self.metrics.add(String::new(), false, metric);
        self
    }

    /// Adds a callback; they are called in the order of adding.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.run.callbacks.push(Box::new(callback));
        self
    }

    /// Sets the seed of the [tapes](Loop::tape).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Divides what [`Loop::step_in_parts`] does among processes that run the same program; everything else each does by itself. See
    /// [`distributed`](crate::distributed).
    pub fn distributed(mut self, ranks: impl Into<Distributed>) -> Self {
        self.run.ranks = Some(ranks.into());
        self
    }

    /// Ends the epoch before, if there was one, and begins the next; ends the run, and is `false`, if there is none.
    pub fn next_epoch(&mut self) -> Result<bool> {
        self.failure.take().map_or(Ok(()), Err)?;
        if !self.has_begun {
            self.begin()?;
        } else if self.run.is_in_epoch {
            self.with_tools(RunState::end_epoch)?;
        }
        let goes_on = self.with_tools(RunState::next_epoch)?;
        self.done = self.run.batch;
        if !goes_on {
            self.with_tools(RunState::end)?;
        }
        Ok(goes_on)
    }

    /// Returns the number of the next batch in this epoch, counted from 0; `None` if there is none, or a callback has stopped the
    /// run. An epoch that was begun in another process is continued where it stopped.
    pub fn next_batch(&mut self) -> Option<usize> {
        if self.run.has_batch() {
            return Some(self.run.batch);
        }
        // Whoever validates now sees what the run is to end with.
        let ended = self.with_tools(RunState::end_batches);
        self.failure = self.failure.take().or(ended.err());
        None
    }

    /// Returns the next batch of an iterator over those of a whole epoch, such as [`Dataset::batches`](crate::data::Dataset::batches); see
    /// [`Loop::next_batch`].
    ///
    /// # Errors
    /// a batch that cannot be read; fewer batches than the run was made for
    pub fn next_of<T>(&mut self, batches: &mut impl Iterator<Item = Result<T>>) -> Result<Option<T>> {
        let Some(number) = self.next_batch() else { return Ok(None) };
        let next = batches.nth(std::mem::take(&mut self.done)).transpose()?;
        let all = self.run.batches;
        next.map(Some).ok_or_else(|| Error::value(format!("Loop: expected {all} batches an epoch, got {number}")))
    }

    /// Returns a tape for training in the next batch, with random numbers of its own.
    pub fn tape(&self) -> Tape {
        let seeds = self.seeds();
        Tape::training().seeds(seeds.initial, seeds.random)
    }

    fn seeds(&self) -> Seeds {
        let before = self.run.epoch.saturating_sub(1) * self.run.batches + self.run.batch;
        Seeds { initial: self.seed, random: self.seed }.nth(before as u64)
    }

    /// Changes a model by one step of its optimizer; see [`Stepper::step`].
    pub fn step(&mut self, model: &str, gradients: Gradients) -> Result<()> {
        let i = self.place(model)?;
        check_listed("Loop", &self.run.parameters, &gradients)?;
        self.steppers[i].check_whole()?;
        self.steppers[i].step_parts(&self.models[i].parameters, &mut [BatchPart { gradients, share: 1.0 }])
    }

    /// Changes a model by one step along the mean loss of a batch, which is computed in parts of at least eight examples, on all threads
    /// and all [ranks](Loop::distributed), and returns that mean. `loss` returns the mean loss of the examples of a part, which
    /// must not depend on those of others; it gets a tape with random numbers of its own. The bits do not depend on threads or ranks.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let data = (ndarray::Array2::<f32>::ones((32, 2)), ndarray::Array2::<f32>::ones((32, 1)));
    /// let model = Dense::new(1);
    /// let mut run = Loop::new(3, 2).model("line", &model, Sgd::new(0.1));
    /// while run.next_epoch()? {
    ///     let mut batches = data.batches(16).epoch(0);
    ///     while let Some(batch) = run.next_of(&mut batches)? {
    ///         let loss = run.step_in_parts("line", &batch, |tape, part| {
    ///             let y = model.forward(&tape.input(&part.inputs[0]))?;
    ///             MeanSquaredError.loss(&y, &part.targets[0])
    ///         })?;
    ///         run.end_batch(batch.len(), &[("loss", loss)])?;
    ///     }
    /// }
    /// assert!(run.history().last().unwrap()["loss"] < run.history().epochs()[0]["loss"]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn step_in_parts(
        &mut self,
        model: &str,
        batch: &Batch,
        loss: impl Fn(&Tape, Batch) -> Result<Var> + Sync,
    ) -> Result<Float> {
        let i = self.place(model)?;
        let examples: Vec<usize> = (0..batch.len()).collect();
        let ranks = self.run.ranks.as_ref();
        let size = Parts::SMALL.on(ranks).size(examples.len());
        let parts: Vec<&[usize]> = examples.chunks(size.max(1)).collect();
        let (parameters, seeds) = (&self.run.parameters, self.seeds());
        let stepper = &self.steppers[i];
        let factor = |norm, share| stepper.example_factor(norm, share).unwrap_or(1.0);
        let run = |number: usize, rows: &[usize]| {
            let tape = Tape::training().seeds(seeds.initial, seeds.nth(number as u64).random);
            let value = loss(&tape, batch.clone().select(rows)?)?;
            let share = rows.len() as Float / examples.len() as Float;
            let one = |i: usize, share| {
                let tape = Tape::training().seeds(0, tape.random(rand::Rng::next_u64));
                loss(&tape, batch.clone().select(&rows[i..=i])?)?.backward_scaled(share)
            };
            let gradients = match stepper.example_factor(1.0, 1.0) {
                Some(_) => pass::by_example(&value, rows.len(), share, &factor, true, one)?,
                None => value.backward_scaled(share)?,
            };
            check_listed("Loop", parameters, &gradients)?;
            Ok(Share { loss: data(&value.value)[0] * share, share, gradients })
        };
        let found = pass::in_parts(ranks, "Loop", &parts, run)?;
        let mean = found.iter().map(|part| part.loss).sum();
        let mut parts = Vec::new();
        for part in found {
            parts.push(BatchPart { gradients: part.gradients, share: part.share });
        }
        self.steppers[i].step_on(ranks, &self.models[i].parameters, parts)?;
        Ok(mean)
    }

    fn place(&self, model: &str) -> Result<usize> {
        self.models.iter().position(|part| part.name == model).ok_or_else(|| {
            let names: Vec<&str> = self.models.iter().map(|part| part.name.as_str()).collect();
            Error::value(format!("Loop: expected one of the models {names:?}, got `{model}`"))
        })
    }

    /// Takes predictions and targets into the metrics.
    pub fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        self.metrics.update_first(prediction, target, None)
    }

    /// Takes predictions and targets into the metrics, with a weight for each example or step: items of weight 0 are left out,
    /// such as padding; see [`Each::counts`](crate::losses::Each::counts).
    pub fn update_weighted(&mut self, prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()> {
        self.metrics.update_first(prediction, target, Some(weights))
    }

    /// Ends a batch of this many examples, with its figures by name; they are averaged over the epoch. The first one is
    /// the loss that callbacks see.
    pub fn end_batch(&mut self, examples: usize, figures: &[(&str, Float)]) -> Result<()> {
        let metrics = self.metrics.names();
        for (i, (name, _)) in figures.iter().enumerate() {
            check_column("figure", name)?;
            if metrics.iter().any(|metric| metric == name) || figures[..i].iter().any(|(known, _)| known == name) {
                return Err(two_figures(name));
            }
        }
        let loss = figures.first().map_or(0.0, |(_, figure)| f64::from(*figure));
        if loss.is_finite() {
            figures.iter().for_each(|(name, figure)| self.run.figures.add_named(name, f64::from(*figure), examples));
        }
        self.with_tools(|run, tools| run.end_batch(loss, examples, tools))
    }

    /// Adds a figure of the epoch, such as `val_loss`, after its last batch. A name that a metric or a figure of the batches
    /// has is an error of [`Loop::next_epoch`].
    pub fn log(&mut self, name: &str, figure: f64) {
        let is_taken = self.metrics.names().iter().chain(&self.run.figures.names()).any(|known| known == name);
        let checked = if is_taken { Err(two_figures(name)) } else { check_column("figure", name) };
        match checked {
            Ok(()) => self.run.logs.set(name, figure),
            Err(error) => self.failure = self.failure.take().or(Some(error)),
        }
    }

    /// Returns the number of the current epoch, counted from 1.
    pub fn epoch(&self) -> usize {
        self.run.epoch
    }

    /// Returns the figures of this epoch so far.
    pub fn logs(&self) -> &Logs {
        &self.run.logs
    }

    /// Returns the figures of the epochs that have ended.
    pub fn history(&self) -> &History {
        &self.run.history
    }

    fn begin(&mut self) -> Result<()> {
        self.has_begun = true;
        self.metrics.start(&[(String::new(), None)], Vec::new())?;
        let metrics = self.metrics.names().into_iter().zip(self.metrics.directions()).collect();
        self.run.known = KnownFigures::new(metrics, true, false);
        let batches = self.run.epochs.saturating_mul(self.run.batches);
        for (part, stepper) in self.models.iter().zip(&self.steppers) {
            stepper.check(&part.parameters, batches)?;
        }
        let names: Vec<&str> = self.models.iter().map(|part| part.name.as_str()).collect();
        self.run.identity = vec![
            ("models", format!("{names:?}")),
            ("batches", self.run.batches.to_string()),
            ("seed", self.seed.to_string()),
            ("metrics", format!("{:?}", self.metrics.names())),
        ];
        if let Some(ranks) = &self.run.ranks {
            self.run.identity.push(("parts of a batch", ranks.most_parts().to_string()));
            ranks.compare("Loop", &self.run.identity)?;
            self.steppers.iter_mut().for_each(|stepper| stepper.join(ranks));
        }
        self.with_tools(RunState::begin)
    }

    fn with_tools<R>(&mut self, work: impl FnOnce(&mut RunState<'a>, &mut Tools<'_>) -> R) -> R {
        work(&mut self.run, &mut Tools { steppers: &mut self.steppers, metrics: &mut self.metrics })
    }
}

/// What a part of a batch adds to the step.
struct Share {
    loss: Float,
    share: Float,
    gradients: Gradients,
}

impl Piece for Share {
    fn write(&self, message: &mut Message) {
        [self.loss, self.share].into_iter().for_each(|number| message.number(f64::from(number)));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let (loss, share) = (reader.number()? as Float, reader.number()? as Float);
        Ok(Self { loss, share, gradients: Gradients::default() })
    }
}

fn two_figures(name: &str) -> Error {
    Error::value(format!("Loop: two figures have the name `{name}`; name one otherwise, a metric by `Metric::named`"))
}
