//! Predictions with batch normalisation folded into the convolution before it.

use super::*;
use crate::activations::{Activation, Relu, Sigmoid, Tanh};
use crate::autograd::{ParamList, Tape, Var};
use crate::error::Result;
use crate::kernels::parallel;
use crate::model::Model;
use crate::optimizers::{Sgd, Stepper};
use crate::tensor::{Float, Tensor};

fn images() -> Tensor {
    Tensor::from_shape_fn(vec![2, 8, 8, 3], |at| ((at[0] * 7 + at[1] * 5 + at[2] * 3 + at[3]) % 11) as Float - 5.0)
}

/// What a prediction gives, and what it gives with each operation on its own, as a pass that records has them.
fn folded_and_not(layer: &dyn Layer, x: &Tensor) -> [Tensor; 2] {
    [Tape::inference(), Tape::inference().recording()]
        .map(|tape| layer.forward(&tape.input(x.clone())).unwrap().value().clone())
}

/// Asserts that both are the same up to rounding; returns the prediction.
fn assert_folds(layer: &dyn Layer, x: &Tensor) -> Tensor {
    let [folded, plain] = folded_and_not(layer, x);
    let largest = plain.iter().fold(0.0, |largest: Float, y| largest.max(y.abs()));
    let off = folded.iter().zip(&plain).fold(0.0, |off: Float, (a, b)| off.max((a - b).abs()));
    assert!(folded.shape() == plain.shape() && off <= 3e-6 * largest, "{off} off, of {largest}");
    folded
}

/// A normalisation whose numbers are all different.
fn norm(channels: usize) -> BatchNorm {
    let norm = BatchNorm::new();
    norm.forward(&Tape::inference().input(Tensor::ones(vec![1, channels]))).unwrap();
    for (i, (_, param)) in norm.parameters().into_iter().enumerate() {
        param.set(Tensor::from_shape_fn(vec![channels], |at| 0.5 + (at[0] * 3 + i) as Float % 5.0)).unwrap();
    }
    norm
}

#[test]
fn predictions_fold_the_normalisation_into_the_convolution() {
    /// `relu(x + norm(conv(x)))`, in a custom layer.
    struct Own(Conv2d, BatchNorm);
    impl Layer for Own {
        fn forward(&self, x: &Var) -> Result<Var> {
            Ok(Relu.apply(&(self.1.forward(&self.0.forward(x)?)? + x)))
        }
        fn params<'a>(&'a self, list: &mut ParamList<'a>) {
            list.nest("conv", &self.0);
            list.nest("norm", &self.1);
        }
    }
    let conv = |filters| Conv2d::new(filters, 3).padding(Padding::Same);
    let around = || {
        let body = Sequential::new().add(conv(3)).add(norm(3)).add(Relu).add(conv(3).use_bias(false)).add(norm(3));
        Residual::new(body)
    };
    let graph = Graph::new("x").add("conv", conv(4), "x").add("norm", norm(4), "conv").add("tanh", Tanh, "norm");
    let layers: [Box<dyn Layer>; 9] = [
        Box::new(Sequential::new().add(conv(5)).add(norm(5)).add(Relu)),
        Box::new(Sequential::new().add(conv(5)).add(norm(5).scale(false)).add(norm(5).center(false))),
        Box::new(Sequential::new().add(conv(16)).add(norm(16)).add(Relu).add(MaxPool2d::new(2))),
        Box::new(Sequential::new().add(DepthwiseConv2d::new(3).depth_multiplier(2).strides(2)).add(norm(6))),
        Box::new(Sequential::new().add(Conv2d::new(6, 1).groups(3)).add(norm(6)).add(Sigmoid)),
        Box::new(around()),
        Box::new(around().shortcut(Sequential::new().add(Conv2d::new(3, 1)).add(norm(3))).activation(Relu)),
        Box::new(Own(conv(3), norm(3))),
        Box::new(graph.outputs("tanh").typed::<Var, Var>()),
    ];
    for layer in &layers {
        assert_folds(&**layer, &images());
    }
}

#[test]
fn a_folded_convolution_is_one_of_the_folded_kernel() {
    let (conv, norm) = (Conv2d::new(4, 3), norm(4));
    let both = Sequential::new().add(conv).add(norm);
    let y = assert_folds(&both, &images());
    let numbers: Vec<Vec<f64>> = both
        .parameters()
        .into_iter()
        .map(|(_, param)| param.value().unwrap().iter().map(|x| f64::from(*x)).collect())
        .collect();
    let [kernel, bias, gamma, beta, mean, variance] = &numbers[..] else { panic!("six parameters") };
    let scale = |i: usize| gamma[i] / (variance[i] + f64::from(1e-3 as Float)).sqrt();
    let by_hand = Conv2d::new(4, 3);
    by_hand.forward(&Tape::inference().input(images())).unwrap();
    let kernel = Tensor::from_shape_fn(vec![3, 3, 3, 4], |at| {
        (kernel[((at[0] * 3 + at[1]) * 3 + at[2]) * 4 + at[3]] * scale(at[3])) as Float
    });
    by_hand.kernel().set(kernel).unwrap();
    let bias = Tensor::from_shape_fn(vec![4], |at| (beta[at[0]] + (bias[at[0]] - mean[at[0]]) * scale(at[0])) as Float);
    by_hand.bias().unwrap().set(bias).unwrap();
    assert_eq!(y, by_hand.forward(&Tape::inference().input(images())).unwrap().value());
}

#[test]
fn a_folded_kernel_follows_all_that_it_was_made_of() {
    let layer = Sequential::new().add(Conv2d::new(4, 3)).add(norm(4)).add(Relu);
    let mut before = assert_folds(&layer, &images());
    let mut check = |what: &str| {
        let now = assert_folds(&layer, &images());
        assert!(now != before, "{what} changes nothing");
        before = now;
    };
    for (name, param) in layer.parameters() {
        param.set(param.value().unwrap() * 1.5 + 0.25).unwrap();
        check(&name);
        param.modify(|numbers| numbers[0] += 0.25);
        check(&name);
    }
    // A step, which also moves the statistics.
    let tape = Tape::training();
    let gradients = layer.forward(&tape.input(images())).unwrap().square().mean().backward().unwrap();
    Stepper::new(Sgd::new(0.1)).step(&layer, gradients).unwrap();
    check("a step");
    tape.commit().unwrap();
    check("a commit");
    let other = Sequential::new().add(Conv2d::new(4, 3)).add(norm(4)).add(Relu);
    assert_folds(&other, &images());
    layer.copy_weights_from(&other).unwrap();
    check("loading");
    // Within a pass the parameter may be another one.
    let kernel = layer.parameters().remove(0).1.clone();
    let tape = Tape::inference();
    let x = tape.input(images());
    let negative = tape.with_param(&kernel, |kernel| Ok(-kernel), || layer.forward(&x)).unwrap();
    assert!(negative.value() != before);
    assert_eq!(assert_folds(&layer, &images()), before);
}

#[test]
fn normalisations_that_share_a_convolution_have_each_their_own() {
    struct Two(Conv2d, [BatchNorm; 2]);
    impl Layer for Two {
        fn forward(&self, x: &Var) -> Result<Var> {
            let first = self.1[0].forward(&self.0.forward(x)?)?;
            Ok(first + self.1[1].forward(&self.0.forward(x)?)?)
        }
    }
    let two = Two(Conv2d::new(4, 3), [norm(4), norm(4).epsilon(1.0)]);
    assert_folds(&two, &images());
    assert_folds(&two, &images());
}

#[test]
fn what_is_read_between_convolution_and_normalisation_is_no_part_of_it() {
    struct Both(Conv2d, BatchNorm);
    impl Layer for Both {
        fn forward(&self, x: &Var) -> Result<Var> {
            let y = self.0.forward(x)?;
            Ok(self.1.forward(&y)? + y)
        }
    }
    let [folded, plain] = folded_and_not(&Both(Conv2d::new(4, 3), norm(4)), &images());
    assert_eq!(folded, plain);
}

#[test]
fn factors_that_might_overflow_stay_apart() {
    for (gamma, variance) in [(1e30, 1.0), (1.0, 1e30)] {
        let layer = Sequential::new().add(Conv2d::new(4, 3)).add(norm(4));
        assert_folds(&layer, &images());
        let params = layer.parameters();
        params[2].1.set(Tensor::from_elem(vec![4], gamma as Float)).unwrap();
        params[5].1.set(Tensor::from_elem(vec![4], variance as Float)).unwrap();
        let [folded, plain] = folded_and_not(&layer, &images());
        assert_eq!(folded, plain);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let conv = |filters, size, stride| {
        let padding = Padding::all(size / 2);
        Sequential::new().add(Conv2d::new(filters, size).strides(stride).padding(padding)).add(norm(filters)).add(Relu)
    };
    let depthwise = Sequential::new().add(DepthwiseConv2d::new(3).padding(Padding::Same)).add(norm(32)).add(Relu);
    let body = Sequential::new().add(conv(96, 1, 1)).add(Conv2d::new(32, 1)).add(norm(32));
    let model = Sequential::new().add(conv(32, 3, 2)).add(depthwise).add(Residual::new(body)).add(conv(40, 3, 1));
    let x = Tensor::from_shape_fn(vec![2, 90, 90, 3], |at| ((at[0] * 7 + at[1] * 5 + at[2] * 3) % 11) as Float - 5.0);
    let run = |threads: usize| {
        parallel::on_threads(threads, || model.forward(&Tape::inference().input(x.clone())).unwrap().value().clone())
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3));
}
