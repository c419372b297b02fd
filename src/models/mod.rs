//! Ready networks, whose parameters have the paths of the originals, so that their weights can be read.
//!
//! Those for images are a [`Sequential`](crate::Sequential) that ends in scores for classes, without a softmax. Their `translation` reads
//! the weights of torchvision, all of them or, with a head for other classes, all but the head:
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

mod alex_net;
mod conv_norm;
mod le_net;
mod mobile_net;
mod res_net;
mod vgg;

pub use alex_net::AlexNet;
pub use le_net::LeNet5;
pub use mobile_net::MobileNetV2;
pub use res_net::ResNet;
pub use vgg::Vgg;
