//! A step of one parameter.

use std::ops::Range;

use super::{Change, Lookahead, MovingAverage};
use crate::autograd::{Param, Tape};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::kernels::elementwise::{add_assign, largest, pieces, scale};
use crate::optimizers::{Optimizer, State, Step};
use crate::tensor::{Float, Tensor, add_into, data, recycle, tensor};

/// All that is remembered of a parameter. What is not in use is empty.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) state: State,
    /// The sum of the gradients since the last step.
    pub(super) gradient: Vec<Float>,
    pub(super) slow: Vec<Float>,
    pub(super) average: Vec<Float>,
    /// Steps that were made before the parameter was trained: its own are counted from there.
    pub(super) joined: u32,
    /// [`Param::assignments`] when the parameter was last looked at.
    pub(super) assignments: u64,
    /// Whether there may be numbers beyond [`LARGEST_MEMORY`] in the optimizer's state.
    pub(super) is_large: bool,
}

/// Up to here [`Optimizer::stays_finite`] promises a step without overflow.
const LARGEST_GRADIENT: Float = 1e9;
const LARGEST_WEIGHT: Float = 1e18;
const LARGEST_MEMORY: Float = 1e19;
const LARGEST_RATE: Float = 100.0;

impl Memory {
    /// Whether others have set, loaded, modified or frozen the parameter since, so that slow weights and averages would bring back
    /// numbers which it is not to have any more.
    pub(super) fn is_outdated(&self, param: &Param) -> bool {
        self.assignments != param.assignments() || !param.is_trainable()
    }

    /// Forgets what is outdated.
    pub(super) fn keep_up(&mut self, param: &Param) {
        if self.is_outdated(param) {
            self.slow.clear();
            self.average.clear();
        }
        if !param.is_trainable() {
            self.gradient.clear();
        }
        self.assignments = param.assignments();
    }

    /// Notes how large the optimizer's state is.
    pub(super) fn measure(&mut self) {
        self.is_large = !self.state.slots.iter().all(|slot| largest(slot) <= LARGEST_MEMORY);
    }

    fn copy(&self) -> Self {
        let slots = self.state.slots.iter().map(|slot| copy(slot)).collect();
        Self {
            state: State { slots, largest: None },
            gradient: copy(&self.gradient),
            slow: copy(&self.slow),
            average: copy(&self.average),
            ..*self
        }
    }

    fn recycle(self) {
        for numbers in self.state.slots.into_iter().chain([self.gradient, self.slow, self.average]) {
            recycle(tensor(&[numbers.len()], numbers));
        }
    }
}

fn copy(x: &[Float]) -> Vec<Float> {
    let mut copy = buffer(x.len());
    copy.copy_from_slice(x);
    copy
}

/// A parameter before a step that may have to be taken back.
pub(super) struct Before {
    weights: Vec<Float>,
    memory: Memory,
}

/// What a step does, the same for all parameters.
pub(super) struct Plan<'a> {
    pub(super) optimizer: &'a dyn Optimizer,
    pub(super) step: u32,
    pub(super) rate: Float,
    /// How many batches the gradients come from.
    pub(super) batches: u32,
    /// Whether these are all, so that the weights change.
    pub(super) is_whole: bool,
    /// Whether changes are reported.
    pub(super) watched: bool,
    pub(super) average: Option<MovingAverage>,
    pub(super) lookahead: Option<Lookahead>,
}

/// A parameter with its gradients from each part of the batch, added up in the end, and its memory.
pub(super) struct Job<'a> {
    pub(super) path: &'a str,
    pub(super) param: &'a Param,
    pub(super) shape: Vec<usize>,
    pub(super) grads: Vec<Tensor>,
    /// Factor of the rate, and weight decay.
    pub(super) settings: (Float, Float),
    pub(super) memory: Memory,
    /// The numbers that this rank updates, whose weights others get from it; all where memory is not divided.
    pub(super) own: Option<Range<usize>>,
    /// The weights before the step, if changes are reported.
    pub(super) watched: Option<Tensor>,
    /// The largest magnitude in the gradient; not finite if one of its numbers is not.
    pub(super) largest: Float,
    /// Whether the step is sure to leave finite numbers.
    pub(super) is_safe: bool,
    pub(super) before: Option<Before>,
    /// The sum of the gradient's squares, if it is wanted.
    pub(super) squares: f64,
    pub(super) error: Option<Error>,
    pub(super) change: Option<Change>,
}

impl Job<'_> {
    /// How many numbers the parameter has.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether earlier batches have left a gradient.
    pub(super) fn has_gathered(&self) -> bool {
        !self.memory.gradient.is_empty()
    }

    /// Makes what earlier batches have left the gradient of this step; it is kept until the step is made.
    pub(super) fn release(&mut self) {
        self.grads = vec![tensor(&self.shape, vec![0.0; self.memory.gradient.len()])];
    }

    /// Adds up the gradient, and remembers nothing of it yet.
    pub(super) fn add_up(&mut self, plan: &Plan<'_>) {
        let mut grads = std::mem::take(&mut self.grads);
        if grads.is_empty() {
            return;
        }
        let mut sum = grads.remove(0);
        let gathered = Some(&self.memory.gradient[..]).filter(|gathered| !gathered.is_empty());
        let others: Vec<&[Float]> = grads.iter().map(data).chain(gathered).collect();
        let is_mean = plan.is_whole && plan.batches > 1;
        if let Some(sum) = sum.as_slice_mut().filter(|_| is_mean || !others.is_empty()) {
            pieces(sum, |start, sum| {
                others.iter().for_each(|other| add_assign(sum, &other[start..]));
                if is_mean {
                    scale(sum, 1.0 / plan.batches as Float);
                }
            });
        }
        grads.into_iter().for_each(recycle);
        if plan.is_whole && plan.watched {
            self.change = Some(Change::new(self.path, plan.step, &sum));
        }
        if plan.is_whole {
            match penalty_gradient(self.param) {
                Ok(Some(grad)) => sum = add_into(sum, &grad),
                Ok(None) => {}
                Err(error) => self.error = Some(error.within(self.path)),
            }
        }
        self.grads.push(sum);
        self.measure(plan);
    }

    /// Finds out how large the gradient is.
    pub(super) fn measure(&mut self, plan: &Plan<'_>) {
        self.largest = self.grads.first().map_or(0.0, |sum| largest(data(sum)));
        self.is_safe = plan.is_whole && self.is_safe(plan);
    }

    /// Whether this step is sure to leave finite numbers.
    fn is_safe(&self, plan: &Plan<'_>) -> bool {
        let (factor, decay) = self.settings;
        let rate = plan.rate * factor;
        plan.optimizer.stays_finite()
            && self.largest <= LARGEST_GRADIENT
            && !self.memory.is_large
            && rate <= LARGEST_RATE
            && rate * decay <= LARGEST_RATE
            && !self.param.has_constraints()
            && self.param.value().is_some_and(|weights| self.largest_weight(&weights, None) <= LARGEST_WEIGHT)
    }

    /// The largest magnitude of the weights, found once for each value: by whoever has written it, if it is known.
    fn largest_weight(&self, weights: &Tensor, known: Option<Float>) -> Float {
        struct Largest(Float);
        self.param.derived(weights, |weights| Largest(known.unwrap_or_else(|| largest(data(weights))))).0
    }

    /// Lets the optimizer move the weights. Keeps copies for [`Job::take_back`] if the step is not sure to be finite.
    pub(super) fn change(&mut self, plan: &Plan<'_>, is_safe: bool) {
        let mut grads = std::mem::take(&mut self.grads);
        for sum in &mut grads {
            if !is_safe {
                let weights = self.param.value().map_or_else(Vec::new, |weights| copy(data(&weights)));
                self.before = Some(Before { weights, memory: self.memory.copy() });
            }
            self.update(plan, data(sum));
        }
        self.grads = grads;
    }

    /// Does what comes after the optimizer, and looks whether the step has left finite numbers. A parameter without a gradient has no part
    /// in the step.
    pub(super) fn finish(&mut self, plan: &Plan<'_>, is_safe: bool) {
        for sum in std::mem::take(&mut self.grads) {
            recycle(sum);
            self.follow(plan);
            if !is_safe {
                self.error = self.what_is_not_finite(plan).map(|reason| Error::StepNotFinite {
                    name: self.path.to_owned(),
                    reason: format!("{reason} (numbers in its gradient go up to {:e})", self.largest),
                });
                self.memory.measure();
            }
        }
    }

    /// Keeps the gradient for later.
    pub(super) fn gather(&mut self) {
        for sum in std::mem::take(&mut self.grads) {
            self.memory.gradient.clear();
            self.memory.gradient.extend_from_slice(data(&sum));
            recycle(sum);
        }
    }

    /// What a step has made that is not a finite number.
    fn what_is_not_finite(&self, plan: &Plan<'_>) -> Option<String> {
        let is_finite = |x: &[Float]| largest(x).is_finite();
        let config = plan.optimizer.config();
        let optimizer = config.kind();
        let Memory { state, slow, average, .. } = &self.memory;
        if self.before.as_ref().is_some_and(|before| !is_finite(&before.weights)) {
            return Some("it was not finite before, and no step repairs that; set or load other weights".into());
        }
        if self.param.value().is_some_and(|weights| !is_finite(data(&weights)))
            || !is_finite(slow)
            || !is_finite(average)
        {
            return Some(format!("{optimizer} at a rate of {} would not leave it finite", plan.rate * self.settings.0));
        }
        let is_stuck = !state.slots.iter().all(|slot| is_finite(slot));
        is_stuck.then(|| format!("the memory of {optimizer} would overflow, and never let it move again"))
    }

    /// Puts weights and memory back as they were before the step.
    pub(super) fn take_back(&mut self) {
        if let Some(before) = self.before.take() {
            self.param.train(|weights| weights.copy_from_slice(&before.weights));
            self.memory = before.memory;
        }
    }

    /// The memory, once nothing has to be taken back any more.
    pub(super) fn into_memory(self) -> Memory {
        if let Some(before) = self.before {
            before.memory.recycle();
            recycle(tensor(&[before.weights.len()], before.weights));
        }
        self.memory
    }

    fn update(&mut self, plan: &Plan<'_>, grads: &[Float]) {
        let Memory { state, gradient, slow, joined, .. } = &mut self.memory;
        gradient.clear();
        let (factor, decay) = self.settings;
        self.watched = if self.change.is_some() { self.param.value() } else { None };
        let step = Step {
            number: plan.step.saturating_sub(*joined),
            rate: plan.rate * factor,
            path: self.path,
            shape: &self.shape,
        };
        self.param.train(|weights| {
            if plan.lookahead.is_some() && slow.len() != weights.len() {
                *slow = weights.to_vec();
            }
            let own = self.own.clone().unwrap_or(0..weights.len());
            let is_whole = own.len() == weights.len();
            let (weights, grads) = (&mut weights[own.clone()], &grads[own]);
            if weights.is_empty() {
                return;
            }
            if decay != 0.0 {
                pieces(weights, |_, weights| scale(weights, 1.0 - step.rate * decay));
            }
            plan.optimizer.update(&step, weights, grads, state);
            state.largest = state.largest.filter(|_| is_whole);
        });
    }

    fn follow(&mut self, plan: &Plan<'_>) {
        let Memory { slow, average, .. } = &mut self.memory;
        if let Some(lookahead) = plan.lookahead {
            self.param.train(|weights| lookahead.apply(plan.step, weights, slow));
        }
        self.param.apply_constraints();
        if let Some(rule) = plan.average {
            let mut is_overwritten = false;
            self.param.train(|weights| is_overwritten = rule.apply(plan.step, weights, average));
            // An average of weights of length 1 is shorter.
            if is_overwritten {
                self.param.apply_constraints();
            }
        }
        if let (Some(change), Some(before)) = (&mut self.change, self.watched.take()) {
            change.measure(&before, self.param);
        }
        let is_last = plan.lookahead.is_none() && plan.average.is_none() && !self.param.has_constraints();
        if let (true, Some(largest), Some(weights)) = (is_last, self.memory.state.largest.take(), self.param.value()) {
            self.largest_weight(&weights, Some(largest));
        }
    }
}

/// The gradient of a parameter's own penalties, if it has any.
fn penalty_gradient(param: &Param) -> Result<Option<Tensor>> {
    let tape = Tape::training();
    let Some(penalty) = param.penalty(&tape)? else { return Ok(None) };
    Ok(penalty.backward()?.take(param.id()))
}
