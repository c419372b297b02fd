//! Weights in files.
//!
//! A model's own file is safetensors, with the parameters' paths as names: [`Model::save`](crate::Model::save) and
//! [`Model::load`](crate::Model::load). Loading checks every name and shape before it changes anything, and works before
//! the first forward.
//!
//! [`Translation`] maps names and layouts of other frameworks onto a model's, in both directions.
//! [`Weights`] are the tensors of any file that its contents show to be one of these:
//!
//! | format | feature | read | written |
//! | --- | --- | --- | --- |
//! | safetensors | | every type of number that [`NumberType`] names; others are listed | yes |
//! | `torch.save`, since 1.6 | `pytorch` | zip archive, stored or deflated | no |
//! | `torch.save`, before | `pytorch` | the stream of five pickles, with views of storages | no |
//! | `.npz` | `numpy` | `savez`, `savez_compressed`; members that are no `.npy` are left out | `savez`; types that NumPy lacks become `Float` |
//! | HDF5 (`.h5`, `.weights.h5`) | `keras` | what h5py writes; names are paths with slashes; in older files of Keras in the order of the layers | yes |
//! | `.keras` | `keras` | the weights in it | whole models, by `Keras` |
//! | `.npy` | `numpy` | versions 1 to 3, both orders, both ends first; the tensor's name is `array` | no |
//! | `.onnx` | `onnx` | initializers and constants, also in files beside it; a whole model by `gradus::onnx` | no |
//!
//! A file of PyTorch may hold tensors and parameters of any shape, stride and shared storage, in dictionaries, lists, tuples
//! and objects in each other, whose keys, places and attributes become a name, joined by dots (`model.lstm.weight_ih_l0`,
//! `state.0.exp_avg`; a lone tensor is `tensor`; a key that is neither a text nor a whole number is its place, `[3]`). A module
//! that was saved whole, or as TorchScript, has the names of its `state_dict`. A pickle is a program, and nothing of it is run:
//! numbers, texts and unknown objects are left out. A tensor that depends on what is not known here (sparse, quantised or complex
//! ones, arrays of NumPy, what a function of somebody else makes) is listed, and an error where it is asked for.
//!
//! Files may be hostile. What one says of sizes is compared with the bytes that are there before memory is taken for it;
//! archives whose members overlap are refused, and members that unpack to more than they can. Nothing is unpacked to disk.
//! A file is read whole when it is opened; `Weights::open_mapped` (feature `mmap`) maps it into memory instead.
//!
//! Weights in several files are opened by their index, such as `model.safetensors.index.json` or
//! `pytorch_model.bin.index.json`. What is in no such format is named, with what to do (Git LFS pointers, web pages,
//! GGUF, checkpoints of TensorFlow, compressed files).
//!
//! A whole model is opened by [`open`](crate::open): one of ours, and with the feature `keras` one of Keras (`.keras`, `.h5`, or
//! `.weights.h5` beside its `config.json`), which becomes a [`Sequential`](crate::Sequential) or a
//! [`Graph`](crate::layers::Graph).
//!
//! A file is written under a temporary name beside its target and then renamed, so that a reader sees the old file or
//! the new one and nothing between.

#[cfg(feature = "keras")]
mod keras;
mod tuned;
mod whole;

pub use crate::formats::{NumberType, Report, Snapshot, Translation, Weights};
#[cfg(feature = "keras")]
pub use keras::Keras;
#[cfg(feature = "keras")]
pub(crate) use keras::open_trainer as open_keras_trainer;
pub(crate) use tuned::{export as tuned_weights, load as load_tuned};
pub(crate) use whole::{
    MODEL, Structure, VERSION, cannot_open, check_version, describe, described, has_descriptions, save,
};
