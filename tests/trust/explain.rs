//! Attributions, against captum's on a network with the same weights.

use std::fs;

use gradus::explain::{
    ColoredWords, activations, deletion, grad_cam, input_x_gradient, integrated_gradients, kernel_shap, noise,
    occlusion, saliency, smooth_grad,
};
use gradus::prelude::*;
use ndarray::{ArrayD, Axis, arr2};
use serde_json::Value;

struct Captum(Value);

impl Captum {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/explain_captum.json");
        Self(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Tensor {
        let numbers = self.0[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
        ArrayD::from_shape_vec(shape, numbers).unwrap().into_tensor()
    }

    fn classes(&self) -> Vec<usize> {
        self.0["classes"].as_array().unwrap().iter().map(|class| class.as_u64().unwrap() as usize).collect()
    }

    fn model(&self) -> Sequential {
        let model = Sequential::new()
            .add(Dense::new(12).activation(Gelu))
            .add(Dense::new(10).activation(Tanh))
            .add(Dense::new(4));
        model.forward(&Tape::inference().input(self.x())).unwrap();
        let widths = [8, 12, 10, 4];
        for (i, pair) in model.parameters().chunks(2).enumerate() {
            pair[0].1.set(self.tensor(&format!("kernel_{i}"), &widths[i..i + 2])).unwrap();
            pair[1].1.set(self.tensor(&format!("bias_{i}"), &widths[i + 1..i + 2])).unwrap();
        }
        model
    }

    fn x(&self) -> Tensor {
        self.tensor("x", &[5, 8])
    }

    fn baseline(&self) -> Tensor {
        self.tensor("baseline", &[5, 8])
    }

    fn check(&self, name: &str, found: &Tensor) {
        let expected = self.tensor(name, &[5, 8]);
        let worst = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, Float::max);
        assert!(worst < 1e-5 && found.shape() == [5, 8], "{name}: {worst}");
        assert!(expected.iter().any(|number| number.abs() > 0.1), "{name}");
    }
}

#[test]
fn attributions_are_those_of_captum() {
    let captum = Captum::read();
    let (model, x, baseline, classes) = (captum.model(), captum.x(), captum.baseline(), captum.classes());
    captum.check("saliency", &saliency(&model, &x, &classes).unwrap());
    captum.check("input_x_gradient", &input_x_gradient(&model, &x, &classes).unwrap());
    captum.check("occlusion", &occlusion(&model, &x, &baseline, &classes, &[3], &[2]).unwrap());
    let integrated = integrated_gradients(&model, &x, &baseline, &classes, 50).unwrap();
    captum.check("integrated_gradients", &integrated.attributions);
    assert!(integrated.delta.iter().all(|delta| delta.abs() < 1e-5), "{:?}", integrated.delta);
    let noises = captum.tensor("noise", &[6, 5, 8]);
    let noises = noises.outer_iter().map(|noise| noise.into_tensor());
    captum.check("smooth_grad", &smooth_grad(|x| saliency(&model, x, &classes), &x, noises).unwrap());
}

/// Layers inside of a convolutional network, and where it sees a class.
#[test]
fn grad_cam_and_activations_are_those_of_captum() {
    let captum = Captum::read();
    let head = Sequential::new().add(Flatten).add(Dense::new(4));
    let model = Sequential::new()
        .add(Conv2d::new(4, 3).activation(Relu))
        .add_named("body", Sequential::new().add_named("last", Conv2d::new(5, [3, 2]).activation(Tanh)))
        .add_named("head", head);
    let images = captum.tensor("images", &[3, 9, 7, 2]);
    model.forward(&Tape::inference().input(&images)).unwrap();
    let weights = [
        captum.tensor("conv_0", &[3, 3, 2, 4]),
        captum.tensor("conv_bias_0", &[4]),
        captum.tensor("conv_2", &[3, 2, 4, 5]),
        captum.tensor("conv_bias_2", &[5]),
        captum.tensor("head", &[100, 4]),
        captum.tensor("head_bias", &[4]),
    ];
    model.parameters().iter().zip(weights).for_each(|((_, param), value)| param.set(value).unwrap());
    let worst = |found: &Tensor, name: &str| {
        let expected = captum.tensor(name, found.shape());
        assert!(expected.iter().any(|number| number.abs() > 0.02), "{name}");
        found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, Float::max)
    };
    let inner = activations(&model, &images, "body.last").unwrap();
    assert_eq!(inner.shape(), [3, 5, 4, 5]);
    assert!(worst(&inner, "inner") < 1e-5);
    let map = grad_cam(&model, &images, "body.last", &captum.classes()[..3]).unwrap();
    assert_eq!(map.shape(), [3, 5, 4]);
    assert!(worst(&map, "cam") < 1e-5);
    let error = activations(&model, &images, "last").unwrap_err().to_string();
    assert_eq!(
        error,
        "no layer inside of the model has the path `last`; the paths are: conv2d, body.last, body, head.flatten, head.dense, head"
    );
    let error = grad_cam(&model, &images, "head", &[0, 0, 0]).unwrap_err().to_string();
    assert!(
        error.starts_with("grad_cam: expected a layer that gives [batch, lengths.., channels], `head` gives [3, 4]"),
        "{error}"
    );
}

/// At 8 features all coalitions are tried, and the values are Shapley's.
#[test]
fn shapley_values_are_exact_at_8_features() {
    let captum = Captum::read();
    let (model, x, baseline) = (captum.model(), captum.x(), captum.baseline());
    let features = [0, 1, 2, 3, 4, 5, 6, 7];
    let mut found = Vec::new();
    for (i, class) in captum.classes().into_iter().enumerate() {
        let [x, baseline] = [&x, &baseline].map(|all| all.index_axis(Axis(0), i).into_tensor());
        found.extend(kernel_shap(&model, &x, &baseline, class, &features, 256, 0).unwrap());
        // With fewer samples they are near, and the same for the same seed.
        let near = kernel_shap(&model, &x, &baseline, class, &features, 200, 1).unwrap();
        assert_eq!(near, kernel_shap(&model, &x, &baseline, class, &features, 200, 1).unwrap());
        let exact = &found[i * 8..];
        assert!(near.iter().zip(exact).all(|(near, exact)| (near - exact).abs() < 0.1), "{near:?} {exact:?}");
    }
    captum.check("shapley", &ArrayD::from_shape_vec(vec![5, 8], found).unwrap().into_tensor());
}

/// A map with a number for each pixel takes all channels of a pixel; what counts most goes first.
#[test]
fn deletion_goes_by_the_map() {
    let model = Sequential::new().add(Flatten).add(Dense::new(2).kernel_initializer(Ones));
    let image = ArrayD::from_shape_vec(vec![2, 2, 2], vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0]).unwrap();
    let (image, map) = (image.into_tensor(), arr2(&[[0.1, 0.4], [-0.3, 0.2]]).into_tensor());
    let black = Tensor::zeros(image.raw_dim());
    let outputs = deletion(&model, &image, &black, &map, 4).unwrap();
    assert_eq!(outputs, arr2(&[[110.0; 2], [88.0; 2], [44.0; 2], [33.0; 2], [0.0; 2]]).into_dyn());
    // Fewer steps than pixels delete several at a time, more steps sometimes none.
    let column = |steps| -> Vec<Float> {
        let outputs = deletion(&model, &image, &black, &map, steps).unwrap();
        outputs.index_axis(Axis(1), 0).iter().copied().collect()
    };
    assert_eq!(column(2), [110.0, 44.0, 0.0]);
    assert_eq!(column(5), [110.0, 110.0, 88.0, 44.0, 33.0, 0.0]);
    let error = deletion(&model, &image, &black, &arr2(&[[1.0, 2.0, 3.0]]).into_tensor(), 2).unwrap_err().to_string();
    assert!(error.contains("a number for each part of the example [2, 2, 2], got 2 steps and [1, 3]"), "{error}");
}

#[test]
fn words_are_green_for_the_class_and_red_against_it() {
    let words = ColoredWords::new(["a<b", "good", "bad"], &[0.0, 2.0, -1.0]);
    let page = words.html();
    assert!(page.contains("rgba(40,160,60,0.80)\" title=\"2.000\">good"), "{page}");
    assert!(page.contains("rgba(210,50,50,0.40)\" title=\"-1.000\">bad") && page.contains(">a&lt;b<"), "{page}");
    assert!(words.to_string().contains("48;2;0;235;0mgood") && words.to_string().contains("48;2;255;117;117mbad"));
}

#[test]
fn noise_follows_its_seed() {
    let x = arr2(&[[0.0; 1000]]).into_tensor();
    let numbers: Vec<Tensor> = noise(&x, 0.5, 2, 7).collect();
    assert_eq!(numbers, noise(&x, 0.5, 2, 7).collect::<Vec<_>>());
    assert_ne!(numbers[0], numbers[1]);
    let deviation = (numbers[0].iter().map(|x| x * x).sum::<Float>() / 1000.0).sqrt();
    assert!((deviation - 0.5).abs() < 0.05, "{deviation}");
}

#[test]
fn mistakes_are_named() {
    let captum = Captum::read();
    let (model, x) = (captum.model(), captum.x());
    let error = saliency(&model, &x, &[0, 1, 2, 4, 0]).unwrap_err().to_string();
    assert!(error.contains("expected classes 0..4 to explain, got 4"), "{error}");
    let error = saliency(&model, &x, &[0]).unwrap_err().to_string();
    assert!(
        error.contains("expected a class for each example and outputs [1, classes], got 1 classes and outputs [5, 4]"),
        "{error}"
    );
    let ids = Sequential::new().add(Embedding::new(10, 4)).add(GlobalAvgPool1d).add(Dense::new(2));
    let error = saliency(&ids, &arr2(&[[1, 2, 3]]).into_tensor(), &[1]).unwrap_err().to_string();
    assert!(error.contains("as with an `Embedding` of ids; explain what comes after it"), "{error}");
    let one = captum.x().index_axis(Axis(0), 0).into_tensor();
    let error = kernel_shap(&model, &one, &one, 0, &[0, 1, 2, 3, 4, 5, 6, 8], 256, 0).unwrap_err().to_string();
    assert!(error.contains("counted from 0 without a gap"), "{error}");
    let last = kernel_shap(&model, &one, &one, 0, &[0, 1, 2, 3, 4, 5, 6, usize::MAX], 256, 0).unwrap_err().to_string();
    assert!(last.contains("counted from 0 without a gap"), "{last}");
    // A window that starts outside covers nothing.
    let (far, model) = (arr2(&[[1.0, 2.0, 3.0]]).into_tensor(), Dense::new(2));
    let map = occlusion(&model, &far, &Tensor::zeros(vec![1, 3]), &[0], &[2], &[usize::MAX]).unwrap();
    assert!(map[[0, 0]] == map[[0, 1]] && map[[0, 0]] != 0.0 && map[[0, 2]] == 0.0);
}

/// Tries a layer that refuses its input, and then another one.
struct Fallback(Dense, Dense);

impl Layer for Fallback {
    fn forward(&self, x: &Var) -> Result<Var> {
        let first = x.tape().within("first", || self.0.forward(&x.reshape(&[7, 7])?));
        first.or_else(|_| x.tape().within("second", || self.1.forward(x)))
    }
}

#[test]
fn a_layer_after_one_that_failed_has_its_own_path() {
    let model = Sequential::new().add_named("both", Fallback(Dense::new(2), Dense::new(3)));
    let x = arr2(&[[1.0, 2.0]]).into_tensor();
    assert_eq!(activations(&model, &x, "both.second").unwrap().shape(), [1, 3]);
    assert_eq!(activations(&model, &x, "both").unwrap().shape(), [1, 3]);
}
