//! Values that are computed when they are first read, so that an operation may become a part of the one after it.
//!
//! A convolution waits. If an activation is the next to take its value, and a max pooling after that, each is asked for as one operation
//! with those before it, and only the last is computed: neither container nor layer has to know. Whoever reads a value in between
//! gets it, and the operation after it is then applied to that value as usual.

use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use super::{Op, Tape, Var};
use crate::tensor::{Pooled, Tensor};

/// An operation that waits until its value is read.
pub(crate) trait Fusible: Op {
    /// The shape of the value.
    fn shape(&self, inputs: &[Var]) -> Vec<usize>;

    /// This operation and the next one, an [`Op`], as a single faster one with the same result; `None` if there is none. What
    /// the next one takes besides this value is `more`, and comes after `inputs`.
    fn with(&self, next: &dyn Any, inputs: &[Var], more: &[&Var]) -> Option<Box<dyn Fusible>>;
}

/// The value of a variable: known, or to be computed when it is first read.
#[derive(Clone)]
pub(crate) enum LazyValue {
    Known(Pooled),
    Waiting(Rc<Waiting>),
}

pub(crate) struct Waiting {
    value: OnceCell<Pooled>,
    /// Taken when the value is computed.
    work: RefCell<Option<Work>>,
}

/// An operation, its name, and what it takes.
pub(super) struct Applied {
    pub(super) op: Box<dyn Fusible>,
    pub(super) name: &'static str,
    pub(super) inputs: Rc<[Var]>,
}

/// The last of several operations in one, and what it takes.
pub(super) struct Last {
    pub(super) op: Box<dyn Op>,
    pub(super) name: &'static str,
    /// The first of them waits.
    pub(super) inputs: Rc<[Var]>,
}

pub(super) struct Work {
    pub(super) all: Applied,
    /// In case something else reads what it takes.
    pub(super) last: Option<Last>,
    /// Where the tape is to record the operation.
    pub(super) node: Option<usize>,
    pub(super) tape: Tape,
}

impl Waiting {
    pub(super) fn new(work: Work) -> Self {
        Self { value: OnceCell::new(), work: RefCell::new(Some(work)) }
    }

    /// This operation with the next one in it.
    pub(super) fn with(&self, next: &dyn Any, more: &[&Var]) -> Option<Applied> {
        let work = self.work.borrow();
        let all = &work.as_ref()?.all;
        let op = all.op.with(next, &all.inputs, more)?;
        let inputs = match more {
            [] => all.inputs.clone(),
            _ => all.inputs.iter().chain(more.iter().copied()).cloned().collect(),
        };
        Some(Applied { op, name: all.name, inputs })
    }

    /// Lengths of the axes, without computing the value.
    fn shape(&self) -> Vec<usize> {
        match (self.value.get(), self.work.borrow().as_ref()) {
            (None, Some(work)) => work.all.op.shape(&work.all.inputs),
            (value, _) => value.map(|value| value.shape().to_vec()).unwrap_or_default(),
        }
    }

    fn get(&self) -> &Pooled {
        self.value.get_or_init(|| {
            let work = self.work.take().expect("taken once, for the value");
            let (value, ..) = match work.last {
                Some(Last { op, name, inputs }) if inputs[0].value.is_read_elsewhere() => {
                    work.tape.run(op, name, &inputs.iter().collect::<Vec<_>>(), work.node)
                }
                _ => {
                    let Applied { op, name, inputs } = work.all;
                    work.tape.run(op, name, &inputs.iter().collect::<Vec<_>>(), work.node)
                }
            };
            value
        })
    }
}

impl LazyValue {
    /// Lengths of the axes, without computing the value.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        match self {
            Self::Known(value) => value.shape().to_vec(),
            Self::Waiting(waiting) => waiting.shape(),
        }
    }

    /// Whether the value, which an operation is about to take, is known already or will be read by another one.
    fn is_read_elsewhere(&self) -> bool {
        let Self::Waiting(waiting) = self else { return true };
        if Rc::strong_count(waiting) > 1 || waiting.value.get().is_some() {
            return true;
        }
        let work = waiting.work.borrow();
        work.as_ref().and_then(|work| work.last.as_ref()).is_some_and(|last| last.inputs[0].value.is_read_elsewhere())
    }
}

impl From<Pooled> for LazyValue {
    fn from(value: Pooled) -> Self {
        Self::Known(value)
    }
}

impl From<Tensor> for LazyValue {
    fn from(value: Tensor) -> Self {
        Self::Known(value.into())
    }
}

impl Deref for LazyValue {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        match self {
            Self::Known(value) => value,
            Self::Waiting(waiting) => waiting.get(),
        }
    }
}
