//! Ready networks, whose parameters have the paths of the originals, so that their weights can be read.

mod bert;
mod config;
mod gpt2;
mod sampling;

pub use bert::{Bert, BertConfig};
pub use config::HiddenActivation;
pub use gpt2::{Generation, Gpt2, Gpt2Config};
pub use sampling::Sampling;
