//! Models of Keras, in and out: `tests/fixtures/make_keras_models.py` made 60 of them, with inputs and outputs.

#![cfg(not(float64))]

#[path = "../formats/allocator.rs"]
mod allocator;
#[cfg(feature = "onnx")]
mod digits;
mod formats;
mod hostile;
mod masks;
mod models;
mod out;
mod real;
mod states;
mod trained;

use std::path::PathBuf;

use gradus::config::Registry;
use gradus::prelude::*;
use gradus::saving::Weights;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras_models")
}

fn path(n: usize) -> PathBuf {
    folder().join(format!("{n:02}.{}", if n % 7 == 6 && n != 20 { "h5" } else { "keras" }))
}

/// A model of any arrangement, as a function of lists.
enum Any {
    One(Box<dyn Layer>),
    Several(Graph),
}

impl Any {
    fn open(path: &std::path::Path) -> Result<Self> {
        match gradus::open(path) {
            Ok(model) => Ok(Self::One(model)),
            Err(error) if error.to_string().contains("open it as a graph") => {
                Registry::default().open(path).map(Self::Several)
            }
            Err(error) => Err(error),
        }
    }

    fn forward(&self, tape: &Tape, inputs: &[Tensor]) -> Result<Vec<Var>> {
        let inputs: Vec<Var> = inputs.iter().map(|input| tape.input(input.clone())).collect();
        match self {
            Self::One(model) => Ok(vec![model.forward(&inputs[0])?]),
            Self::Several(model) => model.forward(&inputs),
        }
    }

    fn parameters(&self) -> Vec<(String, Param)> {
        match self {
            Self::One(model) => model.parameters(),
            Self::Several(model) => model.parameters(),
        }
    }
}

/// The numbers of a case: `input` or `output`.
fn numbers(values: &Weights, n: usize, what: &str) -> Vec<Tensor> {
    (0..).map_while(|i| values.get(&format!("{n:02}.{what}.{i}")).ok()).collect()
}

/// How far two tensors of one shape are apart, at most, in parts of the greater number and of 1.
fn distance(found: &Tensor, expected: &Tensor) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let far = |(a, b): (&f32, &f32)| (a - b).abs() / a.abs().max(b.abs()).max(1.0);
    found.iter().zip(expected).map(far).fold(0.0, f32::max)
}
