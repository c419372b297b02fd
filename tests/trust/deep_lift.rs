//! DeepLIFT, against captum's on networks with the same weights.

use std::fs;

use gradus::explain::deep_lift;
use gradus::prelude::*;
use ndarray::ArrayD;
use serde_json::Value;

fn numbers(value: &Value, shape: &[usize]) -> Tensor {
    let numbers = value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as Float).collect();
    ArrayD::from_shape_vec(shape, numbers).unwrap().into_tensor()
}

fn dense() -> Sequential {
    Sequential::new()
        .add(Dense::new(9).activation(Relu))
        .add(Dense::new(8).activation(Sigmoid))
        .add(Dense::new(7).activation(Tanh))
        .add(Dense::new(4))
}

fn cnn() -> Sequential {
    Sequential::new()
        .add(Conv2d::new(5, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(6, 2).activation(Tanh))
        .add(MaxPool2d::new(2).strides(1))
        .add(Flatten)
        .add(Dense::new(4))
}

#[test]
fn contributions_are_those_of_captum() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/deep_lift_captum.json");
    let captum: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let classes: Vec<usize> =
        captum["classes"].as_array().unwrap().iter().map(|c| c.as_u64().unwrap() as usize).collect();
    let cases = [
        ("dense", dense(), &[4, 6][..]),
        ("dense_softmax", dense().add(Softmax), &[4, 6]),
        ("cnn", cnn(), &[4, 9, 8, 2]),
        ("cnn_softmax", cnn().add(Softmax), &[4, 9, 8, 2]),
    ];
    for (name, model, shape) in cases {
        let case = &captum[name];
        let [x, baseline, expected] = ["x", "baseline", "attributions"].map(|part| numbers(&case[part], shape));
        model.forward(&Tape::inference().input(&x)).unwrap();
        for ((_, param), value) in model.parameters().iter().zip(case["weights"].as_array().unwrap()) {
            param.set(numbers(value, &param.shape().unwrap())).unwrap();
        }
        let found = deep_lift(&model, &x, &baseline, &classes).unwrap();
        let worst = found.attributions.iter().zip(&expected).fold(0.0, |worst: Float, (a, b)| worst.max((a - b).abs()));
        assert!(worst < 1e-5 && expected.iter().any(|number| number.abs() > 0.05), "{name}: {worst}");
        // The softmax's mean is not exact; all else is.
        if !name.ends_with("softmax") {
            assert!(found.delta.iter().all(|delta| delta.abs() < 1e-4), "{name}: {:?}", found.delta);
        }
    }
}

#[test]
fn other_baselines_are_refused() {
    let (model, x) = (Dense::new(2), Tensor::zeros([3, 4].as_slice()));
    let error = deep_lift(&model, &x, &Tensor::zeros([1, 4].as_slice()), &[0; 3]).unwrap_err().to_string();
    assert!(error.contains("deep_lift: expected a baseline of the input's shape [3, 4], got [1, 4]"), "{error}");
    let error = deep_lift(&model, &x, &x, &[0, 1, 2]).unwrap_err().to_string();
    assert!(error.contains("expected classes 0..2 to explain, got 2"), "{error}");
}
