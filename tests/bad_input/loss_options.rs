//! Settings of losses that make no sense, weights and masks that do not fit, sequences that cannot be spelled.

use gradus::losses::*;
use gradus::metrics::*;
use gradus::ndarray::{Array1, Array2, Array3, arr1, arr2, arr3};
use gradus::prelude::*;

use super::{compiled, examples, message, quiet};

fn loss(loss: impl Loss, prediction: impl IntoTensor, target: impl IntoTensor) -> Result<Var> {
    loss.loss(&Tape::training().input(prediction), &target.into_tensor())
}

fn pair() -> (Array2<Float>, Array2<Float>) {
    (arr2(&[[0.25, 0.75], [0.5, 0.5]]), arr2(&[[0.0, 1.0], [1.0, 0.0]]))
}

#[test]
fn settings_out_of_range() {
    let (x, t) = pair();
    let text = |result: Result<Var>| message(result);
    for levels in [&[][..], &[0.0], &[0.5, 1.0], &[Float::NAN]] {
        let found = text(loss(Quantile::new(levels), &x, &t));
        assert!(found.starts_with("Quantile: expected levels above 0 and below 1, at least one, got ["), "{found}");
    }
    assert!(
        text(loss(Quantile::new([0.1, 0.5, 0.9]), &x, &t))
            .contains("[batch, ..., 3 · numbers], one for each level, got [2, 2]")
    );
    assert!(
        text(loss(Quantile::new([0.1, 0.9]), &x, &t))
            .contains("expected targets [2, 1] for 2 levels in predictions [2, 2]")
    );
    assert_eq!(text(loss(SmoothL1::new(-1.0), &x, &t)), "SmoothL1: expected a beta of at least 0, got -1");
    assert_eq!(
        text(loss(CrossEntropy::default().label_smoothing(1.5), &x, &t)),
        "CrossEntropy: expected a label smoothing of at least 0 and at most 1, got 1.5"
    );
    for refused in [
        loss(Huber::new(0.0), &x, &t),
        loss(Huber::new(Float::NAN), &x, &t),
        loss(SmoothL1::new(Float::INFINITY), &x, &t),
        loss(GaussianNll::default().epsilon(0.0), arr2(&[[0.0, 1.0]]), arr1(&[1.0])),
        loss(BinaryCrossEntropy::default().positive_weight(-1.0), &x, &t),
        loss(BinaryCrossEntropy::default().label_smoothing(-0.1), &x, &t),
        loss(BinaryFocalCrossEntropy::default().gamma(-1.0), &x, &t),
        loss(BinaryFocalCrossEntropy::default().alpha(1.5), &x, &t),
        loss(CategoricalFocalCrossEntropy::default().alpha(Float::NAN), &x, &t),
        loss(Tversky::new(-0.5, 0.5), &x, &t),
        loss(Triplet::new(-1.0), Array3::<Float>::zeros((2, 3, 2)), arr1(&[0.0, 0.0])),
        loss(Contrastive::new(-1.0), Array3::<Float>::zeros((2, 2, 2)), arr1(&[0.0, 0.0])),
    ] {
        let text = message(refused);
        assert!(text.contains(": expected ") && text.contains(", got "), "{text}");
    }
    assert_eq!(
        text(loss(SparseCrossEntropy::default().class_weights([1.0]), &x, arr1(&[0.0, 1.0]))),
        "SparseCrossEntropy: expected 2 class weights, one for each class, finite and not negative, got [1.0]"
    );
    assert!(loss(CrossEntropy::default().class_weights([1.0, -1.0]), &x, &t).is_err());
}

#[test]
fn targets_out_of_range() {
    let (x, t) = pair();
    let odd = &t + 0.5;
    assert_eq!(message(loss(Hinge, &x, &odd)), "Hinge: expected targets of -1 and 1, or of 0 and 1, got 0.5");
    assert_eq!(
        message(loss(Dice::default(), &x, &odd)),
        "Dice: expected targets from 0 to 1, got 1.5; scale them, or use a loss for any numbers, such as `MeanSquaredError`"
    );
    assert_eq!(
        message(loss(Poisson::default(), &x, &t - 1.0)),
        "Poisson: expected targets that are not negative, got -1"
    );
    assert_eq!(
        message(loss(Poisson::default(), &x - 1.0, &t)),
        "Poisson: expected predictions that are not negative, got -0.75; end the model with `Softplus`, or use \
         `Poisson::from_log()`"
    );
    assert_eq!(
        message(loss(GaussianNll::default(), arr2(&[[1.0, -0.5]]), arr1(&[1.0]))),
        "GaussianNll: expected variances that are not negative in the second half of the last axis, got -0.5; give them \
         a `Softplus`"
    );
    for refused in [
        loss(CategoricalHinge, &x, &odd),
        loss(SquaredHinge, &x, &odd),
        loss(KlDivergence, &x, &odd),
        loss(Tversky::default(), &x, &odd),
        loss(BinaryFocalCrossEntropy::default(), &x, &odd),
        loss(CategoricalFocalCrossEntropy::default(), &x, &odd),
        loss(Contrastive::default(), Array3::<Float>::zeros((2, 2, 2)), arr1(&[0.0, 2.0])),
        loss(SparseCrossEntropy::default().ignore_class(-1), &x, arr1(&[-2.0, 1.0])),
    ] {
        assert!(message(refused).contains(", got "));
    }
}

#[test]
fn shapes() {
    let (x, t) = pair();
    let short = arr2(&[[0.0, 1.0]]);
    for refused in [
        loss(MeanAbsolutePercentageError, &x, &short),
        loss(MeanSquaredLogarithmicError, &x, &short),
        loss(LogCosh, &x, &short),
        loss(Huber::default(), &x, &short),
        loss(SmoothL1::default(), &x, &short),
        loss(Poisson::default(), &x, &short),
        loss(KlDivergence, &x, &short),
        loss(Hinge, &x, &short),
        loss(CategoricalHinge, &x, &short),
        loss(CosineSimilarity, &x, &short),
        loss(BinaryFocalCrossEntropy::default(), &x, &short),
        loss(CategoricalFocalCrossEntropy::default(), &x, &short),
        loss(Dice::default(), &x, &short),
        loss(Tversky::default(), &x, &short),
    ] {
        assert!(message(refused).contains("expected targets of the prediction's shape [2, 2], got [1, 2]"));
    }
    assert_eq!(
        message(loss(GaussianNll::default(), arr2(&[[1.0, 1.0, 1.0]]), arr1(&[1.0]))),
        "GaussianNll: expected predictions [batch, ..., means and as many variances], got [1, 3]"
    );
    assert_eq!(
        message(loss(Triplet::default(), &x, &t)),
        "Triplet: expected predictions [batch, 3, features] (anchor, like, unlike), got [2, 2]"
    );
    assert_eq!(
        message(loss(Contrastive::default(), Array3::<Float>::zeros((2, 2, 2)), arr1(&[1.0]))),
        "Contrastive: expected targets [2], one a pair, got [1]"
    );
    for empty in [Array2::<Float>::zeros((0, 2)), Array2::zeros((2, 0))] {
        assert!(loss(GaussianNll::default(), &empty, &empty).is_err());
        assert!(loss(Dice::default(), &empty, &empty).is_err());
        assert!(loss(CosineSimilarity, &empty, &empty).is_err());
    }
    assert!(loss(Ctc::default(), Array3::<Float>::zeros((0, 2, 2)), Array2::<Float>::zeros((0, 2))).is_err());
}

#[test]
fn nothing_that_counts() {
    let (x, _) = pair();
    let all = arr1(&[-1.0, -1.0]);
    let expected = "the mean of 2 losses of which none counts: all are padding, left out by `ignore_class`, or of class \
                    weight 0; leave such batches out";
    assert_eq!(message(loss(SparseCrossEntropy::default().ignore_class(-1), &x, &all)), expected);
    assert_eq!(message(loss(SparseCrossEntropy::default().class_weights([0.0, 1.0]), &x, arr1(&[0.0, 0.0]))), expected);
    let padding = Tape::training().input(Array3::<Float>::zeros((1, 2, 3))).with_mask(arr2(&[[0, 0]])).unwrap();
    let target = Array3::<Float>::zeros((1, 2, 3)).into_tensor();
    assert_eq!(message(MeanSquaredError.loss(&padding, &target)), expected);
    // A whole run of such batches is an error, and no NaN.
    let (x, y) = examples();
    let mut model = super::classifier().compile(Adam::default(), SparseCrossEntropy::default().ignore_class(7));
    let ignored = &y * 0.0 + 7.0;
    let nothing = |who: &str| {
        format!(
            "{who}: the loss has no item that counts in all the examples: all are padding, left out by `ignore_class`, or of \
             class weight 0; look at the labels and masks"
        )
    };
    assert_eq!(message(model.fit(&(&x, &ignored), quiet())), nothing("fit"));
    assert_eq!(message(model.evaluate(&(&x, &ignored))), nothing("evaluate"));
}

#[test]
fn masks_without_time() {
    let x = Tape::training().input(arr2(&[[1.0, 2.0]])).with_mask(arr2(&[[1, 0]])).unwrap();
    assert_eq!(
        message(MeanSquaredError.loss(&x, &arr2(&[[1.0, 2.0]]).into_tensor())),
        "MeanSquaredError: the prediction [1, 2] has a padding mask, but losses of shape [1] have no time steps to leave \
         out; give predictions [batch, time, features], or take the mask off by `without_mask`"
    );
}

#[test]
fn labels_that_cannot_be_spelled() {
    let x = Array3::<Float>::zeros((1, 3, 4));
    let ctc = |labels: &[Float]| message(loss(Ctc::default(), &x, arr2(&[[labels[0], labels[1], labels[2]]])));
    assert_eq!(
        ctc(&[1.0, 1.0, 2.0]),
        "Ctc: expected at least 4 steps for the 3 labels of example 0 (equal neighbours need a blank between), got 3; \
         leave such examples out, or make fewer steps into one"
    );
    assert_eq!(
        ctc(&[1.0, 4.0, -1.0]),
        "Ctc: expected whole labels 0..4 (4 excluded) other than the blank 0, got 4 in example 0"
    );
    assert_eq!(
        ctc(&[1.0, -1.0, 2.0]),
        "Ctc: expected labels padded at their end, got 2 after padding in example 0: [1.0, -1.0, 2.0]"
    );
    for bad in [1.5, Float::NAN, Float::INFINITY] {
        assert!(ctc(&[bad, 1.0, 2.0]).contains("expected whole labels"));
    }
    assert!(loss(Ctc::default().blank(4), &x, arr2(&[[1.0]])).is_err());
    assert!(loss(Ctc::default(), arr2(&[[0.0]]), arr2(&[[1.0]])).is_err());
    assert!(loss(Ctc::default(), &x, arr1(&[1.0])).is_err());
    let masked = |mask: [u8; 3]| {
        let x = Tape::training().input(&x).with_mask(arr2(&[mask]))?;
        Ctc::default().loss(&x, &arr2(&[[1.0, 2.0]]).into_tensor())
    };
    assert!(message(masked([1, 0, 0])).contains("expected at least 2 steps"));
    assert_eq!(
        message(masked([1, 0, 1])),
        "Ctc: expected masks with the padding at the end, got padding before a real step in example 0"
    );
    assert!(masked([1, 1, 0]).is_ok());
}

#[test]
fn weights_of_examples() {
    let (x, y) = examples();
    let fit = |weights: Array1<Float>| message(compiled().fit(&(&x, &y, &weights), quiet()));
    assert_eq!(fit(Array1::ones(11)), "expected as many weights as inputs, got 12 inputs and 11 weights");
    for bad in [-1.0, Float::NAN, Float::INFINITY] {
        assert_eq!(
            fit(Array1::from_elem(12, bad)),
            format!("expected weights that are finite and not negative, got {bad} among them")
        );
    }
    let wide = Array2::<Float>::ones((12, 2));
    assert_eq!(
        message(compiled().fit(&(&x, &y, &wide), quiet())),
        "expected weights of the losses' shape [4] or of its first axes, got [4, 2]; give one weight an example"
    );
    let mean = |prediction: &Var, _: &Tensor| Ok(prediction.mean());
    let mut model = super::classifier().compile(Adam::default(), mean);
    let ones = Array1::<Float>::ones(12);
    let cannot = "the loss gives a mean only, so that its examples cannot be weighed: implement `Loss::each` for it, or \
                  leave out the weights";
    assert_eq!(message(model.fit(&(&x, &y, &ones), quiet())), cannot);
    assert_eq!(message(model.fit(&(&x, &y), quiet().class_weights([1.0, 1.0, 2.0]))), cannot);
    let mut whole = super::classifier().compile(Adam::default(), Dice::default());
    let one_hot = Array2::from_shape_fn((12, 3), |(i, class)| Float::from(u8::from(y[i] == class as Float)));
    assert_eq!(
        message(whole.fit(&(&x, &one_hot, &ones), quiet())),
        "expected weights of the losses' shape [] or of its first axes, got [4]; the loss is one number for the batch as \
         a whole"
    );
    let twice = vec![ones.clone(), ones.clone()];
    assert_eq!(
        message(compiled().fit(&(&x, &y, &twice), quiet())),
        "expected weights for all outputs together or for each of 1, got 2 arrays of weights"
    );
}

#[test]
fn class_weights() {
    let (x, y) = examples();
    let fit = |weights: Vec<Float>| message(compiled().fit(&(&x, &y), quiet().class_weights(weights)));
    assert_eq!(
        fit(vec![1.0, 2.0]),
        "fit: 2 class weights expect class numbers 0..2 (2 excluded) as targets, got 2; give one weight for each class"
    );
    assert_eq!(
        fit(vec![1.0, -2.0, 1.0]),
        "fit: expected class weights that are finite and not negative, got -2 among them"
    );
    let one_hot = Array2::from_shape_fn((12, 3), |(i, class)| Float::from(u8::from(y[i] == class as Float)));
    let labels = one_hot.mapv(|x| 1.0 - x);
    let mut model = super::classifier().compile(Adam::default(), MeanSquaredError);
    let several = message(model.fit(&(&x, &labels), quiet().class_weights([1.0; 3])));
    assert!(
        several.starts_with("fit: class weights expect one class an item, as a number or a one-hot row, got the row [")
    );
    assert!(
        several.ends_with("; for several labels give `BinaryCrossEntropy::positive_weight` or weights of examples")
    );
    assert_eq!(
        message(compiled().fit(&(&x, &y), quiet().class_weights_of("other", [1.0; 3]))),
        "fit: the class weights are of the output `other`, expected one of [\"\"]; name it by `class_weights_of`"
    );
}

/// A metric that knows of no weights.
struct Seen;

impl Metric for Seen {
    fn name(&self) -> String {
        "seen".into()
    }

    fn reset(&mut self) {}

    fn update(&mut self, _: &Tensor, _: &Tensor) -> Result<()> {
        Ok(())
    }

    fn result(&self) -> f64 {
        0.0
    }
}

#[test]
fn metrics() {
    let scores = arr2(&[[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]).into_tensor();
    let update = |metric: &mut dyn Metric, target: Tensor| message(metric.update(&scores, &target));
    let classes = || arr1(&[1, 2]).into_tensor();
    assert_eq!(
        update(&mut Precision::default(), classes()),
        "Precision: expected two classes for `Averaging::Binary`, got 3; choose another one by `average`, and \
         `multi_label(true)` if an example may have several labels"
    );
    assert_eq!(
        update(&mut MeanIou::default(), arr1(&[1, 3]).into_tensor()),
        "MeanIou: expected whole class numbers 0..3 (3 excluded), got 3"
    );
    assert_eq!(
        update(&mut MeanIou::default().target_class_ids([4]), classes()),
        "MeanIou: expected classes 0..3 (3 excluded) to choose from, got 4"
    );
    assert_eq!(
        update(&mut Auc::roc(), classes()),
        "Auc: expected one score and one answer an example, got predictions [2, 3] and targets [2]; give the scores of \
         class 1, or set `multi_label(true)` if each number is of a label that an example may have"
    );
    for metric in [&mut Matthews::default() as &mut dyn Metric, &mut CohenKappa::default(), &mut R2::default()] {
        assert!(metric.update(&scores, &arr1(&[0.0; 5]).into_tensor()).is_err());
    }
    let (a, b) = (arr1(&[0.5, Float::NAN]).into_tensor(), arr1(&[1.0, 0.0]).into_tensor());
    assert_eq!(message(Auc::roc().update(&a, &b)), "Auc: expected numbers as scores, got NaN among them");
    let doubled = message(Auc::roc().update(&b, &(&b * 2.0).into_shared()));
    assert!(doubled.starts_with("Auc: expected answers of 0 and 1 for one score an answer, got 2; give"), "{doubled}");
    assert!(Recall::default().update(&a, &b).is_err());
    assert!(message(FBeta::new(-1.0).update(&b, &b)).contains("expected a beta of at least 0, got -1"));
    assert!(Pearson::default().update(&scores, &classes()).is_err());
    let mut confusion = ConfusionMatrix::default();
    confusion.update(&scores, &classes()).unwrap();
    assert!(message(confusion.update(&b, &b)).contains("expected 3 classes as before"));
    assert_eq!(
        message(Bleu::default().add("a", &[])),
        "Bleu: expected at least one reference for each translation, got none"
    );
    let (flat, wide) = (arr2(&[[1.0], [2.0]]).into_tensor(), arr2(&[[1.0, 0.5], [2.0, 0.5]]).into_tensor());
    for (a, b, part) in [
        (&b, &flat, "expected features [count, features], got [2] as the first set"),
        (&flat, &wide, "expected as many features in both sets, got 1 and 2"),
        (
            &flat,
            &arr2(&[[1.0]]).into_tensor(),
            "at least two rows of at least one feature, got [1, 1] as the second set",
        ),
        (&arr2(&[[Float::NAN], [0.0]]).into_tensor(), &flat, "expected finite features, got NaN in the first set"),
    ] {
        assert!(message(frechet_distance(a, b)).contains(part), "{part}");
    }
    let weigh = |metric: &mut dyn Metric, weights: &[Float]| {
        message(metric.update_weighted(&b, &b, &arr1(weights).into_tensor()))
    };
    assert_eq!(
        weigh(&mut Accuracy::default(), &[1.0, -1.0]),
        "Accuracy: expected weights that are finite and not negative, got -1"
    );
    assert_eq!(
        weigh(&mut Recall::default(), &[1.0; 3]),
        "Recall: expected weights of the first axes of the predictions [2], for each example or step, got [3]"
    );
    assert_eq!(
        weigh(&mut Seen, &[1.0, 2.0]),
        "the metric `seen` cannot weigh its examples: implement `Metric::update_weighted` for it, or add it by `metric`"
    );
    assert!(Perplexity::default().update(&scores, &arr3(&[[[1.0]]]).into_tensor()).is_err());
}
