//! The loop: compile, fit, evaluate, predict. [`Trainer`] joins model, optimizer and loss; [`Fit`] says how to train;
//! [`Callback`](crate::callbacks::Callback) watches. [`Loop`] has all of it for loops of one's own.

mod blame;
pub mod callbacks;
mod course;
mod epochs;
mod fit;
pub(crate) mod history;
mod loops;
mod pass;
mod predict;
mod resume;
mod slow_build;
mod summary;
mod trainer;
mod whole;

pub use fit::Fit;
pub use history::{History, Logs};
pub use loops::Loop;
pub(crate) use predict::predict;
pub use summary::{Summary, summary};
pub use trainer::Trainer;
pub(crate) use trainer::{EVALUATION_BATCH, Threads};
pub use whole::open_trainer;
