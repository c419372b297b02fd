//! Whatever a user's data, files or settings can get wrong: an error that says who, what came, what was expected and
//! how to fix it; never a panic, and never a training run that goes wrong in silence. Messages are pinned.

mod arrays;
mod attention;
mod convolution;
mod data;
mod data_files;
mod foreign;
#[cfg(feature = "image")]
mod image_files;
mod layers;
mod loss_options;
mod losses;
#[cfg(feature = "gzip")]
mod mnist_files;
mod models;
mod newcomer;
mod normalisation;
mod optimizers;
mod pipeline;
mod recurrent;
mod sampling;
mod settings;
mod silent;
#[cfg(feature = "csv")]
mod tables;
#[cfg(feature = "tokenizers")]
mod tokenizers;
mod training;
mod tuning;
mod weights;

use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;

/// The text of the error that this must be.
fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.to_string(),
    }
}

/// Five features, two layers, three classes.
fn classifier() -> Sequential {
    Sequential::new().add(Dense::new(4).activation(Relu)).add(Dense::new(3).activation(Softmax))
}

fn compiled() -> Trainer<Sequential> {
    classifier().compile(Adam::default(), SparseCrossEntropy::default()).metric(Accuracy::default())
}

/// Twelve examples for the classifier.
fn examples() -> (Array2<Float>, Array1<Float>) {
    let x = Array2::from_shape_fn((12, 5), |(i, j)| ((i * 5 + j) as Float).sin());
    (x, Array1::from_shape_fn(12, |i| (i % 3) as Float))
}

fn quiet<'a>() -> Fit<'a> {
    Fit::epochs(2).batch_size(4).progress(false)
}

/// The bits of all parameters.
fn bits(model: &impl Layer) -> Vec<(String, Vec<u64>)> {
    let bits =
        |param: &Param| param.value().map_or(vec![], |value| value.iter().map(|x| f64::from(*x).to_bits()).collect());
    model.parameters().iter().map(|(path, param)| (path.clone(), bits(param))).collect()
}
