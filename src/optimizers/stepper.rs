//! An optimizer at work on a model.

use std::collections::HashMap;

use super::{Optimizer, State};
use crate::autograd::{Gradients, Tape};
use crate::buffers::recycle;
use crate::error::{Error, Result};
use crate::kernels::{elementwise, parallel};
use crate::layers::{Layer, Vars};
use crate::param::{Param, ParamId};
use crate::tensor::{Tensor, add_into, data};

/// An optimizer with its memory of a model's parameters and its count of steps. The trainer has one; loops of your
/// own make theirs, one for each set of parameters that is trained apart.
///
/// ```
/// use gradus::prelude::*;
/// let model = Dense::new(1);
/// let mut adam = Stepper::new(Adam::new(0.1));
/// for _ in 0..3 {
///     let tape = Tape::training();
///     let y = model.forward(&tape.input(ndarray::arr2(&[[1.0], [2.0]])))?;
///     let loss = MeanSquaredError::default().loss(&y, &ndarray::arr2(&[[3.0], [5.0]]).into_dyn().into_shared())?;
///     adam.step(&model, loss.backward()?)?;
/// }
/// assert_eq!(adam.steps(), 3);
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct Stepper {
    optimizer: Box<dyn Optimizer>,
    states: HashMap<ParamId, State>,
    steps: u32,
}

/// A parameter with its gradients from each part of the batch, added up in the end, and its memory.
struct Job<'a> {
    path: &'a str,
    param: &'a Param,
    grads: Vec<Tensor>,
    is_finite: bool,
    state: State,
    error: Option<Error>,
}

impl Job<'_> {
    fn add_up(&mut self) {
        let mut grads = std::mem::take(&mut self.grads).into_iter();
        let Some(mut sum) = grads.next() else { return };
        for grad in grads {
            sum = add_into(sum, &grad);
            recycle(grad);
        }
        match penalty_gradient(self.param) {
            Ok(Some(grad)) => sum = add_into(sum, &grad),
            Ok(None) => {}
            Err(error) => self.error = Some(error.within(self.path)),
        }
        self.is_finite = elementwise::is_finite(data(&sum));
        self.grads.push(sum);
    }

    fn update(&mut self, optimizer: &dyn Optimizer, steps: u32) {
        for sum in self.grads.drain(..) {
            self.param.modify(|weights| optimizer.update(steps, weights, data(&sum), &mut self.state));
            self.param.apply_constraints();
            recycle(sum);
        }
    }
}

/// The gradient of a parameter's own penalties, if it has any.
fn penalty_gradient(param: &Param) -> Result<Option<Tensor>> {
    let tape = Tape::training();
    let Some(penalty) = param.penalty(&tape)? else { return Ok(None) };
    Ok(penalty.backward()?.take(param.id()))
}

impl Stepper {
    /// Before the first step.
    pub fn new(optimizer: impl Optimizer + 'static) -> Self {
        Self::boxed(Box::new(optimizer))
    }

    pub(crate) fn boxed(optimizer: Box<dyn Optimizer>) -> Self {
        Self { optimizer, states: HashMap::new(), steps: 0 }
    }

    /// How many steps were made.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &dyn Optimizer {
        self.optimizer.as_ref()
    }

    /// The optimizer, to change its rate.
    pub fn optimizer_mut(&mut self) -> &mut dyn Optimizer {
        self.optimizer.as_mut()
    }

    /// Changes the trainable parameters of `model` by one step along these gradients and those of their
    /// [regularizers](crate::regularizers), and obeys their [constraints](crate::constraints).
    ///
    /// # Errors
    /// Settings of the optimizer that make no sense; a trainable parameter without a gradient, or with one that is not
    /// finite or of another shape, which is named. Nothing is changed then.
    pub fn step<X: Vars, Y: Vars>(&mut self, model: &impl Layer<X, Y>, gradients: Gradients) -> Result<()> {
        self.step_parts(&model.parameters(), &mut [gradients])
    }

    /// [`Stepper::step`] along the sum of the gradients of a batch's parts, added up in their order.
    pub(crate) fn step_parts(&mut self, parameters: &[(String, Param)], parts: &mut [Gradients]) -> Result<()> {
        self.optimizer.check()?;
        let trainable = || parameters.iter().filter(|(_, param)| param.is_trainable());
        let missing: Vec<String> = trainable()
            .filter(|(_, param)| parts.iter().all(|part| part.get(param).is_none()))
            .map(|(path, _)| path.clone())
            .collect();
        if !missing.is_empty() {
            return Err(Error::MissingGradient { names: missing });
        }
        for (path, param) in trainable() {
            let shape = param.shape().unwrap_or_default();
            let wrong = parts.iter().filter_map(|part| part.get(param)).find(|grad| grad.shape() != shape);
            if let Some(grad) = wrong {
                return Err(Error::shape(format!(
                    "the gradient of `{path}` has shape {:?}, expected {shape:?}; mend the `backward` that made it",
                    grad.shape()
                )));
            }
        }
        let mut jobs: Vec<Job> = trainable()
            .map(|(path, param)| Job {
                path,
                param,
                is_finite: true,
                error: None,
                grads: parts.iter_mut().filter_map(|part| part.take(param.id())).collect(),
                state: self.states.remove(&param.id()).unwrap_or_default(),
            })
            .collect();
        parallel::for_each(&mut jobs, Job::add_up);
        let error = jobs.iter_mut().find_map(|job| job.error.take());
        let broken = jobs.iter().find(|job| !job.is_finite).map(|job| job.path.to_owned());
        if broken.is_none() && error.is_none() {
            self.steps += 1;
            let (optimizer, steps) = (self.optimizer.as_ref(), self.steps);
            parallel::for_each(&mut jobs, |job| job.update(optimizer, steps));
        }
        self.states.extend(jobs.into_iter().map(|job| (job.param.id(), job.state)));
        if let Some(error) = error {
            return Err(error);
        }
        broken.map_or(Ok(()), |name| Err(Error::GradientNotFinite { name }))
    }
}
