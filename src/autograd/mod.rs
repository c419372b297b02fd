//! The mechanism: a tape of coarse operations, each with its backward beside its forward, and what is written on it.
//!
//! [`Tape`] is one forward pass, [`Var`] a value on it, [`Op`] a differentiable operation, [`Gradients`] what
//! [`Var::backward`] finds. [`Param`] is what is trained, [`Layer`] what has parameters, and [`ParamList`] lists them by their
//! paths. Everything else in the crate stands on these.

mod contrast;
mod dependence;
mod example_gradients;
mod gradients;
mod layer;
mod lora;
mod noise;
#[cfg_attr(not(feature = "onnx"), allow(dead_code))] // What an operation writes is only read to export it.
mod onnx;
mod op;
mod param;
mod param_list;
mod paths;
mod regularizer;
mod tape;
mod var;
mod vars;
mod waiting;
mod watch;

pub use contrast::ContributionRule;
pub use dependence::Dependence;
pub use example_gradients::ExampleGradients;
pub use gradients::Gradients;
pub use layer::Layer;
pub use lora::Lora;
pub use noise::Noise;
pub use onnx::{OnnxAttribute, OnnxForm};
pub use op::{InputGrads, Op};
pub use param::{Param, ParamId};
pub use param_list::ParamList;
pub use regularizer::Regularizer;
pub use tape::Tape;
pub use var::Var;
pub use vars::Vars;

pub(crate) use layer::boxed;
pub(crate) use lora::{Adapter, attach, detach, merge, unmerge};
#[cfg(feature = "onnx")]
pub(crate) use onnx::{OnnxNode, Traced};
pub(crate) use param_list::{Listed, Tie};
pub(crate) use paths::{freeze_matching, glob, matching, runs};
pub(crate) use tape::{TraceRow, check_update};
pub(crate) use var::Origin;
pub(crate) use waiting::Fusible;
