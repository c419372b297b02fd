//! The loop: compile, fit, evaluate, predict. [`Trainer`] joins model, optimizer and loss; [`Fit`] says how to train;
//! [`Callback`](crate::callbacks::Callback) watches. [`Loop`] has all of it for loops of one's own.

mod blame;
pub mod callbacks;
mod fit;
mod hand_loop;
pub(crate) mod history;
mod pass;
mod predict;
mod resume;
mod run;
mod slow_build;
mod step;
mod summary;
mod trainer;
mod whole;

pub use fit::Fit;
pub use hand_loop::Loop;
pub use history::{History, Logs};
pub(crate) use predict::predict;
pub use summary::{Summary, summary};
pub use trainer::Trainer;
pub(crate) use trainer::{EVALUATION_BATCH, Threads};
pub use whole::open_trainer;
