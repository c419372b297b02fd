//! Inputs and settings that a layer cannot work with: the message has the layer's path.

use gradus::ndarray::{Array1, Array2, Array3};
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
    assert_eq!(
        at(&model, &[5]),
        "layer `dense`: expected an input [batch, ..., features], got [5]; one example is `x.insert_axis(Axis(0))`, one number for \
         each example `x.insert_axis(Axis(1))`"
    );
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
}

fn convolutions() -> Sequential {
    Sequential::new().add(Conv2d::new(4, 3)).add(MaxPool2d::new(2)).add(Conv2d::new(8, 3).activation(Relu))
}

#[test]
fn channels_at_the_third_layer() {
    let model = convolutions();
    give(&model, "conv2d_1.kernel", &[3, 3, 7, 8]);
    assert_eq!(
        at(&model, &[2, 12, 12, 1]),
        "layer `conv2d_1`: expected 7 channels in the last axis, got input [2, 5, 5, 4]; images are \
         [batch, height, width, channels]: feed what it was made for, or make a new layer"
    );
}

#[test]
fn axes_at_the_third_layer() {
    let flat = Sequential::new().add(Conv2d::new(4, 3)).add(Flatten).add(Conv2d::new(8, 3));
    assert_eq!(
        at(&flat, &[2, 5, 5, 1]),
        "layer `conv2d_1`: expected an input [batch, height, width, channels], got [2, 36]; give it its axes back with \
         `Reshape`"
    );
    assert_eq!(
        at(&convolutions(), &[32, 28, 28]),
        "layer `conv2d`: expected an input [batch, height, width, channels], got [32, 28, 28]; add a channel axis with \
         `Reshape`, or a batch axis"
    );
    assert_eq!(
        at(&Sequential::new().add(GlobalAvgPool2d), &[2, 5]),
        "layer `global_avg_pool2d`: expected an input [batch, height, width, channels], got [2, 5]; give it its axes \
         back with `Reshape`"
    );
}

#[test]
fn a_window_larger_than_its_input() {
    let text = |layer: &str, window: &str, image: &str| {
        format!(
            "layer `{layer}`: a window of {window} does not fit into an image of {image} with padding Valid; use a \
             smaller window, `Padding::Same`, or fewer pooling layers before it"
        )
    };
    assert_eq!(at(&convolutions(), &[1, 6, 6, 1]), text("conv2d_1", "[3, 3]", "[2, 2]"));
    assert_eq!(
        at(&Sequential::new().add(MaxPool2d::new([2, 4])), &[1, 3, 3, 1]),
        text("max_pool2d", "[2, 4]", "[3, 3]")
    );
    let dilated = Sequential::new().add(Conv2d::new(1, 3).dilation_rate(2));
    assert_eq!(at(&dilated, &[1, 4, 9, 1]), text("conv2d", "[3, 3], dilation [2, 2]", "[4, 9]"));
    // In the fused form too.
    let fused = Sequential::new().add(Conv2d::new(1, 3).activation(Relu)).add(MaxPool2d::new(2));
    message(fused.forward(&Tape::inference().input(ndarray::Array4::<Float>::zeros((1, 3, 3, 1)))));
}

#[test]
fn sizes_strides_and_dilations_of_zero() {
    let text = |layer: &str, what: &str, got: &str| {
        format!("layer `{layer}`: expected a {what} of at least 1 in both directions, got {got}")
    };
    let at = |layer: Conv2d| at(&Sequential::new().add(layer), &[1, 5, 5, 1]);
    assert_eq!(at(Conv2d::new(1, 3).strides(0)), text("conv2d", "stride", "[0, 0]"));
    assert_eq!(at(Conv2d::new(1, 3).strides([1, 0])), text("conv2d", "stride", "[1, 0]"));
    assert_eq!(at(Conv2d::new(1, 0)), text("conv2d", "size", "[0, 0]"));
    assert_eq!(at(Conv2d::new(1, 3).dilation_rate(0)), text("conv2d", "dilation", "[0, 0]"));
    assert_eq!(at(Conv2d::new(0, 3)), "layer `conv2d`: expected at least 1 filter and 1 channel, got 0 and 1");
    let pool = |pool: MaxPool2d| self::at(&Sequential::new().add(Conv2d::new(1, 1)).add(pool), &[1, 5, 5, 1]);
    assert_eq!(pool(MaxPool2d::new(2).strides(0)), text("max_pool2d", "stride", "[0, 0]"));
    assert_eq!(pool(MaxPool2d::new(0)), text("max_pool2d", "size", "[0, 0]"));
}

#[test]
fn groups_that_do_not_divide() {
    let at = |filters, groups| at(&Sequential::new().add(Conv2d::new(filters, 3).groups(groups)), &[1, 5, 5, 6]);
    let text = |filters, groups| {
        format!(
            "layer `conv2d`: expected a number of groups that divides 6 channels and {filters} filters, got {groups}"
        )
    };
    assert_eq!(at(8, 4), text(8, 4));
    assert_eq!(at(8, 3), text(8, 3));
    assert_eq!(at(8, 0), text(8, 0));
}

#[test]
fn padding_of_pools() {
    let pool = Sequential::new().add(AvgPool2d::new(2).padding(Padding::all(2)));
    assert_eq!(
        at(&pool, &[1, 5, 5, 1]),
        "layer `avg_pool2d`: expected padding smaller than the window [2, 2], got [[2, 2], [2, 2]]"
    );
}

#[test]
fn dropout_rates() {
    for (rate, text) in [(1.5, "1.5"), (1.0, "1"), (-0.1, "-0.1"), (Float::NAN, "NaN")] {
        let expected = format!("layer `dropout`: expected a dropout rate in 0..1 (1 excluded), got {text}");
        assert_eq!(at(&Sequential::new().add(Dense::new(2)).add(Dropout::new(rate)), &[2, 3]), expected);
    }
}

#[test]
fn reshapes_and_normalisations() {
    assert_eq!(
        at(&Sequential::new().add(Reshape::new([28, 28, 1])), &[2, 100]),
        "layer `reshape`: expected an input [batch, ...] with 784 numbers an example for the target [28, 28, 1], got \
         [2, 100]"
    );
    assert_eq!(
        at(&Sequential::new().add(BatchNorm::new()), &[2]),
        "layer `batch_norm`: expected an input [batch, ..., channels], got [2]"
    );
    let known = Sequential::new().add(BatchNorm::new());
    give(&known, "batch_norm.moving_mean", &[5]);
    assert_eq!(at(&known, &[2, 3]), "layer `batch_norm`: expected 5 channels in the last axis, got input [2, 3]");
    assert_eq!(
        at(&Sequential::new().add(BatchNorm::new().momentum(1.5)), &[2, 3]),
        "layer `batch_norm`: expected a momentum in 0..=1, got 1.5"
    );
    assert_eq!(
        at(&Sequential::new().add(BatchNorm::new().epsilon(0.0)), &[2, 3]),
        "layer `batch_norm`: expected an epsilon above 0, got 0"
    );
}

#[test]
fn no_images_and_no_pixels_do_not_panic() {
    for shape in [[0, 5, 5, 1], [1, 0, 5, 1], [1, 5, 5, 0]] {
        for layer in [
            Sequential::new().add(Conv2d::new(2, 3)),
            Sequential::new().add(Conv2d::new(2, 3).activation(Relu)).add(MaxPool2d::new(2)),
            Sequential::new().add(MaxPool2d::new(2)),
            Sequential::new().add(AvgPool2d::new(2).padding(Padding::Same)),
            Sequential::new().add(GlobalAvgPool2d),
            Sequential::new().add(GlobalMaxPool2d),
            Sequential::new().add(BatchNorm::new()),
            Sequential::new().add(Flatten).add(Dense::new(2)),
            Sequential::new().add(Dropout::new(0.5)),
        ] {
            for tape in [Tape::training(), Tape::inference()] {
                let y = layer.forward(&tape.variable(Tensor::zeros(shape.as_slice())));
                if let Ok(y) = y.map(|y| y.sum()) {
                    let _ = y.backward();
                }
            }
        }
    }
}
