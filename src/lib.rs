#![doc = include_str!("readme_links.md")]
// Where README leads to files, the documentation leads to modules and pages: of two definitions of a link the first one counts.
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod activations;
mod autograd;
mod buffers;
pub mod calibration;
pub mod config;
pub mod constraints;
pub mod data;
pub mod distributed;
mod error;
pub mod explain;
pub mod fairness;
mod files;
mod float;
mod formats;
pub mod gradcheck;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod initializers;
mod kernels;
mod kinds;
pub mod layers;
pub mod losses;
pub mod metrics;
mod model;
pub mod models;
#[cfg(feature = "onnx")]
pub mod onnx;
mod ops;
pub mod optimizers;
mod order;
#[cfg(feature = "plot")]
pub mod plot;
pub mod prelude;
pub mod preprocessing;
pub mod privacy;
mod random;
pub mod regularizers;
pub mod reinforcement;
pub mod saving;
mod sealed;
pub mod search;
mod tensor;
pub mod training;

pub use autograd::{
    ContributionRule, Dependence, ExampleGradients, Gradients, InputGrads, Lora, Noise, OnnxAttribute, OnnxForm, Op,
    Param, ParamId, ParamList, Tape, Var,
};
pub use data::mnist;
pub use error::{Error, Located, Result};
pub use layers::{Layer, Sequential};
pub use model::{Model, open};
pub use ndarray;
pub use ops::PadMode;
pub use rand;
pub use random::Rng;
pub use tensor::{Float, IntoTensor, Tensor};
#[doc(inline)]
pub use training::callbacks;
pub use training::{Fit, Trainer, open_trainer};
