//! Ready networks, whose parameters have the paths of the originals, so that their weights can be read.

mod bert;
mod config;
mod folder;
mod gpt2;
#[cfg(feature = "hub")]
mod hub;
mod sampling;
#[cfg(feature = "tokenizers")]
mod tokenizer;

pub use bert::{Bert, BertConfig};
pub use config::HiddenActivation;
pub use gpt2::{Generation, Gpt2, Gpt2Config};
#[cfg(feature = "hub")]
pub use hub::download;
pub use sampling::Sampling;
#[cfg(feature = "tokenizers")]
pub use tokenizer::Tokenizer;
