//! All memory of a stepper, to be kept and given back.

use std::collections::HashMap;

use super::{Memory, Stepper, trainable};
use crate::autograd::{Layer, Param, ParamId, ParamList, Vars};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::optimizers::{State, Step};
use crate::tensor::{Float, tensor};

/// What a snapshot says, checked.
struct Remembered {
    rate: Option<f64>,
    /// Its rate and scale.
    schedule: Option<(f64, f64)>,
    steps: u32,
    batches: u32,
    pending: u32,
    swapped: bool,
    memories: HashMap<ParamId, Memory>,
}

impl Stepper {
    /// Returns all that is remembered of the parameters of `model`: what to keep, beside the weights, to continue with
    /// the same bits.
    ///
    /// The text is `optimizer`, its type. Numbers are `steps`, `batches`, `pending` (batches since the last step),
    /// `swapped`, `learning_rate`, `schedule.rate` and `schedule.scale`, and `joined` after path and slash for a
    /// parameter that was trained only later in the run. Tensors are named by the parameter's path, a slash, and
    /// `optimizer.0`, `optimizer.1`, ... (the slots of its [`State`]), `gradient`, `slow` or `average`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(1);
    /// let loss = || model.forward(&Tape::training().input(ndarray::arr2(&[[1.0]]))).map(|y| y.square().mean());
    /// let mut adam = Stepper::new(Adam::new(0.1));
    /// adam.step(&model, loss()?.backward()?)?;
    ///
    /// let state = adam.state(&model);
    /// assert_eq!(state.tensors[0].0, "kernel/optimizer.0");
    /// let mut resumed = Stepper::new(Adam::new(0.1));
    /// resumed.restore(&model, &state)?;
    /// assert_eq!(resumed.steps(), 1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn state<X: Vars, Y: Vars>(&self, model: &(impl Layer<X, Y> + ?Sized)) -> Snapshot {
        self.snapshot(&ParamList::of(model).into_vec())
    }

    pub(crate) fn snapshot(&self, parameters: &[(String, Param)]) -> Snapshot {
        self.snapshot_with(parameters, &HashMap::new())
    }

    /// [`Stepper::snapshot`] with slots that other ranks have.
    pub(super) fn snapshot_with(
        &self,
        parameters: &[(String, Param)],
        others: &HashMap<ParamId, Vec<Vec<Float>>>,
    ) -> Snapshot {
        let counts = [("steps", self.steps), ("batches", self.batches), ("pending", self.pending)];
        let mut state = Snapshot::of(counts.map(|(name, count)| (name, f64::from(count))));
        state.texts.push(("optimizer".into(), self.optimizer.config().kind().into()));
        let mut number = |name: &str, number: f64| state.numbers.push((name.into(), vec![number]));
        number("swapped", f64::from(u8::from(self.swapped)));
        if let Some(rate) = self.optimizer.learning_rate() {
            number("learning_rate", f64::from(rate));
        }
        if let Some(schedule) = &self.schedule {
            number("schedule.rate", f64::from(schedule.rate));
            number("schedule.scale", schedule.scale);
        }
        for (path, param) in parameters {
            let Some(memory) = self.memories.get(&param.id()) else { continue };
            if memory.joined > 0 {
                state.numbers.push((format!("{path}/joined"), vec![f64::from(memory.joined)]));
            }
            let shape = param.shape().unwrap_or_default();
            let mut keep = |name: String, numbers: &Vec<Float>| {
                let len = [numbers.len()];
                let shape = if shape.iter().product::<usize>() == numbers.len() { shape.as_slice() } else { &len };
                state.tensors.push((format!("{path}/{name}"), tensor(shape, numbers.clone())));
            };
            for (i, slot) in others.get(&param.id()).unwrap_or(&memory.state.slots).iter().enumerate() {
                keep(format!("optimizer.{i}"), slot);
            }
            for (name, numbers) in memory.named() {
                // What is outdated would bring back old numbers after a resumption, too.
                if !numbers.is_empty() && !memory.is_outdated(param) {
                    keep(name.into(), numbers);
                }
            }
        }
        state
    }

    /// Restores what [`Stepper::state`] returned. `model` must have its parameters already, by loading or by a pass,
    /// and this stepper must have been made with the same settings.
    ///
    /// # Errors
    /// The state of another optimizer; names or lengths that do not fit the model; a number that is missing or out of
    /// its range. Nothing is changed then.
    pub fn restore<X: Vars, Y: Vars>(&mut self, model: &(impl Layer<X, Y> + ?Sized), state: &Snapshot) -> Result<()> {
        self.restore_snapshot(&ParamList::of(model).into_vec(), state)
    }

    pub(crate) fn restore_snapshot(&mut self, parameters: &[(String, Param)], state: &Snapshot) -> Result<()> {
        let read = self.read(parameters, state).map_err(|error| refused(error.to_string()))?;
        self.take_in(read).map_err(|error| refused(error.to_string()))
    }

    /// Refuses what [`Stepper::restore_snapshot`] would refuse, and changes nothing.
    pub(crate) fn check_snapshot(&self, parameters: &[(String, Param)], state: &Snapshot) -> Result<()> {
        self.read(parameters, state).map(|_| ()).map_err(|error| refused(error.to_string()))
    }

    fn read(&self, parameters: &[(String, Param)], state: &Snapshot) -> Result<Remembered> {
        check_kind(state, self.optimizer.config().kind())?;
        let [steps, batches, pending] = [state.count("steps")?, state.count("batches")?, state.count("pending")?];
        let swapped = state.count("swapped")? != 0;
        let schedule = match &self.schedule {
            Some(_) => Some((state.positive("schedule.rate")?, state.positive("schedule.scale")?)),
            None if state.list("schedule.rate").is_some() => {
                return Err(Error::value("it has a schedule, but this stepper has none; give it the same one"));
            }
            None => None,
        };
        // A rule without memory leaves no tensors; what is trained now is taken to have been from the beginning.
        let mut memories: Vec<(&(String, Param), Memory)> =
            trainable(parameters).map(|owner| (owner, Memory::default())).collect();
        for (name, numbers) in &state.tensors {
            let (path, what) = name.rsplit_once('/').unwrap_or_default();
            let Some(owner) = parameters.iter().find(|(known, _)| known == path) else {
                return Err(Error::value(format!("`{name}` belongs to no parameter of this model")));
            };
            let place = memories.iter().position(|((known, _), _)| known == path).unwrap_or_else(|| {
                memories.push((owner, Memory::default()));
                memories.len() - 1
            });
            if numbers.iter().any(|x| !x.is_finite()) {
                return Err(Error::value(format!("`{name}` has numbers that are not finite")));
            }
            let put = memories[place].1.put(what, numbers.iter().copied().collect());
            put.ok_or_else(|| Error::value(format!("`{name}` is not known, or not in order")))?;
        }
        for ((path, _), memory) in &mut memories {
            let name = format!("{path}/joined");
            memory.joined = state.list(&name).map_or(Ok(0), |_| state.count(&name))?.min(steps);
        }
        for ((path, param), memory) in &mut memories {
            memory.assignments = param.assignments();
            memory.measure();
            self.check_lengths(path, param, memory).map_err(|why| Error::value(format!("for `{path}`, {why}")))?;
        }
        let rate = self.optimizer.learning_rate().map(|_| state.positive("learning_rate")).transpose()?;
        let memories = memories.into_iter().map(|((_, param), memory)| (param.id(), memory)).collect();
        Ok(Remembered { rate, schedule, steps, batches, pending, swapped, memories })
    }

    fn take_in(&mut self, read: Remembered) -> Result<()> {
        if let Some(rate) = read.rate {
            self.optimizer.set_learning_rate(rate as Float)?;
        }
        if let (Some(own), Some((rate, scale))) = (&mut self.schedule, read.schedule) {
            (own.rate, own.scale) = (rate as Float, scale);
        }
        (self.steps, self.batches, self.pending, self.swapped) = (read.steps, read.batches, read.pending, read.swapped);
        self.memories = read.memories;
        Ok(())
    }

    /// Compares the lengths with those that a step on zeros asks for.
    fn check_lengths(&self, path: &str, param: &Param, memory: &Memory) -> Result<(), String> {
        let shape = param.shape().ok_or("the parameter has no value yet; load it, or make a forward pass")?;
        let len = shape.iter().product();
        for (name, numbers) in memory.named() {
            if ![0, len].contains(&numbers.len()) {
                return Err(format!("`{name}` has {} numbers, expected {len}", numbers.len()));
            }
        }
        let mut wanted = State::default();
        let step = Step { path, shape: &shape, ..Step::new(1, 0.0) };
        self.optimizer.update(&step, &mut vec![0.0; len], &vec![0.0; len], &mut wanted);
        let lengths = |state: &State| state.slots.iter().map(Vec::len).collect::<Vec<_>>();
        let (got, wanted) = (lengths(&memory.state), lengths(&wanted));
        if got.is_empty() || got == wanted {
            return Ok(());
        }
        Err(format!("the optimizer's slots have {got:?} numbers, expected {wanted:?}"))
    }
}

/// The state must be of this type of optimizer.
pub(in crate::optimizers) fn check_kind(state: &Snapshot, kind: &str) -> Result<()> {
    match state.text("optimizer") {
        Some(given) if given == kind => Ok(()),
        given => {
            let given = given.unwrap_or("none");
            Err(Error::value(format!("it is of the optimizer {given}, but this one is {kind}")))
        }
    }
}

impl Memory {
    fn named(&self) -> [(&'static str, &Vec<Float>); 3] {
        [("gradient", &self.gradient), ("slow", &self.slow), ("average", &self.average)]
    }

    /// Takes in a tensor by its name; `None` if there is no such name, or a slot is not the next one.
    fn put(&mut self, what: &str, numbers: Vec<Float>) -> Option<()> {
        match what {
            "gradient" => self.gradient = numbers,
            "slow" => self.slow = numbers,
            "average" => self.average = numbers,
            _ if what == format!("optimizer.{}", self.state.slots.len()) => self.state.slots.push(numbers),
            _ => return None,
        }
        Some(())
    }
}

pub(in crate::optimizers) fn refused(reason: impl Into<String>) -> Error {
    Error::value(format!("the state does not fit this stepper: {}", reason.into()))
}
