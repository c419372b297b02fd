//! Inputs and settings that a layer cannot work with: the message has the layer's path.

use gradus::ndarray::{Array1, Array2, Array3, Array4};
use gradus::prelude::*;

use super::message;

/// The error of this model at an input of zeros.
fn at(model: &Sequential, shape: &[usize]) -> String {
    message(model.forward(&Tape::inference().input(ndarray::ArrayD::<Float>::zeros(shape))))
}

/// Sets the shape of a parameter, as loading does.
fn give(model: &Sequential, path: &str, shape: &[usize]) {
    let parameters = model.parameters();
    let (_, param) = parameters.iter().find(|(known, _)| known == path).unwrap();
    param.set(Tensor::zeros(shape)).unwrap();
}

#[test]
fn features_at_the_third_layer() {
    let model = || Sequential::new().add(Dense::new(6)).add(Dense::new(5)).add(Dense::new(4));
    let third = model();
    give(&third, "dense_2.kernel", &[7, 4]);
    assert_eq!(
        at(&third, &[2, 3]),
        "layer `dense_2`: expected 7 features in the last axis, got input [2, 5]; feed what it was made for, or make \
         a new layer"
    );
    let nested = Sequential::new().add_named("body", Dense::new(8)).add_named("head", model());
    give(&nested, "head.dense_2.kernel", &[7, 4]);
    assert_eq!(
        at(&nested, &[2, 3]),
        "layer `head.dense_2`: expected 7 features in the last axis, got input [2, 5]; feed what it was made for, or \
         make a new layer"
    );
    let trained = model();
    trained.forward(&Tape::inference().input(Array2::<Float>::zeros((1, 784)))).unwrap();
    assert_eq!(
        at(&trained, &[32, 28, 28]),
        "layer `dense`: expected 784 features in the last axis, got input [32, 28, 28]; add `Flatten` before it"
    );
}

#[test]
fn an_input_of_one_axis() {
    let model = Sequential::new().add(Relu).add(Dense::new(2));
    assert_eq!(at(&model, &[5]), "layer `dense`: expected an input [batch, ..., features], got [5]");
    assert_eq!(at(&Sequential::new().add(Dense::new(0)), &[1, 5]), "layer `dense`: expected at least 1 unit, got 0");
}

#[test]
fn a_parameter_of_another_shape() {
    let param = Param::new(Zeros);
    param.set(Array1::<Float>::zeros(3)).unwrap();
    assert_eq!(message(param.set(Array1::<Float>::zeros(4))), "expected a parameter of shape [3], got [4]");
    let x = Tape::training().input(Array3::<Float>::zeros((1, 2, 3)));
    assert_eq!(
        message(param.on(&x, &[5])),
        "this input asks for a parameter of shape [5], but the parameter has shape [3]; feed the shape that the layer \
         was made or loaded for, or make a new layer"
    );
    let dense = Dense::new(4);
    assert_eq!(
        message(dense.kernel().set(Array2::<Float>::zeros((3, 5)))),
        "expected a parameter of shape [_, 4], got [3, 5]"
    );
    let _ = Array4::<Float>::zeros((0, 0, 0, 0));
}
