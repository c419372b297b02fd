//! A value on a tape.

use std::rc::Rc;

use super::{Dependence, Gradients, Tape};
use crate::buffers::Pooled;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data};

/// A value on a [`Tape`]: what layers take and give. Cloning is cheap.
///
/// Its operations are methods and operators: `+ - * /` with broadcasting as in numpy, and those listed below. An
/// operator on shapes that do not broadcast panics, as integer arithmetic does on overflow; every method that can
/// fail returns a `Result`.
#[derive(Clone)]
pub struct Var {
    pub(crate) value: Pooled,
    pub(super) tape: Tape,
    pub(super) node: Option<usize>,
    pub(crate) dependence: Dependence,
    /// What a softmax or sigmoid was applied to, so that losses can work on it in one stable operation.
    pub(crate) origin: Option<Rc<Origin>>,
}

/// The input of the activation that a value came out of.
pub(crate) enum Origin {
    Softmax(Var),
    LogSoftmax,
    Sigmoid(Var),
}

impl Var {
    pub(super) fn new(value: Pooled, tape: &Tape, node: Option<usize>, dependence: Dependence) -> Self {
        Self { value, tape: tape.clone(), node, dependence, origin: None }
    }

    /// The tape that this value is on.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// The numbers.
    ///
    /// Whoever reads numbers in a forward pass may make it depend on the whole batch, so the trainer stops running
    /// the batch in parts when a layer or loss calls this: right in any case, and slower.
    pub fn value(&self) -> &Tensor {
        self.tape.mark_inspected();
        &self.value
    }

    /// The single number of a scalar; the first of several.
    pub fn item(&self) -> Float {
        self.tape.mark_inspected();
        data(&self.value).first().copied().unwrap_or(Float::NAN)
    }

    /// The same value as a constant: no gradient flows through it.
    pub fn detach(&self) -> Self {
        Self::new(self.value.clone(), &self.tape, None, self.dependence)
    }

    /// The gradients of this scalar with respect to every trainable parameter and every variable that it depends on.
    ///
    /// # Errors
    /// A value that is not a scalar; a tape that does not record.
    pub fn backward(&self) -> Result<Gradients> {
        self.tape.backward(self, 1.0)
    }

    /// [`Var::backward`] of `scale` times this scalar.
    pub(crate) fn backward_scaled(&self, scale: Float) -> Result<Gradients> {
        self.tape.backward(self, scale)
    }

    pub(crate) fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(Rc::new(origin));
        self
    }
}

impl std::fmt::Debug for Var {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Var").field("value", &*self.value).field("recorded", &self.node.is_some()).finish()
    }
}
