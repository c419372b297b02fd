//! The loop: compile, fit, evaluate, predict. [`Trainer`] joins model, optimizer and loss; [`Fit`] says how to train;
//! [`Callback`] watches.

mod callback;
mod checkpoint;
mod csv_log;
mod early_stopping;
mod epochs;
mod fit;
mod history;
mod pass;
mod progress;
mod stop_on_nan;
mod summary;
mod trainer;
mod watched;

pub use callback::{Callback, Run};
pub use checkpoint::Checkpoint;
pub use csv_log::CsvLog;
pub use early_stopping::EarlyStopping;
pub use fit::Fit;
pub use history::{History, Logs};
pub use progress::Progress;
pub use stop_on_nan::StopOnNan;
pub use summary::{Summary, summary};
pub use trainer::Trainer;
pub use watched::Watched;
