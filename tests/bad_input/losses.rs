//! Targets and predictions that do not belong together.

use gradus::ndarray::{Array1, Array2, Array3, arr1, arr2};
use gradus::prelude::*;

use super::{compiled, examples, message, quiet};

fn tensor(x: impl IntoTensor) -> Tensor {
    x.into_tensor()
}

fn loss(loss: impl Loss, prediction: impl IntoTensor, target: impl IntoTensor) -> Result<Var> {
    loss.loss(&Tape::training().input(prediction), &target.into_tensor())
}

#[test]
fn one_hot_targets_where_class_numbers_belong_and_the_other_way_round() {
    let (x, y) = examples();
    let one_hot = Array2::from_shape_fn((12, 3), |(i, class)| Float::from(u8::from(y[i] == class as Float)));
    assert_eq!(
        message(compiled().fit(&(&x, &one_hot), quiet())),
        "SparseCrossEntropy: expected one class number an example, targets [4] for predictions [4, 3], got [4, 3]; \
         for one-hot targets use `CrossEntropy`"
    );
    // One number for each prediction, but of another number of examples.
    let numbers = Array1::<Float>::zeros(5);
    assert_eq!(
        message(loss(SparseCrossEntropy::from_logits(), Array2::<Float>::zeros((4, 3)), numbers)),
        "SparseCrossEntropy: expected one class number an example, targets [4] for predictions [4, 3], got [5]; give one class \
         number for each row of predictions"
    );
    let mut model = super::classifier().compile(Adam::default(), CrossEntropy::default());
    assert_eq!(
        message(model.fit(&(&x, &y), quiet())),
        "CrossEntropy: expected targets of the prediction's shape [4, 3], got [4]; for class numbers use \
         `SparseCrossEntropy`"
    );
}

#[test]
fn a_forgotten_flatten() {
    let advice = "the predictions have more axes than the targets: put `Flatten` or a global pooling before the last layers, or \
                  leave out `return_sequences` of the last recurrent one";
    let images = Tensor::zeros(&[4, 26, 26, 10][..]);
    let numbers = Array1::<Float>::zeros(4);
    assert_eq!(
        message(loss(SparseCrossEntropy::from_logits(), &images, &numbers)),
        format!(
            "SparseCrossEntropy: expected one class number an example, targets [4, 26, 26] for predictions [4, 26, 26, 10], got \
             [4]; {advice}"
        )
    );
    let says = |text: String| assert!(text.ends_with(advice), "{text}");
    says(message(loss(SparseCrossEntropy::from_logits(), &images, numbers.clone().insert_axis(ndarray::Axis(1)))));
    says(message(loss(CrossEntropy::from_logits(), &images, Array2::<Float>::zeros((4, 10)))));
    says(message(loss(CrossEntropy::from_logits(), &images, &numbers)));
    says(message(loss(BinaryCrossEntropy::from_logits(), Array3::<Float>::zeros((4, 7, 1)), &numbers)));
    says(message(loss(MeanSquaredError, Array3::<Float>::zeros((4, 7, 2)), Array2::<Float>::zeros((4, 2)))));
}

#[test]
fn shapes_of_targets() {
    let text = |who: &str, prediction: &str, target: &str| {
        format!(
            "{who}: expected targets of the prediction's shape {prediction}, got {target}; reshape the targets, or \
             end the model with as many units as there are targets"
        )
    };
    let (a, b) = (Array2::<Float>::zeros((4, 2)), Array2::<Float>::zeros((4, 3)));
    assert_eq!(message(loss(MeanSquaredError, &a, &b)), text("MeanSquaredError", "[4, 2]", "[4, 3]"));
    assert_eq!(message(loss(MeanAbsoluteError, &a, &b)), text("MeanAbsoluteError", "[4, 2]", "[4, 3]"));
    assert_eq!(message(loss(BinaryCrossEntropy::default(), &a, &b)), text("BinaryCrossEntropy", "[4, 2]", "[4, 3]"));
    // As in numpy, [4, 1] against [4] would broadcast to [4, 4], the mistake that nobody notices; here it is [4].
    assert!(loss(MeanSquaredError, Array2::<Float>::zeros((4, 1)), Array1::<Float>::zeros(4)).is_ok());
    assert_eq!(
        message(loss(MeanSquaredError, Array2::<Float>::zeros((4, 1)), Array1::<Float>::zeros(5))),
        text("MeanSquaredError", "[4, 1]", "[5]")
    );
    assert_eq!(
        message(loss(SparseCrossEntropy::default(), arr1(&[0.5, 0.5]), arr1(&[1.0]))),
        "SparseCrossEntropy: expected predictions [batch, ..., classes], got [2]"
    );
    for empty in [Array2::<Float>::zeros((0, 3)), Array2::zeros((2, 0))] {
        let shape = empty.shape();
        assert_eq!(
            message(loss(SparseCrossEntropy::default(), &empty, Array1::<Float>::zeros(2))),
            format!("SparseCrossEntropy: expected predictions [batch, ..., classes], got {shape:?}")
        );
        assert_eq!(
            message(loss(MeanSquaredError, &empty, &empty)),
            format!("MeanSquaredError: expected at least one example, got predictions {shape:?}")
        );
    }
}

#[test]
fn binary_targets_out_of_range() {
    let classes = "for the numbers of more than two classes use `SparseCrossEntropy`, with a unit for each class";
    let scale = "scale them, or use a loss for any numbers, such as `MeanSquaredError`";
    let absent = "correct that example or leave it out";
    for (target, text, hint) in [(2.0, "2", classes), (-0.5, "-0.5", scale), (Float::NAN, "NaN", absent)] {
        assert_eq!(
            message(loss(BinaryCrossEntropy::default(), arr1(&[0.5, 0.5]), arr1(&[1.0, target]))),
            format!("BinaryCrossEntropy: expected targets from 0 to 1, got {text}; {hint}")
        );
    }
}

#[test]
fn predictions_that_are_no_probabilities() {
    let logits = arr2(&[[1.5, -2.0, 0.25]]);
    let expected = |who: &str| {
        format!(
            "{who}: expected probabilities, from 0 to 1 with the sum 1 for each item, got [1.5, -2.0, 0.25]; end the model with \
             `Softmax`, or use `{who}::from_logits()`"
        )
    };
    assert_eq!(message(loss(SparseCrossEntropy::default(), &logits, arr1(&[1.0]))), expected("SparseCrossEntropy"));
    assert_eq!(message(loss(CrossEntropy::default(), &logits, arr2(&[[0.0, 1.0, 0.0]]))), expected("CrossEntropy"));
    assert_eq!(
        message(loss(BinaryCrossEntropy::default(), arr1(&[1.5, 0.5]), arr1(&[1.0, 1.0]))),
        "BinaryCrossEntropy: expected probabilities, from 0 to 1, got [1.5, 0.5]; end the model with `Sigmoid`, or use `BinaryCrossEntropy::from_logits()`"
    );
    // A model that forgot its softmax does not start to train.
    let (x, y) = examples();
    let mut model = Sequential::new().add(Dense::new(3)).compile(Adam::default(), SparseCrossEntropy::default());
    assert!(
        message(model.fit(&(&x, &y), quiet())).starts_with("SparseCrossEntropy: expected probabilities, from 0 to 1")
    );
}

#[test]
fn a_softmax_too_many() {
    let (x, y) = examples();
    let mut model = super::classifier().compile(Adam::default(), SparseCrossEntropy::from_logits());
    assert_eq!(
        message(model.fit(&(&x, &y), quiet())),
        "SparseCrossEntropy: `from_logits` expects numbers before an activation, but the prediction has been through \
         one already; leave out one of the two"
    );
}

#[test]
fn a_loss_that_is_no_scalar() {
    let (x, y) = examples();
    let mut model = super::classifier().compile(Adam::default(), |p: &Var, _: &Tensor| Ok(p.clone()));
    assert_eq!(
        message(model.fit(&(&x, &y), quiet())),
        "the loss: expected a scalar, got shape [4, 3]; end it with `mean`"
    );
    let tape = Tape::training();
    assert_eq!(
        message(tape.variable(arr1(&[1.0, 2.0])).backward()),
        "backward: expected a scalar, got shape [2]; reduce it with `sum` or `mean` first"
    );
    assert_eq!(
        message(Tape::inference().variable(arr1(&[1.0])).backward()),
        "backward: this tape records nothing; make it with `Tape::training()` or `Tape::inference().recording()`"
    );
}

#[test]
fn shapes_of_metrics() {
    let predictions = tensor(Array2::<Float>::zeros((4, 3)));
    let update = |metric: &mut dyn Metric, target: Tensor| message(metric.update(&predictions, &target));
    assert_eq!(
        update(&mut Accuracy::default(), tensor(Array1::<u8>::zeros(5))),
        "Accuracy: expected targets [4] (class numbers) or [4, 3] (one-hot) for predictions [4, 3], got [5]"
    );
    assert_eq!(
        update(&mut TopKAccuracy::new(2), tensor(Array3::<u8>::zeros((4, 3, 1)))),
        "TopKAccuracy: expected targets [4] (class numbers) or [4, 3] (one-hot) for predictions [4, 3], got [4, 3, 1]"
    );
    assert_eq!(
        update(&mut TopKAccuracy::new(2), tensor(arr1(&[0, 1, 2, 3]))),
        "TopKAccuracy: expected whole class numbers 0..3 (3 excluded), got 3"
    );
    assert_eq!(
        update(&mut MeanAbsolute::default(), tensor(Array1::<u8>::zeros(4))),
        "MeanAbsolute: expected targets of the predictions' shape [4, 3], got [4]; for class numbers take a metric of classes, such \
         as `Accuracy`, else reshape the targets"
    );
    let scalar = tensor(ndarray::arr0(1.0));
    assert_eq!(
        message(TopKAccuracy::default().update(&scalar, &scalar)),
        "TopKAccuracy: expected predictions [.., classes], got []"
    );
    let _ = Accuracy::default().update(&scalar, &scalar);
}
