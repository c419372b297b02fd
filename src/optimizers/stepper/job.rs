//! A step of one parameter.

use super::{Change, Clip, Lookahead, MovingAverage};
use crate::autograd::Tape;
use crate::buffers::recycle;
use crate::error::{Error, Result};
use crate::kernels::elementwise::{add_assign, is_finite, scale, sum_of_squares};
use crate::optimizers::{Optimizer, State, Step};
use crate::param::Param;
use crate::tensor::{Float, Tensor, add_into, data};

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
    /// Whether changes are told.
    pub(super) watched: bool,
    pub(super) clip: Option<Clip>,
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
    pub(super) is_finite: bool,
    /// The sum of the gradient's squares, if it is wanted.
    pub(super) squares: f64,
    pub(super) error: Option<Error>,
    pub(super) change: Option<Change>,
}

impl Job<'_> {
    /// Adds up the gradient, and remembers nothing of it yet.
    pub(super) fn add_up(&mut self, plan: &Plan<'_>) {
        let mut grads = std::mem::take(&mut self.grads).into_iter();
        let Some(mut sum) = grads.next() else { return };
        for grad in grads {
            sum = add_into(sum, &grad);
            recycle(grad);
        }
        if plan.is_whole
            && plan.batches > 1
            && let Some(sum) = sum.as_slice_mut()
        {
            add_assign(sum, &self.memory.gradient);
            scale(sum, 1.0 / plan.batches as Float);
        }
        if plan.is_whole && plan.watched {
            self.change = Some(Change::new(self.path, plan.step, &sum));
        }
        if plan.is_whole {
            match penalty_gradient(self.param) {
                Ok(Some(grad)) => sum = add_into(sum, &grad),
                Ok(None) => {}
                Err(error) => self.error = Some(error.within(self.path)),
            }
            if plan.clip.is_some_and(Clip::needs_norm) {
                self.squares = sum_of_squares(data(&sum));
            }
        }
        self.is_finite = is_finite(data(&sum));
        self.grads.push(sum);
    }

    /// Changes the weights, or keeps the gradient for later.
    pub(super) fn finish(&mut self, plan: &Plan<'_>, all_squares: f64) {
        for mut sum in std::mem::take(&mut self.grads) {
            match sum.as_slice_mut() {
                Some(grads) if plan.is_whole => self.update(plan, grads, all_squares),
                Some(grads) if self.memory.gradient.is_empty() => self.memory.gradient.extend_from_slice(grads),
                Some(grads) => add_assign(&mut self.memory.gradient, grads),
                None => {}
            }
            recycle(sum);
        }
    }

    fn update(&mut self, plan: &Plan<'_>, grads: &mut [Float], all_squares: f64) {
        let Memory { state, gradient, slow, average, joined } = &mut self.memory;
        gradient.clear();
        if let Some(clip) = plan.clip {
            clip.apply(grads, self.squares, all_squares);
        }
        let (factor, decay) = self.settings;
        let before = if self.change.is_some() { self.param.value() } else { None };
        let step = Step {
            number: plan.step.saturating_sub(*joined),
            rate: plan.rate * factor,
            path: self.path,
            shape: &self.shape,
        };
        self.param.modify(|weights| {
            if plan.lookahead.is_some() && slow.len() != weights.len() {
                *slow = weights.to_vec();
            }
            if decay != 0.0 {
                scale(weights, 1.0 - step.rate * decay);
            }
            plan.optimizer.update(&step, weights, grads, state);
            if let Some(lookahead) = plan.lookahead {
                lookahead.apply(plan.step, weights, slow);
            }
        });
        self.param.apply_constraints();
        if let Some(rule) = plan.average {
            self.param.modify(|weights| rule.apply(plan.step, weights, average));
        }
        if let (Some(change), Some(before)) = (&mut self.change, before) {
            change.measure(&before, self.param);
        }
    }
}

/// The gradient of a parameter's own penalties, if it has any.
fn penalty_gradient(param: &Param) -> Result<Option<Tensor>> {
    let tape = Tape::training();
    let Some(penalty) = param.penalty(&tape)? else { return Ok(None) };
    Ok(penalty.backward()?.take(param.id()))
}
