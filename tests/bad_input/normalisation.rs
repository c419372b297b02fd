//! Inputs and settings that layers of normalisation and noise, and activations with an axis, cannot work with.

use gradus::activations::{Glu, Sparsemax};
use gradus::layers::*;
use gradus::ndarray::ArrayD;
use gradus::prelude::*;

use super::message;

/// The error of a layer, within a model, at an input of zeros.
fn at<L: Layer>(layer: L, shape: &[usize]) -> String {
    let model = Sequential::new().add_named("norm", layer);
    message(model.forward(&Tape::training().input(ArrayD::<Float>::zeros(shape))))
}

/// The error at a second input of another shape.
fn then<L: Layer>(layer: L, first: &[usize], second: &[usize]) -> String {
    layer.forward(&Tape::training().input(ArrayD::<Float>::zeros(first))).unwrap();
    at(layer, second)
}

#[test]
fn inputs_without_features() {
    let wanted = "layer `norm`: expected an input [batch, ..., features], got [3]";
    assert_eq!(at(LayerNorm::new(), &[3]), wanted);
    assert_eq!(at(RmsNorm::new(), &[3]), wanted);
    assert_eq!(at(UnitNorm::new(), &[3]), wanted);
    let none = "layer `norm`: expected at least 1 number in the axes to normalise, got input [3, 0]";
    assert_eq!(at(LayerNorm::new(), &[3, 0]), none);
    assert_eq!(at(UnitNorm::new(), &[3, 0]), none);
    let wanted = "layer `norm`: expected an input [batch, ..., channels], got [3]";
    assert_eq!(at(BatchNorm::new(), &[3]), wanted);
    assert_eq!(at(GroupNorm::new(1), &[3]), wanted);
    assert_eq!(at(InstanceNorm::new(), &[3]), wanted);
    assert_eq!(
        at(GroupNorm::new(1), &[3, 0]),
        "layer `norm`: expected at least 1 channel in the last axis, got input [3, 0]"
    );
    assert_eq!(
        at(InstanceNorm::new(), &[3, 4]),
        "layer `norm`: expected an input [batch, ..., channels] with an axis between, got [3, 4]; a channel of one \
         number has no variance"
    );
}

#[test]
fn no_examples_are_none_afterwards() {
    let x = Tape::training().input(ArrayD::<Float>::zeros(vec![0, 2, 4]));
    for layer in [&LayerNorm::new() as &dyn Layer, &GroupNorm::new(2), &InstanceNorm::new(), &UnitNorm::new()] {
        assert_eq!(layer.forward(&x).unwrap().shape(), [0, 2, 4]);
    }
}

#[test]
fn axes_that_are_not_the_last() {
    let wanted = |axes: &str, input: &str| {
        format!(
            "layer `norm`: expected one or more of the last axes, without gaps and without axis 0, got axes {axes} for \
             input {input}; bring them to the end with `permute`"
        )
    };
    assert_eq!(at(LayerNorm::new().axes([1]), &[2, 3, 4]), wanted("[1]", "[2, 3, 4]"));
    assert_eq!(at(LayerNorm::new().axes([0, 1, 2]), &[2, 3, 4]), wanted("[0, 1, 2]", "[2, 3, 4]"));
    assert_eq!(at(RmsNorm::new().axes([-1, -1]), &[2, 3, 4]), wanted("[-1, -1]", "[2, 3, 4]"));
    assert_eq!(at(UnitNorm::new().axes([]), &[2, 3, 4]), wanted("[]", "[2, 3, 4]"));
    assert_eq!(
        at(UnitNorm::new().axes([3]), &[2, 3, 4]),
        "layer `norm`: axes: expected an axis in -3..3 for shape [2, 3, 4], got axis 3; negative axes count from the end"
    );
}

#[test]
fn other_lengths_than_before() {
    let wanted = "layer `norm`: expected last axes of [4], got input [2, 5]";
    assert_eq!(then(LayerNorm::new(), &[2, 4], &[2, 5]), wanted);
    assert_eq!(then(RmsNorm::new(), &[2, 4], &[2, 5]), wanted);
    let wanted = "layer `norm`: expected 4 channels in the last axis, got input [2, 3, 6]";
    assert_eq!(then(GroupNorm::new(2), &[2, 3, 4], &[2, 3, 6]), wanted);
    assert_eq!(then(InstanceNorm::new().scale(true), &[2, 3, 4], &[2, 3, 6]), wanted);
    assert_eq!(then(BatchNorm::new(), &[2, 3, 4], &[2, 3, 6]), wanted);
}

#[test]
fn settings_out_of_range() {
    let wanted = |epsilon: &str| format!("layer `norm`: expected an epsilon above 0, got {epsilon}");
    assert_eq!(at(LayerNorm::new().epsilon(0.0), &[2, 4]), wanted("0"));
    assert_eq!(at(RmsNorm::new().epsilon(-1.0), &[2, 4]), wanted("-1"));
    assert_eq!(at(GroupNorm::new(2).epsilon(Float::NAN), &[2, 4]), wanted("NaN"));
    assert_eq!(at(InstanceNorm::new().epsilon(Float::INFINITY), &[2, 3, 4]), wanted("inf"));
    for groups in [0, 3] {
        assert_eq!(
            at(GroupNorm::new(groups), &[2, 4]),
            format!(
                "layer `norm`: expected a number of groups that divides the 4 channels of input [2, 4], got {groups}"
            )
        );
    }
    let rate = |rate: &str| format!("layer `norm`: expected a dropout rate in 0..1 (1 excluded), got {rate}");
    assert_eq!(at(AlphaDropout::new(1.0), &[2, 4]), rate("1"));
    assert_eq!(at(GaussianDropout::new(-0.1), &[2, 4]), rate("-0.1"));
    assert_eq!(at(SpatialDropout1d::new(Float::NAN), &[2, 3, 4]), rate("NaN"));
    assert_eq!(
        at(GaussianNoise::new(-1.0), &[2, 4]),
        "layer `norm`: expected a standard deviation of 0 or more, got -1"
    );
}

#[test]
fn axes_of_spatial_dropout() {
    assert_eq!(
        at(SpatialDropout1d::new(0.5), &[2, 4]),
        "layer `norm`: expected an input [batch, time, channels], got [2, 4]"
    );
    assert_eq!(
        at(SpatialDropout2d::new(0.5), &[2, 4, 3]),
        "layer `norm`: expected an input [batch, height, width, channels], got [2, 4, 3]"
    );
    assert_eq!(
        at(SpatialDropout3d::new(0.5), &[2, 4, 3, 1]),
        "layer `norm`: expected an input [batch, depth, height, width, channels], got [2, 4, 3, 1]"
    );
    let empty = Tape::training().input(ArrayD::<Float>::zeros(vec![2, 0, 3]));
    assert_eq!(SpatialDropout1d::new(0.5).forward(&empty).unwrap().shape(), [2, 0, 3]);
    let empty = Tape::training().input(ArrayD::<Float>::zeros(vec![2, 3, 0]));
    assert_eq!(SpatialDropout1d::new(0.5).forward(&empty).unwrap().shape(), [2, 3, 0]);
}

#[test]
fn spectral_norm_of_what_has_no_kernel() {
    assert_eq!(
        at(SpectralNorm::new(LayerNorm::new()), &[2, 4]),
        "layer `norm`: expected a layer with a parameter `kernel`, got one with [\"gamma\", \"beta\"]; say which one with \
         `parameter`"
    );
    assert_eq!(
        at(SpectralNorm::new(Dense::new(2)).parameter("bias"), &[2, 4]),
        "layer `norm`: expected a kernel of two or more axes and some numbers, got [2]"
    );
    assert_eq!(
        at(SpectralNorm::new(Dense::new(2)).power_iterations(0), &[2, 4]),
        "layer `norm`: expected at least 1 power iteration, got 0"
    );
    let zero = SpectralNorm::new(Dense::new(2).kernel_initializer(Zeros));
    let y = zero.forward(&Tape::training().input(ArrayD::<Float>::ones(vec![1, 3]))).unwrap();
    assert!(y.value().iter().all(|y| *y == 0.0));
}

#[test]
fn a_changed_parameter_of_another_shape() {
    let (layer, x) = (Dense::new(2), Tape::training().input(ArrayD::<Float>::ones(vec![1, 3])));
    let wrong = x.tape().with_param(layer.kernel(), |kernel| Ok(kernel.sum()), || layer.forward(&x));
    assert_eq!(message(wrong), "`with_param` is to keep the shape [3, 2] of the parameter, but made [] of it");
}

#[test]
fn axes_of_activations() {
    assert_eq!(
        at(Glu::default(), &[2, 3]),
        "layer `norm`: expected an even length of axis 1, to halve it, got input [2, 3]"
    );
    let axis = |who: &str| {
        format!(
            "layer `norm`: {who}: expected an axis in -2..2 for shape [2, 3], got axis 2; negative axes count from the \
             end"
        )
    };
    assert_eq!(at(Glu::over(2), &[2, 3]), axis("glu"));
    assert_eq!(at(Softmax::over(2), &[2, 3]), axis("softmax"));
    assert_eq!(at(LogSoftmax::over(2), &[2, 3]), axis("log_softmax"));
    assert_eq!(at(Sparsemax::over(2), &[2, 3]), axis("sparsemax"));
    for shape in [vec![2, 0], vec![0, 2], vec![0]] {
        let x = Tape::training().input(ArrayD::<Float>::zeros(shape.clone()));
        assert_eq!(x.softmax(0).unwrap().shape(), shape);
        assert_eq!(x.log_softmax(-1).unwrap().shape(), shape);
        assert_eq!(x.sparsemax(0).unwrap().shape(), shape);
        assert_eq!(Glu::over(0).forward(&x).unwrap().shape()[0], shape[0] / 2);
    }
}

#[test]
fn shapes_of_prelu() {
    assert_eq!(at(PRelu::new(), &[3]), "layer `norm`: expected an input [batch, ...] of two or more axes, got [3]");
    assert_eq!(
        at(PRelu::new().shared_axes([0]), &[2, 3]),
        "layer `norm`: expected shared axes after the batch, which is axis 0, got axis 0"
    );
    assert_eq!(
        at(PRelu::new().shared_axes([2]), &[2, 3]),
        "layer `norm`: shared_axes: expected an axis in -2..2 for shape [2, 3], got axis 2; negative axes count from \
         the end"
    );
    assert_eq!(
        then(PRelu::new(), &[2, 3], &[2, 4]),
        "layer `norm`: this input asks for a parameter of shape [4], but the parameter has shape [3]; feed the shape \
         that the layer was made or loaded for, or make a new layer"
    );
}
