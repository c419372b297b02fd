//! The loop: compile, fit, evaluate, predict. [`Trainer`] joins model, optimizer and loss; [`Fit`] says how to train;
//! [`Callback`](crate::callbacks::Callback) watches.

mod epochs;
mod fit;
mod history;
mod pass;
mod summary;
mod trainer;

pub use fit::Fit;
pub use history::{History, Logs};
pub use summary::{Summary, summary};
pub use trainer::Trainer;
