//! Files of weights, each format in a file or folder of its own, and how the names and layouts of others become a model's.
//!
//! What they hold and how they are told apart is said in [`saving`](crate::saving), where users find them.

#[cfg(any(feature = "keras", feature = "pytorch", feature = "numpy"))]
mod archive;
mod bytes;
mod foreign;
mod gather;
#[cfg(feature = "keras")]
mod hdf5;
#[cfg(feature = "keras")]
pub(crate) mod keras;
mod kinds;
#[cfg(feature = "mmap")]
mod mapped;
mod number_type;
#[cfg(feature = "numpy")]
mod numpy;
#[cfg(feature = "onnx")]
pub(crate) mod onnx;
mod parameters;
#[cfg(feature = "pytorch")]
mod pytorch;
mod safetensors;
pub(crate) mod shards;
mod snapshot;
mod stored;
mod translation;
mod weights;

#[cfg(feature = "onnx")]
pub(crate) use bytes::Bytes;
pub use number_type::NumberType;
pub(crate) use parameters::{gather as gather_parameters, save as save_parameters, value as value_to_save};
pub use snapshot::Snapshot;
#[cfg(feature = "keras")]
pub(crate) use translation::KnownKeras;
pub use translation::{Report, Translation};
pub use weights::Weights;
