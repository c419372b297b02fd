//! Quasi-Newton steps, for a loss that does not change.

use std::collections::VecDeque;

use super::line_search::{Bounds, Point, strong_wolfe};
use super::stepper::{BatchPart, check_gradients, check_kind, refused};
use super::{check_at_least_0, check_rate};
use crate::autograd::{Layer, Param, ParamId, ParamList, Tape, Var, Vars};
use crate::config::described;
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::kernels::elementwise::{add_scaled, dot, largest, scale};
use crate::tensor::{Float, data, tensor};

described! {
    /// Quasi-Newton steps along `-H g`, where `H` is made of the last changes of weights and gradients, each as far as a
    /// line search for the strong conditions of Wolfe says.
    ///
    /// It evaluates the same loss several times in a step, so it wants all data in one batch and nothing random; it is no
    /// [`Optimizer`](super::Optimizer), and `compile` and `fit` do not take it. [`Lbfgs::minimize`] is its loop, which may be
    /// called again and continues with what it remembers. Penalties count as part of the loss; constraints are obeyed when
    /// it ends.
    ///
    /// Liu & Nocedal 1989; PyTorch `LBFGS`, whose line search is off by default.
    ///
    /// ```
    /// use gradus::optimizers::Lbfgs;
    /// use gradus::prelude::*;
    /// let x = ndarray::Array2::from_shape_fn((20, 1), |(i, _)| i as f32 / 10.0 - 1.0);
    /// let y = (&x * 3.0 + 1.0).into_tensor();
    /// let model = Dense::new(1);
    /// let minimum = Lbfgs::default().minimize(&model, || {
    ///     MeanSquaredError::default().loss(&model.forward(&Tape::training().input(&x))?, &y)
    /// })?;
    /// assert!(minimum.loss < 1e-9, "{minimum:?}");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "LBFGS")]
    #[derive(Clone)]
    pub struct Lbfgs {
        /// The length of the first trial of a step.
        learning_rate: [Float] = 1.0,
        /// The number of steps of a call.
        max_iterations: [usize] = 20,
        /// The number of evaluations of the loss in a call, more or less; `None` stands for 1.25 times the steps.
        max_evaluations: [Option<usize>] = None,
        /// The greatest number in the gradient with which the search ends.
        tolerance_gradient: [Float] = 1e-7,
        /// The change of loss and weights with which it ends.
        tolerance_change: [Float] = 1e-9,
        /// How many changes are remembered.
        history: [usize] = 100,
        /// Whether to search along the line; otherwise each step has its first length.
        line_search: [bool] = true,
    }
    private { memory: Memory = Memory::default(), }
}

/// What [`Lbfgs::minimize`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Minimum {
    /// The loss at the end, with penalties.
    pub loss: f64,
    /// Steps of this call.
    pub iterations: usize,
    /// Evaluations of the loss in this call.
    pub evaluations: usize,
    /// Whether a tolerance ended it, rather than the number of steps or evaluations.
    pub converged: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Steps in all calls.
    steps: u32,
    direction: Vec<Float>,
    gradient: Vec<Float>,
    length: f64,
    diagonal: f64,
    /// Changes of the gradient and of the weights.
    changes: VecDeque<[Vec<Float>; 2]>,
    /// Which parameters were trained, and how often they had been assigned at the end of the last call; empty if that is not known.
    assignments: Vec<(ParamId, u64)>,
}

impl Lbfgs {
    /// Changes the trainable parameters of `model` until `loss` is least, or the number of steps is reached. Each call of
    /// `loss` makes a tape, and must compute the same thing.
    ///
    /// # Errors
    /// settings out of their range; a loss or gradient that is not finite, at the start or along the whole search; a trainable
    /// parameter without a gradient; whatever `loss` returns. The weights are then those before the step that failed, and what was
    /// remembered is forgotten.
    pub fn minimize<X: Vars, Y: Vars>(
        &mut self,
        model: &(impl Layer<X, Y> + ?Sized),
        mut loss: impl FnMut() -> Result<Var>,
    ) -> Result<Minimum> {
        self.check()?;
        let first = loss()?;
        let parameters = ParamList::of(model).into_vec();
        let mut point = start(&parameters, &first)?;
        // What was learned of other weights says nothing about these.
        let known = &self.memory.assignments;
        let has_moved = !known.is_empty() && *known != assignments(&parameters);
        if has_moved || self.memory.gradient.len() != point.gradient.len() {
            self.memory = Memory::default();
        }
        let most = self.max_evaluations.unwrap_or(self.max_iterations * 5 / 4);
        let (mut iterations, mut evaluations) = (0, 1);
        let mut converged = greatest(&point.gradient) <= f64::from(self.tolerance_gradient);
        while !converged && iterations < self.max_iterations && (iterations == 0 || evaluations < most) {
            iterations += 1;
            self.remember(&point.gradient);
            let tolerance = f64::from(self.tolerance_change);
            (point.at, point.slope) = (0.0, dot(&point.gradient, &self.memory.direction));
            if point.slope > -tolerance {
                converged = true;
                break;
            }
            let left = most.saturating_sub(evaluations).max(1);
            let evaluate_here = || {
                let found = evaluate(&parameters, &loss()?)?;
                evaluations += 1;
                Ok(found)
            };
            let new = match self.step(&parameters, evaluate_here, &point, left) {
                Ok(new) => new,
                Err(error) => {
                    self.memory = Memory::default();
                    return Err(error);
                }
            };
            self.memory.length = new.at;
            converged = greatest(&new.gradient) <= f64::from(self.tolerance_gradient)
                || greatest(&self.memory.direction) * new.at.abs() <= tolerance
                || (new.value - point.value).abs() < tolerance;
            point = new;
        }
        let weights = Start::of(&parameters);
        trainable(&parameters).for_each(Param::apply_constraints);
        if let Err(error) = weights.check() {
            weights.put_back();
            return Err(error);
        }
        self.memory.assignments = assignments(&parameters);
        Ok(Minimum { loss: point.value, iterations, evaluations, converged })
    }

    /// Moves the weights along the direction, to the point that it returns; after an error they are where they were.
    fn step(
        &self,
        parameters: &[(String, Param)],
        mut evaluate_here: impl FnMut() -> Result<(f64, Vec<Float>)>,
        point: &Point,
        evaluations: usize,
    ) -> Result<Point> {
        let direction = &self.memory.direction;
        let weights = Start::of(parameters);
        let mut try_at = |at: f64| {
            weights.move_along(direction, at);
            let (value, gradient) = evaluate_here()?;
            Ok(Point { at, value, slope: dot(&gradient, direction), gradient })
        };
        let new = if self.line_search {
            let interval = greatest(direction) / f64::from(self.tolerance_change).max(f64::MIN_POSITIVE);
            strong_wolfe(try_at, point, self.memory.length, &Bounds { evaluations, interval })
        } else {
            try_at(self.memory.length)
        };
        let new = new.and_then(|new| weights.step(direction, new));
        if new.is_err() {
            weights.put_back();
        }
        new
    }

    /// Takes in the gradient, and sets the next direction and the length of its first trial.
    fn remember(&mut self, gradient: &[Float]) {
        let (rate, history) = (f64::from(self.learning_rate), self.history);
        let memory = &mut self.memory;
        let mut direction: Vec<Float> = gradient.iter().map(|g| -g).collect();
        if memory.steps == 0 {
            let sum: f64 = gradient.iter().map(|g| f64::from(g.abs())).sum();
            memory.length = rate * f64::min(1.0, 1.0 / sum);
            memory.diagonal = 1.0;
        } else {
            let change: Vec<Float> = gradient.iter().zip(&memory.gradient).map(|(new, old)| new - old).collect();
            let mut moved = std::mem::take(&mut memory.direction);
            scale(&mut moved, memory.length as Float);
            let curvature = dot(&change, &moved);
            if curvature > 1e-10 && history > 0 {
                memory.changes.truncate(history);
                if memory.changes.len() == history {
                    memory.changes.pop_front();
                }
                memory.diagonal = curvature / dot(&change, &change);
                memory.changes.push_back([change, moved]);
            }
            let mut shares = Vec::with_capacity(memory.changes.len());
            for [change, moved] in memory.changes.iter().rev() {
                let share = dot(moved, &direction) / dot(change, moved);
                add_scaled(&mut direction, -share as Float, change);
                shares.push(share);
            }
            scale(&mut direction, memory.diagonal as Float);
            for [change, moved] in &memory.changes {
                let back = dot(change, &direction) / dot(change, moved);
                add_scaled(&mut direction, (shares.pop().unwrap_or_default() - back) as Float, moved);
            }
            memory.length = rate;
        }
        memory.direction = direction;
        memory.gradient = gradient.to_vec();
        memory.steps = memory.steps.saturating_add(1);
    }

    fn check(&self) -> Result<()> {
        check_rate("Lbfgs", self.learning_rate)?;
        check_at_least_0("Lbfgs", "a tolerance of the gradient", self.tolerance_gradient, "1e-7 is usual")?;
        check_at_least_0("Lbfgs", "a tolerance of changes", self.tolerance_change, "1e-9 is usual")
    }

    /// Returns all that is remembered: the numbers `steps`, `length` and `diagonal`, and the tensors `direction`,
    /// `gradient`, `change.0`, `moved.0`, `change.1` and so on, each over all trainable parameters.
    pub fn state(&self) -> Snapshot {
        let Memory { steps, direction, gradient, length, diagonal, changes, .. } = &self.memory;
        let numbers = [("steps", f64::from(*steps)), ("length", *length), ("diagonal", *diagonal)];
        let mut tensors = vec![("direction".to_owned(), direction), ("gradient".to_owned(), gradient)];
        for (i, [change, moved]) in changes.iter().enumerate() {
            tensors.extend([(format!("change.{i}"), change), (format!("moved.{i}"), moved)]);
        }
        let mut state = Snapshot::of(numbers);
        state.texts.push(("optimizer".into(), "Lbfgs".into()));
        state.tensors = tensors.into_iter().map(|(name, x)| (name, tensor(&[x.len()], x.clone()))).collect();
        state
    }

    /// Restores what [`Lbfgs::state`] returned.
    ///
    /// # Errors
    /// The state of an optimizer; something missing; tensors that differ in length. Nothing is changed then.
    pub fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.take_in(state).map_err(|error| refused(error.to_string()))
    }

    fn take_in(&mut self, state: &Snapshot) -> Result<()> {
        check_kind(state, "Lbfgs")?;
        let get = |name: &str| Some(state.tensor(name)?.iter().copied().collect::<Vec<Float>>());
        let needed = |name: &str| get(name).ok_or_else(|| Error::value(format!("there is no `{name}`")));
        let mut memory = Memory {
            steps: state.count("steps")?,
            direction: needed("direction")?,
            gradient: needed("gradient")?,
            length: state.positive("length")?,
            diagonal: state.positive("diagonal")?,
            changes: VecDeque::new(),
            assignments: Vec::new(),
        };
        while let Some(change) = get(&format!("change.{}", memory.changes.len())) {
            let moved = needed(&format!("moved.{}", memory.changes.len()))?;
            memory.changes.push_back([change, moved]);
        }
        let len = memory.gradient.len();
        if memory.direction.len() != len || memory.changes.iter().flatten().any(|x| x.len() != len) {
            return Err(Error::value("its tensors differ in length"));
        }
        self.memory = memory;
        Ok(())
    }
}

fn assignments(parameters: &[(String, Param)]) -> Vec<(ParamId, u64)> {
    trainable(parameters).map(|param| (param.id(), param.assignments())).collect()
}

fn trainable(parameters: &[(String, Param)]) -> impl Iterator<Item = &Param> {
    parameters.iter().map(|(_, param)| param).filter(|param| param.is_trainable())
}

/// The first point, which must be one of numbers.
fn start(parameters: &[(String, Param)], loss: &Var) -> Result<Point> {
    let (value, gradient) = evaluate(parameters, loss)?;
    if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
        return Err(Error::value(format!(
            "Lbfgs: expected a finite loss and gradient to begin with, got the loss {value}; look at the data, or begin \
             with other weights"
        )));
    }
    Ok(Point { at: 0.0, value, slope: 0.0, gradient })
}

/// Loss and gradient, penalties included. Where one is not a number, the loss is infinite.
fn evaluate(parameters: &[(String, Param)], loss: &Var) -> Result<(f64, Vec<Float>)> {
    let mut parts = [BatchPart { gradients: loss.backward()?, share: 1.0 }];
    check_gradients(parameters, &parts)?;
    let mut value: f64 = data(&loss.value).iter().map(|x| f64::from(*x)).sum();
    let mut gradient = Vec::new();
    for param in trainable(parameters) {
        let begin = gradient.len();
        if let Some(own) = parts[0].gradients.take(param.id()) {
            gradient.extend_from_slice(data(&own));
        }
        let Some(penalty) = param.penalty(&Tape::training())? else { continue };
        value += data(&penalty.value).iter().map(|x| f64::from(*x)).sum::<f64>();
        let of_penalty = penalty.backward()?.take(param.id());
        of_penalty.iter().for_each(|grad| add_scaled(&mut gradient[begin..], 1.0, data(grad)));
    }
    let finite = value.is_finite() && gradient.iter().all(|g| g.is_finite());
    Ok((if finite { value } else { f64::INFINITY }, gradient))
}

/// The weights before a step.
struct Start<'a> {
    parameters: &'a [(String, Param)],
    weights: Vec<Float>,
}

impl<'a> Start<'a> {
    fn of(parameters: &'a [(String, Param)]) -> Self {
        let mut weights = Vec::new();
        for value in trainable(parameters).filter_map(Param::value) {
            weights.extend_from_slice(data(&value));
        }
        Self { parameters, weights }
    }

    fn set(&self, mut numbers: impl Iterator<Item = Float>) {
        for param in trainable(self.parameters) {
            param.modify(|weights| weights.iter_mut().zip(&mut numbers).for_each(|(w, new)| *w = new));
        }
    }

    fn put_back(&self) {
        self.set(self.weights.iter().copied());
    }

    /// Sets the weights to `start + at · direction`.
    fn move_along(&self, direction: &[Float], at: f64) {
        self.set(self.weights.iter().zip(direction).map(|(w, d)| w + at as Float * d));
    }

    /// Moves to the point that a search has found, which must be one of finite numbers.
    fn step(&self, direction: &[Float], point: Point) -> Result<Point> {
        self.move_along(direction, point.at);
        self.check()?;
        if point.value.is_finite() {
            return Ok(point);
        }
        Err(Error::value(
            "Lbfgs: a step along the gradient makes the loss infinite or not a number; the weights are as they were before it: \
             search along the line with `line_search`, or lower the learning rate",
        ))
    }

    /// Whether all weights are finite.
    fn check(&self) -> Result<()> {
        let is_finite = |param: &Param| param.value().is_none_or(|weights| largest(data(&weights)).is_finite());
        let trained = self.parameters.iter().filter(|(_, param)| param.is_trainable());
        let broken = trained.filter(|(_, param)| !is_finite(param)).map(|(path, _)| path.clone()).next();
        broken.map_or(Ok(()), |name| {
            let reason = "Lbfgs would not leave it finite, along a direction or by its constraints".into();
            Err(Error::StepNotFinite { name, reason })
        })
    }
}

/// The greatest number without its sign.
fn greatest(x: &[Float]) -> f64 {
    x.iter().map(|x| f64::from(x.abs())).fold(0.0, f64::max)
}
