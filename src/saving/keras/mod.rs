//! Models of Keras as descriptions of ours (feature `keras`). A file's weights and its description are read by
//! [`formats::keras`](crate::formats).

mod classes;
mod compiled;
mod export;
mod graph;
mod import;
mod open;
mod operators;
mod order;

pub use export::Keras;
pub(super) use open::open;
pub(crate) use open::open_trainer;
