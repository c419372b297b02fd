//! Numbers out of words and classes. What is fitted on the numbers themselves,
//! [`Normalization`](crate::layers::Normalization), is a layer, so that it is saved with the model.

mod one_hot;
mod padded_sequences;
mod string_lookup;
mod text_vectorization;

pub use one_hot::one_hot;
pub use padded_sequences::PaddedSequences;
pub use string_lookup::StringLookup;
pub use text_vectorization::TextVectorization;
