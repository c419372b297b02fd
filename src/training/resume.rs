//! All that a run remembers, to a file and back.

use std::collections::HashMap;
use std::path::Path;

use super::pass::Parts;
use super::run::{RunState, Tools};
use super::whole::{TRAINER, optimizer};
use super::{History, Logs};
use crate::autograd::Param;
use crate::error::{Error, Result};
use crate::formats::{Snapshot, Weights};
use crate::metrics::Figures;
use crate::saving::{self, MODEL};
use crate::tensor::Tensor;
use crate::training::callbacks::Callback;

impl RunState<'_> {
    /// Writes a back-up.
    pub(super) fn back_up(&self, path: &Path, tools: &Tools<'_>, memories: Vec<Snapshot>) -> Result<()> {
        let mut weights = Weights::new();
        for (name, param) in &self.parameters {
            // What a loop of one's own has not made yet, it makes again.
            if let Some(value) = param.value() {
                weights.insert(name, value);
            }
        }
        if let Some((model, trainer)) = &self.described {
            saving::describe(&mut weights, MODEL, &model.whole(&self.parameters, &self.noises));
            saving::describe(&mut weights, TRAINER, trainer);
        }
        let mut state = self.state(tools, memories)?;
        if let Some((model, _)) = &self.described {
            state.tensors.extend(model.numbers().tensors);
        }
        weights.set_snapshot(&state);
        weights.save(path)
    }

    /// Goes on from a back-up.
    pub(super) fn resume(&mut self, path: &Path, tools: &mut Tools<'_>) -> Result<()> {
        if self.epoch > 0 {
            return Err(Error::file(
                path,
                "cannot resume from this file: this run was resumed from another one already",
            ));
        }
        let weights = Weights::open(path)?;
        let Some(state) = weights.snapshot()? else {
            return Err(Error::file(path, "is not a backup: it holds weights alone; delete it to start over"));
        };
        self.check_identity(&state, &weights).map_err(|differences| {
            Error::file(
                path,
                format!(
                    "is the backup of another run:\n  {}\nset up this run as that one was, or delete the file to start over",
                    differences.join("\n  ")
                ),
            )
        })?;
        let cannot = |error| Error::file(path, format!("cannot resume from this file: {error}"));
        let before = Before::new(self);
        self.restore(&state, &weights, tools).map_err(|error| {
            before.put_back(self, tools);
            cannot(error)
        })
    }

    fn state(&self, tools: &Tools<'_>, memories: Vec<Snapshot>) -> Result<Snapshot> {
        let flag = |yes: bool| f64::from(u8::from(yes));
        let mut state = Snapshot::of([
            ("epoch", self.epoch as f64),
            ("batch", self.batch as f64),
            ("examples", self.examples as f64),
            ("seconds", self.seconds),
            ("batch_loss", self.batch_loss),
            ("part", self.parts.least as f64),
            ("in_epoch", flag(self.is_in_epoch)),
            ("finished", flag(self.is_finished)),
        ]);
        state.texts = self.identity.iter().map(|(name, text)| (format!("run/{name}"), text.clone())).collect();
        for (path, param) in &self.parameters {
            state.numbers.push((format!("frozen/{path}"), vec![flag(param.is_frozen())]));
        }
        let noises = self.noises.iter();
        state.numbers.extend(noises.map(|(path, noise)| (format!("frozen/{path}"), vec![flag(noise.is_frozen())])));
        for (i, memory) in memories.into_iter().enumerate() {
            state.nest(&optimizer(i), memory);
        }
        for (name, callback) in named(&self.callbacks).filter(|(_, callback)| !callback.state().is_empty()) {
            state.nest(&format!("callback/{name}"), callback.state());
        }
        let epochs = self.history.epochs();
        state.numbers.push(("epochs".into(), epochs.iter().map(|logs| logs.iter().count() as f64).collect()));
        for logs in epochs {
            for (name, figure) in logs.iter() {
                state.numbers.push((format!("history/{name}"), vec![figure]));
            }
        }
        if self.is_in_epoch {
            state.nest("figure", self.figures.state());
            let metrics = tools.metrics.state()?.into_iter();
            state.numbers.extend(metrics.map(|(name, numbers)| (format!("metric/{name}"), numbers)));
        }
        Ok(state)
    }

    /// All that differs between the file's run and this one.
    fn check_identity(&self, state: &Snapshot, weights: &Weights) -> Result<(), Vec<String>> {
        let mut differences = Vec::new();
        for (name, own) in &self.identity {
            let given = state.text(&format!("run/{name}")).unwrap_or("nothing");
            if given != own {
                differences.push(format!("{name}: {given} in the file, {own} in this run"));
            }
        }
        for (path, param) in &self.parameters {
            match weights.shape(path) {
                None if param.value().is_some() => differences.push(format!("parameter `{path}`: not in the file")),
                Some(shape) if !param.fits(shape) => differences
                    .push(format!("parameter `{path}`: {shape:?} in the file, {} in this run", param.shape_text())),
                _ => {}
            }
        }
        let is_surplus = |path: &str| self.parameters.iter().all(|(own, _)| own != path);
        let surplus = weights.names().filter(|path| is_surplus(path));
        differences.extend(surplus.map(|path| format!("parameter `{path}`: not in this run")));
        let own: Vec<String> =
            named(&self.callbacks).filter(|(_, callback)| !callback.state().is_empty()).map(|(name, _)| name).collect();
        let given = state.part("callback");
        let has = |name: &str| !given.part(name).is_empty();
        differences.extend(
            own.iter().filter(|name| !has(name)).map(|name| format!("callback `{name}`: nothing of it in the file")),
        );
        let texts = given.texts.iter().map(|(name, _)| name);
        let names = texts.chain(given.numbers.iter().map(|(name, _)| name));
        let mut surplus: Vec<&str> = names.chain(given.tensors.iter().map(|(name, _)| name)).map(|n| kind(n)).collect();
        surplus.dedup();
        surplus.retain(|name| own.iter().all(|own| own != name));
        differences.extend(surplus.iter().map(|name| format!("callback `{name}`: not in this run")));
        if let Ok(epoch) = state.count("epoch")
            && epoch as usize > self.epochs
        {
            differences.push(format!("epochs: {epoch} begun in the file, {} asked for in this run", self.epochs));
        }
        if differences.is_empty() { Ok(()) } else { Err(differences) }
    }

    fn restore(&mut self, state: &Snapshot, weights: &Weights, tools: &mut Tools<'_>) -> Result<()> {
        let count = |name: &str| state.count(name).map(|count| count as usize);
        let flag = |name: &str| state.count(name).map(|count| count != 0);
        let (epoch, batch, examples) = (count("epoch")?, count("batch")?, count("examples")?);
        let (least, is_in_epoch, is_finished) = (count("part")?, flag("in_epoch")?, flag("finished")?);
        let (seconds, batch_loss) = (state.number("seconds")?, state.number("batch_loss")?);
        if batch > self.batches {
            return Err(Error::value(format!("it is at batch {batch} of {}", self.batches)));
        }
        for (path, param) in &self.parameters {
            if weights.shape(path).is_some() {
                param.set(weights.get(path)?)?;
            }
            match flag(&format!("frozen/{path}"))? {
                true => param.freeze(),
                false => param.unfreeze(),
            }
        }
        for (path, noise) in &self.noises {
            match flag(&format!("frozen/{path}"))? {
                true => noise.freeze(),
                false => noise.unfreeze(),
            }
        }
        let parts: Vec<Snapshot> = (0..tools.steppers.len()).map(|i| state.part(&optimizer(i))).collect();
        // They are given it last, when nothing else can fail: what others refuse must not be in them.
        for (stepper, part) in tools.steppers.iter().zip(&parts) {
            stepper.check_snapshot(&self.parameters, part)?;
        }
        if is_in_epoch {
            self.figures.restore(&state.part("figure"))?;
            tools.metrics.restore(&state.part("metric"))?;
        }
        let names: Vec<String> = named(&self.callbacks).map(|(name, _)| name).collect();
        for (name, callback) in names.iter().zip(&mut self.callbacks) {
            let memory = state.part(&format!("callback/{name}"));
            if !memory.is_empty() {
                let fail = |error| Error::value(format!("callback `{name}`: {error}"));
                callback.restore(&memory).map_err(fail)?;
            }
        }
        for (stepper, part) in tools.steppers.iter_mut().zip(&parts) {
            stepper.restore_snapshot(&self.parameters, part)?;
        }
        self.history = history(state);
        (self.epoch, self.batch, self.examples, self.parts) = (epoch, batch, examples, Parts { least, ..self.parts });
        (self.seconds, self.seconds_before, self.batch_loss) = (seconds, seconds, batch_loss);
        (self.is_in_epoch, self.is_finished, self.stop) = (is_in_epoch, is_finished, is_finished);
        self.is_resumed = true;
        if is_in_epoch {
            self.gather(tools);
        }
        Ok(())
    }
}

/// What a run was before it was given another one's state, so that a state that is refused half-way leaves no trace.
/// Optimizers are given theirs last.
struct Before {
    /// Values, how often they were set, and whether they are frozen.
    parameters: Vec<(Option<Tensor>, u64, bool)>,
    /// Whether they are frozen.
    noises: Vec<bool>,
    figures: Figures,
    callbacks: Vec<Snapshot>,
}

impl Before {
    fn new(run: &RunState<'_>) -> Self {
        let state = |(_, param): &(String, Param)| (param.value(), param.assignments(), param.is_frozen());
        Self {
            parameters: run.parameters.iter().map(state).collect(),
            noises: run.noises.iter().map(|(_, noise)| noise.is_frozen()).collect(),
            figures: run.figures.clone(),
            callbacks: run.callbacks.iter().map(|callback| callback.state()).collect(),
        }
    }

    fn put_back(self, run: &mut RunState<'_>, tools: &mut Tools<'_>) {
        for ((_, param), (value, assignments, is_frozen)) in run.parameters.iter().zip(self.parameters) {
            param.put_back(value, assignments);
            if is_frozen { param.freeze() } else { param.unfreeze() }
        }
        for ((_, noise), is_frozen) in run.noises.iter().zip(self.noises) {
            if is_frozen { noise.freeze() } else { noise.unfreeze() }
        }
        // A run goes on from another one before its first epoch, when nothing is gathered yet.
        run.figures = self.figures;
        tools.metrics.reset();
        for (callback, state) in run.callbacks.iter_mut().zip(&self.callbacks) {
            if !state.is_empty() {
                // The error to tell is the one that led here.
                let _ = callback.restore(state);
            }
        }
    }
}

/// The figures of the epochs before.
fn history(state: &Snapshot) -> History {
    let mut figures = state.part("history").numbers.into_iter();
    let mut history = History::default();
    for count in state.list("epochs").unwrap_or_default() {
        let mut logs = Logs::default();
        for (name, figure) in figures.by_ref().take(*count as usize) {
            logs.set(name, figure.first().copied().unwrap_or(f64::NAN));
        }
        history.push(logs);
    }
    history
}

/// Callbacks by their type and their number among those of that type.
fn named<'c, 'a: 'c>(
    callbacks: &'c [Box<dyn Callback + 'a>],
) -> impl Iterator<Item = (String, &'c (dyn Callback + 'a))> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    callbacks.iter().map(move |callback| {
        let count = counts.entry(callback.kind()).or_default();
        *count += 1;
        let name = if *count == 1 { callback.kind().to_owned() } else { format!("{}_{count}", callback.kind()) };
        (name, callback.as_ref())
    })
}

/// The first part of a name.
fn kind(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}
