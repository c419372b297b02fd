//! The mechanism: a tape of coarse operations, each with its backward beside its forward.
//!
//! [`Tape`] is one forward pass, [`Var`] a value on it, [`Op`] a differentiable operation, [`Gradients`] what
//! [`Var::backward`] finds. Everything else in the crate stands on these four.

mod dependence;
mod gradients;
mod op;
mod tape;
mod var;

pub use dependence::Dependence;
pub use gradients::Gradients;
pub use op::{InputGrads, Op};
pub use tape::Tape;
pub use var::Var;

pub(crate) use tape::{TraceRow, check_update};
pub(crate) use var::Origin;
