//! Gradients of single examples and their clipped sums, against Opacus' on layers with the same weights.

use gradus::prelude::*;
use gradus::privacy::DpSgd;
use gradus::saving::Weights;
use ndarray::{Axis, Slice};

struct Opacus(Weights);

impl Opacus {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/privacy_opacus.safetensors");
        Self(Weights::open(path).unwrap())
    }

    fn tensor(&self, name: &str) -> Tensor {
        self.0.get(name).unwrap()
    }

    /// The model with the weights of this case, and its input.
    fn model(&self, name: &str, model: Sequential) -> (Sequential, Tensor) {
        let x = self.tensor(&format!("{name}/x"));
        model.forward(&Tape::inference().input(&x)).unwrap();
        for (i, (_, param)) in model.parameters().iter().enumerate() {
            param.set(self.tensor(&format!("{name}/param/{i}"))).unwrap();
        }
        (model, x)
    }
}

fn check(what: &str, found: &Tensor, expected: &Tensor) {
    let largest = expected.iter().fold(0.0, |largest: Float, x| largest.max(x.abs()));
    let worst = found.iter().zip(expected).fold(0.0, |worst: Float, (a, b)| worst.max((a - b).abs()));
    // A softmax does not see what is added to all keys.
    let is_blind = what.contains("key.bias");
    assert!(
        found.shape() == expected.shape() && (largest > 1e-3 || is_blind),
        "{what}: {:?}, {largest}",
        found.shape()
    );
    assert!(worst <= 1e-5 * if is_blind { 1.0 } else { largest }, "{what}: {worst} of {largest}");
}

/// What a layer reads for queries, keys and values.
struct Itself(MultiHeadAttention);

impl Layer for Itself {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.0.forward(x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.0.params(list);
    }
}

fn cases() -> Vec<(&'static str, Sequential)> {
    let one = |layer: Box<dyn Layer>| Sequential::new().add(layer);
    vec![
        ("linear", one(Box::new(Dense::new(3)))),
        ("linear_steps", one(Box::new(Dense::new(3)))),
        ("conv2d", one(Box::new(Conv2d::new(4, 3).strides(2).padding(Padding::Explicit([[1, 1]; 2]))))),
        ("lstm", one(Box::new(Lstm::new(4).return_sequences(true)))),
        ("embedding", one(Box::new(Embedding::new(9, 3)))),
        ("layer_norm", one(Box::new(LayerNorm::new().epsilon(1e-5)))),
        ("group_norm", one(Box::new(GroupNorm::new(2).epsilon(1e-5)))),
        ("attention", one(Box::new(Itself(MultiHeadAttention::new(2, 4))))),
    ]
}

#[test]
fn gradients_of_single_examples_are_those_of_opacus() {
    let opacus = Opacus::read();
    for (name, model) in cases() {
        let (model, x) = opacus.model(name, model);
        let norms = opacus.tensor(&format!("{name}/norms"));
        for example in 0..norms.len() {
            let x = x.slice_axis(Axis(0), Slice::from(example..=example)).into_tensor();
            let y = model.forward(&Tape::training().input(&x)).unwrap();
            let gradients = y.square().mean().backward().unwrap();
            for (i, (path, param)) in model.parameters().iter().enumerate() {
                let each = opacus.tensor(&format!("{name}/each/{i}")).index_axis(Axis(0), example).into_tensor();
                check(&format!("{name} {path} {example}"), gradients.get(param).unwrap(), &each);
            }
            let norm = gradients.norm() as Float;
            assert!((norm - norms[example]).abs() < 1e-5 * norms[example], "{name}: {norm}, {}", norms[example]);
        }
    }
}

/// A step of private training without noise goes along Opacus' clipped sum.
#[test]
fn clipped_sums_are_those_of_opacus() {
    let opacus = Opacus::read();
    for (name, model) in cases() {
        let (model, x) = opacus.model(name, model);
        let y = model.forward(&Tape::inference().input(&x)).unwrap();
        let targets = Tensor::zeros(y.value().raw_dim());
        let bound = opacus.tensor(&format!("{name}/bound"))[0];
        // Weights of 0 would lose nothing of the step to rounding, but are not theirs: the step is large instead.
        let rate = 1024.0;
        let private = DpSgd::new(f64::from(bound), 0.0, 1);
        let mut trainer = model.compile(Stepper::new(Sgd::new(rate)).hook(private), MeanSquaredError);
        let before: Vec<Tensor> = trainer.model.parameters().iter().map(|(_, param)| param.value().unwrap()).collect();
        let fit = Fit::epochs(1).batch_size(x.shape()[0]).shuffle(false).progress(false);
        trainer.fit(&(&x, &targets), fit).unwrap();
        for (i, ((path, param), before)) in trainer.model.parameters().iter().zip(before).enumerate() {
            let found = ((before - param.value().unwrap()) / rate).into_tensor();
            check(&format!("{name} {path}"), &found, &opacus.tensor(&format!("{name}/sum/{i}")));
        }
    }
}
