//! An optimizer at work on a model.

mod average;
mod change;
mod clip;
mod description;
mod group;
mod hook;
mod job;
mod shard;
mod snapshot;

pub use average::{Lookahead, MovingAverage};
pub use change::Change;
pub use clip::Clip;
pub use group::Group;
pub use hook::{BatchPart, GradientHook, StepGradients};
pub(super) use snapshot::{check_kind, refused};

use std::collections::HashMap;

use super::schedules::{Schedule, Scheduled};
use super::{Optimizer, check_at_least_0};
use crate::autograd::{Gradients, Layer, Param, ParamId, ParamList, Vars, matching};
use crate::distributed::Distributed;
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::tensor::Float;
use average::check_steps;
use group::{Groups, Settings};
use job::{Job, Memory, Plan};
use shard::Shard;

/// An optimizer with its memory of a model's parameters and its count of steps, and with all that there is between
/// gradients and optimizer. The trainer has one; loops of your own make theirs, one for each set of parameters that is
/// trained apart.
///
/// A step goes like this:
/// 1. gradients are added up over [`accumulate`](Stepper::accumulate) batches and divided by their number; the gradients
///    of [regularizers](crate::regularizers) come on top;
/// 2. [hooks](GradientHook) change them, which see the parts of a batch before, and [`clip`](Stepper::clip) bounds them;
/// 3. the [`schedule`](Stepper::schedule) gives the rate, which a [`group`](Stepper::group) may multiply;
/// 4. weights decay: `w ← w - rate · decay · w`; then the optimizer moves them;
/// 5. every few steps [`lookahead`](Stepper::lookahead) takes them halfway back;
/// 6. [constraints](crate::constraints) are obeyed;
/// 7. the moving [`average`](Stepper::average) follows.
///
/// Optimizers have the same methods, which make a `Stepper` of them, and `compile` takes either.
///
/// ```
/// use gradus::optimizers::schedules::CosineDecay;
/// use gradus::prelude::*;
/// let model = Dense::new(1);
/// let mut adam = Adam::default().schedule(CosineDecay::new(0.1, 100)).clip(Clip::GlobalNorm(1.0));
/// for _ in 0..3 {
///     let tape = Tape::training();
///     let y = model.forward(&tape.input(ndarray::arr2(&[[1.0], [2.0]])))?;
///     let loss = MeanSquaredError::default().loss(&y, &ndarray::arr2(&[[3.0], [5.0]]).into_dyn().into_shared())?;
///     adam.step(&model, loss.backward()?)?;
/// }
/// assert_eq!(adam.steps(), 3);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
pub struct Stepper {
    optimizer: Box<dyn Optimizer>,
    schedule: Option<Scheduled>,
    groups: Groups,
    hooks: Vec<Box<dyn GradientHook>>,
    clip: Option<Clip>,
    weight_decay: Option<Float>,
    accumulate: u32,
    average: Option<MovingAverage>,
    lookahead: Option<Lookahead>,
    memories: HashMap<ParamId, Memory>,
    shard: Option<Shard>,
    steps: u32,
    batches: u32,
    /// Batches since the last step.
    pending: u32,
    /// Whether the model holds the averages.
    swapped: bool,
    watched: bool,
    changes: Vec<Change>,
}

impl<O: Optimizer + 'static> From<O> for Stepper {
    fn from(optimizer: O) -> Self {
        Self::new(optimizer)
    }
}

impl Stepper {
    /// Before the first step.
    pub fn new(optimizer: impl Optimizer + 'static) -> Self {
        Self {
            optimizer: Box::new(optimizer),
            schedule: None,
            groups: Groups::default(),
            hooks: Vec::new(),
            clip: None,
            weight_decay: None,
            accumulate: 1,
            average: None,
            lookahead: None,
            memories: HashMap::new(),
            shard: None,
            steps: 0,
            batches: 0,
            pending: 0,
            swapped: false,
            watched: false,
            changes: Vec::new(),
        }
    }

    /// Takes the learning rate of each step from a schedule, in place of the optimizer's own; the first step has that of
    /// `rate(0)`.
    ///
    /// [`Optimizer::learning_rate`] is the rate of the last step. Whoever sets it, such as a callback that watches a
    /// plateau, scales the rest of the schedule by the same factor: half the rate halves all rates to come. A rate that
    /// has come down to 0 stays with the schedule.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Some(Scheduled::new(Box::new(schedule), self.optimizer.as_mut()));
        self
    }

    /// Gives the parameters whose path matches a pattern settings of their own; `*` stands for any run of characters.
    /// What several groups set has the value of the last. A pattern that matches nothing is an error of the first step.
    pub fn group(mut self, pattern: impl Into<String>, group: Group) -> Self {
        self.groups.add(pattern.into(), group);
        self
    }

    /// Gives each part of a network a rate `factor` times that of the part after it, so that what is near the input, and
    /// knows most already, changes least: a [`group`](Stepper::group) for each pattern. The last one has the whole rate.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let parts = ["embedding.*", "encoder.*", "encoder_1.*", "head.*"];
    /// let optimizer = AdamW::new(5e-5).layer_decay(0.8, parts); // rates of 0.512, 0.64, 0.8 and 1 times 5e-5
    /// # let model = Dense::new(1).compile(optimizer, MeanSquaredError::default());
    /// ```
    ///
    /// Howard & Ruder 2018 (discriminative fine-tuning); Clark et al. 2020.
    #[doc(alias = "layerwise_lr_decay")]
    #[doc(alias = "discriminative")]
    pub fn layer_decay<P: Into<String>>(self, factor: Float, patterns: impl IntoIterator<Item = P>) -> Self {
        let patterns: Vec<String> = patterns.into_iter().map(Into::into).collect();
        let last = patterns.len().saturating_sub(1);
        let rate = |i: usize| (i..last).fold(1.0, |rate, _| rate * factor);
        patterns.into_iter().enumerate().fold(self, |all, (i, pattern)| all.group(pattern, Group::new().rate(rate(i))))
    }

    /// Adds a hook between the gradients of the parts of a batch and the step.
    pub fn hook(mut self, hook: impl GradientHook + 'static) -> Self {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Bounds the gradients.
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = Some(clip);
        self
    }

    /// Sets the share of each weight, times the rate, that it loses in a step, for any optimizer; a [`Group`] may differ.
    pub fn weight_decay(mut self, decay: Float) -> Self {
        self.weight_decay = Some(decay);
        self
    }

    /// Changes the weights only once in this many batches, along the mean of their gradients: where the loss is a mean
    /// over examples, and the batches are alike in size, that is a step of one large batch. Schedules count these
    /// steps. What an epoch leaves over goes into the next one, and what a run leaves over makes a last step, along the
    /// mean of the fewer batches that it has; in loops without [`Loop`](crate::training::Loop) that is up to
    /// [`Stepper::flush`].
    #[doc(alias = "gradient_accumulation_steps")]
    pub fn accumulate(mut self, batches: u32) -> Self {
        self.accumulate = batches;
        self
    }

    /// Keeps a moving average of the weights.
    pub fn average(mut self, average: MovingAverage) -> Self {
        self.average = Some(average);
        self
    }

    /// Lets slow weights follow.
    pub fn lookahead(mut self, lookahead: Lookahead) -> Self {
        self.lookahead = Some(lookahead);
        self
    }

    /// Returns how many steps were made.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Returns from how many batches gradients came: more than there were steps, if they are accumulated.
    pub fn batches(&self) -> u32 {
        self.batches
    }

    /// Returns the optimizer.
    pub fn optimizer(&self) -> &dyn Optimizer {
        self.optimizer.as_ref()
    }

    /// Returns the optimizer, to change its rate.
    pub fn optimizer_mut(&mut self) -> &mut dyn Optimizer {
        self.optimizer.as_mut()
    }

    /// Sets whether [`Stepper::changes`] returns what steps do, which costs a copy of weights and gradients. The default is `false`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(1);
    /// let mut sgd = Stepper::new(Sgd::new(0.5));
    /// sgd.watch(true);
    /// let y = model.forward(&Tape::training().input(ndarray::arr2(&[[3.0, 4.0]])))?;
    /// sgd.step(&model, y.sum().backward()?)?;
    /// let kernel = &sgd.changes()[0];
    /// assert_eq!((kernel.path.as_str(), kernel.gradient_norm(), kernel.update_norm), ("kernel", 5.0, 2.5));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn watch(&mut self, yes: bool) {
        self.watched = yes;
        self.changes.clear();
    }

    /// Returns what the last step did to each parameter; nothing unless it was [watched](Stepper::watch).
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Changes the trainable parameters of `model` by one step along these gradients and those of their
    /// [regularizers](crate::regularizers), and obeys their [constraints](crate::constraints).
    ///
    /// # Errors
    /// Settings that make no sense; a pattern that matches no parameter; a model that holds averages; a trainable
    /// parameter without a gradient, or with one that is not finite or of another shape, or a step that would leave a weight
    /// or the optimizer's memory infinite or not a number, with the parameter's name. Nothing is changed then.
    pub fn step<X: Vars, Y: Vars>(&mut self, model: &(impl Layer<X, Y> + ?Sized), gradients: Gradients) -> Result<()> {
        self.check_whole()?;
        self.step_parts(&ParamList::of(model).into_vec(), &mut [BatchPart { gradients, share: 1.0 }])
    }

    /// Makes the step of the batches that [`accumulate`](Stepper::accumulate) has gathered and that are too few for one: along the
    /// mean of their gradients. Does nothing if there are none. `fit` and [`Loop`](crate::training::Loop) call it at the end of a
    /// run; call it at the end of a loop of your own.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).kernel_initializer(Ones);
    /// let mut sgd = Sgd::new(0.5).accumulate(4);
    /// for x in [1.0, 3.0] {
    ///     let y = model.forward(&Tape::training().input(ndarray::arr2(&[[x]])))?;
    ///     sgd.step(&model, y.sum().backward()?)?;
    /// }
    /// sgd.flush(&model)?;
    /// // The gradients 1 and 3 have the mean 2.
    /// assert_eq!((sgd.steps(), model.kernel().value().unwrap()[[0, 0]]), (1, 1.0 - 0.5 * 2.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Stepper::step`].
    pub fn flush<X: Vars, Y: Vars>(&mut self, model: &impl Layer<X, Y>) -> Result<()> {
        self.flush_parameters(&ParamList::of(model).into_vec())
    }

    pub(crate) fn flush_parameters(&mut self, parameters: &[(String, Param)]) -> Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        let settings = self.prepare(parameters, None)?;
        let mut jobs = self.jobs(parameters, &mut [], &settings);
        let (mut gathered, without): (Vec<Job>, Vec<Job>) = jobs.drain(..).partition(|job| job.has_gathered());
        self.remember(without);
        gathered.iter_mut().for_each(Job::release);
        self.advance(gathered, self.pending, true)
    }

    /// [`Stepper::step`] along the sum of the gradients of a batch's parts, added up in their order.
    pub(crate) fn step_parts(&mut self, parameters: &[(String, Param)], parts: &mut [BatchPart]) -> Result<()> {
        let settings = self.prepare(parameters, None)?;
        check_gradients(parameters, parts)?;
        self.hooks.iter_mut().try_for_each(|hook| hook.parts(parts))?;
        self.step_changed(parameters, parts, &settings)
    }

    /// [`Stepper::step_parts`] of parts that ranks have divided among themselves: others' have no gradients here. An only part is on all.
    pub(crate) fn step_on(
        &mut self,
        ranks: Option<&Distributed>,
        parameters: &[(String, Param)],
        mut parts: Vec<BatchPart>,
    ) -> Result<()> {
        let Some(ranks) = ranks.filter(|_| parts.len() > 1) else { return self.step_parts(parameters, &mut parts) };
        let settings = self.prepare(parameters, None)?;
        let count = parts.len();
        let mut own: Vec<BatchPart> =
            parts.into_iter().enumerate().filter_map(|(i, part)| ranks.is_own(i, count).then_some(part)).collect();
        let changed = check_shapes(parameters, &own)
            .and_then(|()| self.hooks.iter_mut().try_for_each(|hook| hook.parts(&mut own)));
        let gradients = changed.map(|()| own.into_iter().map(|part| part.gradients).collect());
        let trained: Vec<&Param> = trainable(parameters).map(|(_, param)| param).collect();
        let parts = &mut [BatchPart { gradients: ranks.sum(&trained, gradients, count)?, share: 1.0 }];
        check_present(parameters, parts)?;
        self.step_changed(parameters, parts, &settings)
    }

    fn step_changed(
        &mut self,
        parameters: &[(String, Param)],
        parts: &mut [BatchPart],
        settings: &Settings,
    ) -> Result<()> {
        let jobs = self.jobs(parameters, parts, settings);
        let batches = self.pending.saturating_add(1);
        self.advance(jobs, batches, batches >= self.accumulate)?;
        self.batches = self.batches.saturating_add(1);
        Ok(())
    }

    /// The work on each trainable parameter.
    fn jobs<'p>(
        &mut self,
        parameters: &'p [(String, Param)],
        parts: &mut [BatchPart],
        settings: &Settings,
    ) -> Vec<Job<'p>> {
        for (_, param) in parameters {
            self.memories.entry(param.id()).and_modify(|memory| memory.keep_up(param));
        }
        if let Some(shard) = &mut self.shard {
            shard.assign(parameters, self.optimizer.is_elementwise());
            shard.forget(parameters, &mut self.memories);
        }
        let joining =
            |param: &Param| Memory { joined: self.steps, assignments: param.assignments(), ..Memory::default() };
        trainable(parameters)
            .map(|(path, param)| Job {
                path,
                param,
                shape: param.shape().unwrap_or_default(),
                grads: parts.iter_mut().filter_map(|part| part.gradients.take(param.id())).collect(),
                settings: settings.of(param.id()),
                memory: self.memories.remove(&param.id()).unwrap_or_else(|| joining(param)),
                own: self.shard.as_ref().map(|shard| shard.own(param)),
                watched: None,
                largest: 0.0,
                is_safe: false,
                before: None,
                squares: 0.0,
                error: None,
                change: None,
            })
            .collect()
    }

    /// Takes in the gradients of a batch, and makes a step if they are whole: the mean of this many batches.
    fn advance(&mut self, mut jobs: Vec<Job<'_>>, batches: u32, is_whole: bool) -> Result<()> {
        let step = self.steps.saturating_add(1);
        let ready = self.get_ready(is_whole);
        let plan = Plan {
            optimizer: self.optimizer.as_ref(),
            step,
            rate: self.optimizer.learning_rate().unwrap_or(1.0),
            batches,
            is_whole,
            watched: self.watched,
            average: self.average,
            lookahead: self.lookahead,
        };
        let mut error = ready.err();
        if error.is_none() {
            each(&mut jobs, |job| job.add_up(&plan));
            let broken = jobs.iter().find(|job| !job.largest.is_finite());
            let broken = broken.map(|job| Error::GradientNotFinite { name: job.path.to_owned() });
            error = jobs.iter_mut().find_map(|job| job.error.take()).or(broken);
        }
        if error.is_none() && is_whole {
            let mut gradients = StepGradients { jobs: &mut jobs, number: step };
            let clip = self.clip.as_mut().map(|clip| clip as &mut dyn GradientHook);
            let mut hooks = self.hooks.iter_mut().map(|hook| hook.as_mut()).chain(clip);
            error = hooks.try_for_each(|hook| hook.step(&mut gradients)).err();
            if !self.hooks.is_empty() {
                each(&mut jobs, |job| job.measure(&plan));
            }
        }
        if !is_whole && error.is_none() {
            jobs.iter_mut().for_each(Job::gather);
        }
        if is_whole {
            error = match &self.shard {
                Some(shard) => shard.change_all(&mut jobs, &plan, error),
                None => error.or_else(|| change_all(&mut jobs, &plan)),
            };
        }
        if self.watched && is_whole {
            self.changes = jobs.iter_mut().filter_map(|job| job.change.take()).collect();
        }
        self.remember(jobs);
        if let Some(error) = error {
            return Err(error);
        }
        (self.steps, self.pending) = if is_whole { (step, 0) } else { (self.steps, batches) };
        Ok(())
    }

    /// Whether a step may be made now; sets its rate.
    fn get_ready(&mut self, is_whole: bool) -> Result<()> {
        if self.swapped {
            return Err(Error::value("the model holds its averages; call `swap_averages` again before the next step"));
        }
        match self.schedule.as_mut().filter(|_| is_whole) {
            Some(schedule) => schedule.set_rate(self.steps, self.optimizer.as_mut()),
            None => Ok(()),
        }
    }

    fn remember(&mut self, jobs: Vec<Job<'_>>) {
        self.memories.extend(jobs.into_iter().map(|job| (job.param.id(), job.into_memory())));
    }

    /// How many examples a part of a batch is to have, if a hook says so.
    pub(crate) fn examples_per_part(&self) -> Option<usize> {
        self.hooks.iter().filter_map(|hook| hook.examples_per_part()).min()
    }

    /// The factor of the gradient of an example with this norm and share, if hooks want one for each.
    pub(crate) fn example_factor(&self, norm: f64, share: f64) -> Option<f64> {
        self.hooks.iter().filter_map(|hook| hook.example_factor(norm, share)).reduce(|all, factor| all * factor)
    }

    /// Gradients of a batch as a whole are nothing to hooks that want those of single examples.
    pub(crate) fn check_whole(&self) -> Result<()> {
        match self.example_factor(1.0, 1.0) {
            None => Ok(()),
            Some(_) => Err(Error::value(
                "a gradient hook, such as `DpSgd`, needs the gradient of each example, got that of a batch; train by `fit` or by \
                 `Loop::step_in_parts`",
            )),
        }
    }

    /// How many batches are gathered for a step.
    pub(crate) fn batches_per_step(&self) -> u32 {
        self.accumulate
    }

    /// Whether the rate of each step comes from a schedule.
    pub(crate) fn has_schedule(&self) -> bool {
        self.schedule.is_some()
    }

    /// Checks all settings, for a run of this many batches.
    pub(crate) fn check(&self, parameters: &[(String, Param)], batches: usize) -> Result<()> {
        self.prepare(parameters, Some(batches)).map(|_| ())
    }

    /// Checks all settings, for a run of this many batches where that is known, and finds those of each parameter.
    fn prepare(&self, parameters: &[(String, Param)], batches: Option<usize>) -> Result<Settings> {
        self.check_settings()?;
        let steps = batches.map(|batches| {
            let more = batches.saturating_add(self.pending as usize).div_ceil(self.accumulate.max(1) as usize);
            let more = more.min(u32::MAX as usize) as u32;
            self.steps.saturating_add(more)
        });
        self.schedule.as_ref().map_or(Ok(()), |schedule| schedule.check(steps))?;
        self.optimizer.patterns().iter().try_for_each(|pattern| matching(parameters, pattern).map(|_| ()))?;
        self.groups.settings(parameters, self.decay())
    }

    /// What weights lose, unless a group says something else.
    fn decay(&self) -> Float {
        self.weight_decay.unwrap_or(self.optimizer.default_weight_decay())
    }

    fn check_settings(&self) -> Result<()> {
        self.optimizer.check()?;
        self.groups.check()?;
        self.hooks.iter().try_for_each(|hook| hook.check())?;
        if self.examples_per_part().is_some() && self.example_factor(1.0, 1.0).is_some() {
            return Err(Error::value(
                "Stepper: a hook that takes examples apart cannot be combined with one that scales them, such as `DpSgd`; leave out one",
            ));
        }
        self.clip.map_or(Ok(()), |clip| clip.check())?;
        self.average.map_or(Ok(()), |average| average.check())?;
        self.lookahead.map_or(Ok(()), |lookahead| lookahead.check())?;
        check_steps("Stepper", "a number of batches to accumulate", self.accumulate)?;
        check_at_least_0("Stepper", "a weight decay", self.decay(), "0 stands for none")
    }

    /// Puts the averages into the model and its weights into their place, or back. Does nothing without an [`MovingAverage`].
    ///
    /// ```
    /// use gradus::optimizers::MovingAverage;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1);
    /// let x = ndarray::arr2(&[[1.0]]);
    /// let mut adam = Adam::new(0.1).average(MovingAverage::new(0.9));
    /// for _ in 0..3 {
    ///     let y = model.forward(&Tape::training().input(&x))?;
    ///     adam.step(&model, y.square().mean().backward()?)?;
    /// }
    /// let output = || model.forward(&Tape::inference().input(&x)).map(|y| y.value().sum());
    /// let last = output()?;
    /// adam.swap_averages(&model);
    /// assert_ne!(output()?, last);
    /// adam.swap_averages(&model);
    /// assert_eq!(output()?, last);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn swap_averages<X: Vars, Y: Vars>(&mut self, model: &(impl Layer<X, Y> + ?Sized)) {
        self.swap(&ParamList::of(model).into_vec());
    }

    pub(crate) fn swap(&mut self, parameters: &[(String, Param)]) {
        if self.average.is_none() {
            return;
        }
        self.swapped = !self.swapped;
        for (memory, param) in self.averaged(parameters) {
            param.train(|weights| weights.swap_with_slice(&mut memory.average));
        }
    }

    /// The parameters of which there is an average, without those that others have changed or frozen meanwhile.
    fn averaged<'p>(&mut self, parameters: &'p [(String, Param)]) -> Vec<(&mut Memory, &'p Param)> {
        let params: HashMap<ParamId, &Param> = parameters.iter().map(|(_, param)| (param.id(), param)).collect();
        let mut averaged = Vec::new();
        for (id, memory) in &mut self.memories {
            let Some(param) = params.get(id) else { continue };
            memory.keep_up(param);
            if !memory.average.is_empty() {
                averaged.push((memory, *param));
            }
        }
        averaged
    }

    /// Puts the averages into the model, or its weights, whichever is not there yet.
    pub(crate) fn show_averages(&mut self, parameters: &[(String, Param)], yes: bool) {
        if self.swapped != yes {
            self.swap(parameters);
        }
    }

    /// Ends a run: the weights become their averages.
    pub(crate) fn keep_averages(&mut self, parameters: &[(String, Param)]) {
        self.show_averages(parameters, false);
        for (memory, param) in self.averaged(parameters) {
            param.train(|weights| weights.clone_from_slice(&memory.average));
        }
    }
}

/// Numbers of a parameter that all threads share.
const LARGE: usize = 1 << 19;

/// Calls `work` on each parameter: on all threads, of which each takes whole parameters unless they are large.
fn each(jobs: &mut [Job<'_>], work: impl Fn(&mut Job<'_>) + Sync) {
    let (mut large, mut small): (Vec<_>, Vec<_>) = jobs.iter_mut().partition(|job| job.len() >= LARGE);
    large.iter_mut().for_each(|job| work(job));
    parallel::for_each(&mut small, |job| work(job));
}

/// Changes the weights of all parameters or, where one would not stay finite, of none.
fn change_all(jobs: &mut [Job<'_>], plan: &Plan<'_>) -> Option<Error> {
    let is_safe = jobs.iter().all(|job| job.is_safe);
    each(jobs, |job| {
        job.change(plan, is_safe);
        job.finish(plan, is_safe);
    });
    let error = jobs.iter_mut().find_map(|job| job.error.take());
    if error.is_some() {
        jobs.iter_mut().for_each(Job::take_back);
    }
    error
}

fn trainable(parameters: &[(String, Param)]) -> impl Iterator<Item = &(String, Param)> {
    parameters.iter().filter(|(_, param)| param.is_trainable())
}

/// Each trainable parameter needs a gradient, of its shape.
pub(super) fn check_gradients(parameters: &[(String, Param)], parts: &[BatchPart]) -> Result<()> {
    check_present(parameters, parts)?;
    check_shapes(parameters, parts)
}

fn check_present(parameters: &[(String, Param)], parts: &[BatchPart]) -> Result<()> {
    let missing: Vec<String> = trainable(parameters)
        .filter(|(_, param)| parts.iter().all(|part| part.gradients.get(param).is_none()))
        .map(|(path, _)| path.clone())
        .collect();
    if !missing.is_empty() {
        return Err(Error::MissingGradient { names: missing });
    }
    Ok(())
}

fn check_shapes(parameters: &[(String, Param)], parts: &[BatchPart]) -> Result<()> {
    for (path, param) in trainable(parameters) {
        let shape = param.shape().unwrap_or_default();
        let wrong = parts.iter().filter_map(|part| part.gradients.get(param)).find(|grad| grad.shape() != shape);
        if let Some(grad) = wrong {
            return Err(Error::shape(format!(
                "the gradient of `{path}` has shape {:?}, expected {shape:?}; mend the `backward` that made it",
                grad.shape()
            )));
        }
    }
    Ok(())
}
