//! Operations become parts of those before them in containers of any kind, and only where nobody sees it.

use super::*;
use crate::activations::{Activation, Relu, Sigmoid, Tanh};
use crate::autograd::Tape;
use crate::error::Result;
use crate::tensor::{Float, Tensor};

fn images() -> Tensor {
    Tensor::from_shape_fn(vec![2, 6, 6, 3], |at| ((at[0] * 7 + at[1] * 5 + at[2] * 3 + at[3]) % 11) as Float - 5.0)
}

/// The operations of a pass, its output, and the gradient of the mean of its squares.
fn run(layer: &dyn Layer) -> (Vec<&'static str>, Vec<Float>, Vec<Float>) {
    let tape = Tape::training().seed(3);
    let x = tape.variable(images());
    let y = layer.forward(&x).unwrap();
    let gradients = y.square().mean().backward().unwrap();
    (tape.operations(), y.value().iter().copied().collect(), gradients.of(&x).unwrap().iter().copied().collect())
}

#[test]
fn containers_of_any_kind_fuse() {
    let conv = || Conv2d::new(4, 3).padding(Padding::Same);
    let sequential = Sequential::new().add(conv()).add(Relu).add(MaxPool2d::new(2));
    let graph = Graph::new("x")
        .add("conv", conv(), "x")
        .add("relu", Relu, "conv")
        .add("pool", MaxPool2d::new(2), "relu")
        .outputs("pool")
        .typed::<Var, Var>();
    let nested = Sequential::new().add(conv().activation(Relu)).add(Sequential::new().add(MaxPool2d::new(2)));
    let want = run(&sequential);
    assert_eq!(want.0, ["Convolution", "Each", "Sum"]);
    assert!(run(&graph) == want && run(&nested) == want);
    let around = Residual::new(conv()).shortcut(conv()).activation(Relu);
    assert_eq!(run(&around).0, ["Convolution", "Convolution", "Sum", "Each", "Sum"]);
}

#[test]
fn what_somebody_else_reads_is_computed_once_and_kept() {
    /// `y · sigmoid(y)`, where `y` is a convolution.
    struct Gate(Conv2d);
    impl Layer for Gate {
        fn forward(&self, x: &Var) -> Result<Var> {
            let y = self.0.forward(x)?;
            Ok(&y * y.tanh())
        }
    }
    let (operations, ..) = run(&Gate(Conv2d::new(2, 3)));
    assert_eq!(operations, ["Convolution", "PointwiseOp", "Mul", "Each", "Sum"]);
}

#[test]
fn the_same_numbers_with_and_without() {
    let dense = || Dense::new(5);
    for activation in [&Relu as &dyn Activation, &Tanh] {
        let tape = Tape::training().seed(3);
        let x = tape.variable(images());
        let (layer, fused) = (dense(), dense());
        let plain = layer.forward(&x).unwrap();
        // Read in between, it stays apart.
        assert_eq!(plain.value().shape(), [2, 6, 6, 5]);
        let plain = activation.apply(&plain);
        fused.kernel().set(layer.kernel().value().unwrap()).unwrap();
        let fused = activation.apply(&fused.forward(&x).unwrap());
        assert_eq!(plain.value(), fused.value());
        let [plain, fused] = [plain, fused].map(|y| y.square().sum().backward().unwrap().of(&x).unwrap().clone());
        assert_eq!(plain, fused);
    }
}

#[test]
fn what_is_not_monotone_and_what_is_no_tile_stays_apart() {
    let layers = |pool: MaxPool2d| Sequential::new().add(Conv2d::new(2, 3)).add(Sigmoid).add(pool);
    assert_eq!(run(&layers(MaxPool2d::new(2).strides(1))).0.len(), 5);
    let square = |x: &Var| x.square();
    let layers = Sequential::new().add(Conv2d::new(2, 3)).add(square).add(MaxPool2d::new(2));
    assert_eq!(run(&layers).0, ["Convolution", "Each", "Max", "Each", "Sum"]);
}
