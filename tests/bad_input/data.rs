//! Labels, lengths and emptiness.

use gradus::data::Mnist;
use gradus::data::{Batch, Subset};
use gradus::ndarray::{Array0, Array1, Array2, Array3, ArrayD, IxDyn, arr0};
use gradus::prelude::*;

use super::{bits, compiled, examples, message, quiet};

#[test]
fn labels_out_of_range_fractional_or_negative() {
    let absent = "correct that example or leave it out";
    for (label, text, hint) in [
        (3.0, "3", "give the model an output for each class, and number the classes from 0"),
        (1.5, "1.5", "give class numbers, or train a regression by a loss such as `MeanSquaredError`"),
        (-1.0, "-1", "number the classes from 0, and leave out items without a class by `ignore_class`"),
        (Float::NAN, "NaN", absent),
        (Float::INFINITY, "inf", absent),
    ] {
        let (x, mut y) = examples();
        y[7] = label;
        let expected = format!(
            "SparseCrossEntropy: expected whole class numbers 0..3 (3 excluded, the model has 3 outputs), got {text}; {hint}"
        );
        assert_eq!(message(compiled().fit(&(&x, &y), quiet())), expected);
        assert_eq!(message(compiled().evaluate(&(&x, &y))), expected);
        let mut top = compiled().metric(TopKAccuracy::new(2));
        assert_eq!(message(top.evaluate(&(&x, &y))), expected);
    }
}

#[test]
fn a_bad_label_stops_before_its_step() {
    let (x, mut y) = examples();
    y[11] = 3.0;
    let mut model = compiled();
    let one_batch = || Fit::epochs(1).batch_size(12).progress(false);
    model.predict(&x).unwrap();
    let before = bits(&model.model);
    message(model.fit(&(&x, &y), one_batch()));
    assert_eq!(bits(&model.model), before);
}

#[test]
fn inputs_and_targets_of_different_length() {
    let (x, y) = examples();
    let y = y.slice(ndarray::s![..11]);
    let expected = "expected as many targets as inputs, got 12 inputs and 11 targets";
    assert_eq!(message(compiled().fit(&(&x, &y), quiet())), expected);
    assert_eq!(message(compiled().fit(&(&x, &examples().1), quiet().validation(&(&x, &y)))), expected);
    assert_eq!(message(compiled().evaluate(&(&x, &y))), expected);
    assert_eq!(message(compiled().evaluate(&Subset::new(&(&x, &y), 0..4))), expected);
    let images = Array3::<u8>::zeros((3, 2, 2));
    assert_eq!(
        message(Mnist::new(images, Array1::zeros(2))),
        "expected as many labels as images, got 3 images and 2 labels"
    );
}

/// A layer of two inputs.
struct Sum;

impl Layer<(Var, Var)> for Sum {
    fn forward(&self, (a, b): &(Var, Var)) -> Result<Var> {
        Ok(a + b)
    }
}

#[test]
fn several_inputs_of_different_length_or_number() {
    let (x, y) = examples();
    let short = x.slice(ndarray::s![..3, ..]);
    let two = || Sum.compile(Sgd::default(), SparseCrossEntropy::from_logits());
    let expected = "expected inputs of one length, got [12, 3] examples";
    assert_eq!(message(two().fit(&((&x, &short), &y), quiet())), expected);
    assert_eq!(message(two().predict(&(&x, &short))), expected);
    assert_eq!(message(two().fit(&(&x, &y), quiet())), "the model takes 2 inputs, but got 1");
    assert_eq!(message(two().predict(&x)), "the model takes 2 inputs, but got 1");
    assert_eq!(message(compiled().predict(&(&x, &x))), "the model takes 1 inputs, but got 2");
}

#[test]
fn empty_dataset() {
    let empty = (Array2::<f32>::zeros((0, 5)), Array1::<u8>::zeros(0));
    let text = |who: &str| format!("{who}: expected at least one example, got an empty dataset");
    assert_eq!(message(compiled().fit(&empty, quiet())), text("fit"));
    assert_eq!(message(compiled().fit(&examples(), quiet().validation(&empty))), text("fit's validation"));
    assert_eq!(message(compiled().evaluate(&empty)), text("evaluate"));
    assert_eq!(message(compiled().predict(&empty.0)), "predict: expected at least one example, got none");
    assert_eq!(message(compiled().fit(&Subset::new(&examples(), 20..30), quiet())), text("fit"));
}

#[test]
fn arrays_without_axes_do_not_panic() {
    let scalar: Array0<Float> = arr0(1.0);
    let scalar: ArrayD<Float> = scalar.into_dyn();
    let vector = ArrayD::<Float>::zeros(IxDyn(&[12]));
    assert_eq!(message(compiled().predict(&scalar)), "predict: expected at least one example, got none");
    message(compiled().fit(&(&scalar, &scalar), quiet()));
    message(compiled().fit(&(&scalar, &vector), quiet()));
    message(compiled().fit(&(&examples().0, &scalar), quiet()));
    assert_eq!(
        message(compiled().fit(&(&vector, &vector), quiet())),
        "layer `dense`: expected an input [batch, ..., features], got [4]; one example is `x.insert_axis(Axis(0))`, one number for \
         each example `x.insert_axis(Axis(1))`"
    );
}

#[test]
fn no_features() {
    let none = Array2::<Float>::zeros((12, 0));
    let expected = |rows| format!("layer `dense`: expected at least 1 feature in the last axis, got input [{rows}, 0]");
    assert_eq!(message(compiled().predict(&none)), expected(12));
    assert_eq!(message(compiled().fit(&(&none, &examples().1), quiet())), expected(4));
}

/// Gives targets that are one short, or inputs of another shape, for later batches.
struct Moody {
    short_targets: bool,
}

impl Dataset for Moody {
    fn len(&self) -> usize {
        12
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        let late = indices.contains(&11);
        let features = if late && !self.short_targets { 6 } else { 5 };
        let targets = if late && self.short_targets { indices.len() - 1 } else { indices.len() };
        Ok(Batch::new(vec![Tensor::zeros(vec![indices.len(), features])], vec![Tensor::zeros(vec![targets])]))
    }
}

#[test]
fn a_dataset_that_changes_its_mind() {
    let fit = || Fit::epochs(1).batch_size(12).shuffle(false).progress(false);
    assert_eq!(
        message(compiled().fit(&Moody { short_targets: true }, fit())),
        "expected 12 examples in the first axis of a batch's targets, as many as were asked for, got [11]"
    );
    assert_eq!(
        message(compiled().fit(&Moody { short_targets: false }, fit())),
        "layer `dense`: expected 5 features in the last axis, got input [12, 6]; feed what it was made for, or make a \
         new layer"
    );
}

/// Cannot read its last example.
struct Broken;

impl Dataset for Broken {
    fn len(&self) -> usize {
        12
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        if indices.contains(&11) {
            return Err(Error::file("disk/11.png", "the disk is broken"));
        }
        let (x, y) = examples();
        (x, y).batch(indices)
    }
}

#[test]
fn a_dataset_that_fails_ends_the_run_with_its_error() {
    assert_eq!(message(compiled().fit(&Broken, quiet())), "disk/11.png: the disk is broken");
}

/// Gives one example more than was asked for, or weighs one more.
struct Generous {
    weights: bool,
}

impl Dataset for Generous {
    fn len(&self) -> usize {
        20
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        let (count, more) = (indices.len(), indices.len() + 1);
        let examples = |count| Batch::new(vec![Tensor::ones(vec![count, 3])], vec![Tensor::zeros(vec![count])]);
        Ok(if self.weights { examples(count).weights(vec![Tensor::ones(vec![more])]) } else { examples(more) })
    }
}

#[test]
fn a_batch_of_more_examples_than_asked_for_is_refused() {
    for weights in [false, true] {
        let data = Generous { weights };
        let check = |result: Result<()>| {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("as many as were asked for") || error.contains("weights"), "{error}");
        };
        let trainer = || Dense::new(2).activation(Softmax).compile(Sgd::default(), SparseCrossEntropy::default());
        check(trainer().fit(&data, Fit::epochs(1).progress(false)).map(drop));
        check(trainer().evaluate(&data).map(drop));
        check(trainer().fit(&Subset::new(&data, vec![1, 1, 2]), Fit::epochs(1).progress(false)).map(drop));
        check(data.batches(4).collect::<Result<Vec<_>>>().map(drop));
        check(Normalization::new().adapt(&data));
        check((&data).oversample(1).map(drop));
    }
}

/// As many as a `repeat` without end would have.
#[test]
fn a_dataset_that_no_memory_can_number_is_refused() {
    let data = (ndarray::Array2::<Float>::ones((4, 3)), ndarray::Array1::<Float>::zeros(4)).repeat(usize::MAX);
    let check = |result: Result<()>| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("no memory holds the numbers of 18446744073709551615 examples"), "{error}");
    };
    let trainer = || Dense::new(1).compile(Sgd::default(), MeanSquaredError);
    check(trainer().fit(&data, Fit::epochs(1).progress(false)).map(drop));
    check(trainer().evaluate(&data).map(drop));
    check(data.batches(4).collect::<Result<Vec<_>>>().map(drop));
    check(Normalization::new().adapt(&data));
}
