//! Models of Keras as descriptions of ours (feature `keras`). A file's weights and its description are read by
//! [`formats::keras`](crate::formats).

mod classes;
mod export;
mod graph;
mod import;
mod open;
mod operators;

pub use export::Keras;
pub(super) use open::open;
