//! Ready networks, whose parameters have the paths of the originals, so that their weights can be read.
//!
//! Those for images are a [`Sequential`](crate::Sequential) that ends in scores for classes, without a softmax. Their
//! `translation` reads the weights of torchvision, all of them or, with a head for other classes, all but the head:
//!
//! ```no_run
//! use gradus::models::ResNet;
//! use gradus::prelude::*;
//! use gradus::saving::Weights;
//!
//! # fn main() -> Result<()> {
//! let model = ResNet::resnet18(5);
//! ResNet::translation().allow_missing("fc.*").load(&model, &Weights::open("resnet18.safetensors")?)?;
//! model.freeze();
//! model.unfreeze_matching("fc.*")?;
//! let model = model.compile(Adam::default(), SparseCrossEntropy::from_logits());
//! # Ok(())
//! # }
//! ```
//!
//! Those for texts, [`Bert`] with its heads and [`Gpt2`], take ids of tokens, and are read from folders of Hugging Face. [`BeamSearch`] finds
//! what a network that translates says most likely.

mod alex_net;
mod beam_search;
mod bert;
mod config;
mod conv_norm;
mod folder;
mod gpt2;
#[cfg(feature = "hub")]
mod hub;
mod le_net;
mod mobile_net;
mod res_net;
mod sampling;
#[cfg(feature = "tokenizers")]
mod tokenizer;
#[cfg(feature = "tokenizers")]
mod tokenizer_file;
mod vgg;

use crate::autograd::Var;
use crate::config::Registry;

pub(crate) fn register(registry: Registry) -> Registry {
    let registry = registry.layer::<Bert, Var, Var>().layer::<bert::Pooler, Var, Var>();
    let registry = registry.layer::<bert::MaskedLanguageHead, Var, Var>();
    registry.layer::<Gpt2, Var, Var>().layer::<gpt2::LastToken, Var, Var>()
}

pub use alex_net::AlexNet;
pub use beam_search::{BeamSearch, Hypothesis};
pub use bert::{Bert, BertConfig};
pub use config::HiddenActivation;
pub use gpt2::{Generation, Gpt2, Gpt2Config};
#[cfg(feature = "hub")]
pub use hub::download;
pub use le_net::LeNet5;
pub use mobile_net::MobileNetV2;
pub use res_net::ResNet;
pub use sampling::Sampling;
#[cfg(feature = "tokenizers")]
pub use tokenizer::Tokenizer;
pub use vgg::Vgg;
