//! Metrics in a trainer: their names, what stands for class 1, and what class weights do to them.

use gradus::callbacks::StopOnNan;
use gradus::losses::{BinaryFocalCrossEntropy, Hinge, Losses, SquaredHinge};
use gradus::metrics::{Averaging, MeanIou};
use gradus::prelude::*;
use ndarray::{Array2, arr1, arr2};

fn message<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

fn quiet() -> Fit<'static> {
    Fit::epochs(1).progress(false)
}

/// A dense layer whose kernel is the identity.
fn same(classes: usize) -> Dense {
    let dense = Dense::new(classes).use_bias(false);
    dense.kernel().set(Array2::<Float>::eye(classes)).unwrap();
    dense
}

#[test]
fn no_figure_takes_the_place_of_another() {
    let x = arr2(&[[3.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 0.0]]);
    let data = (&x, &arr1(&[0, 1, 1, 0]), &arr1(&[1.0, 1.0, 5.0, 1.0]));
    let mut model = same(2)
        .compile(Sgd::new(0.0), SparseCrossEntropy::from_logits())
        .weighted_metric(Accuracy::default())
        .metric(Accuracy::default())
        .metric(MeanIou::default().target_class_ids([0]))
        .metric(MeanIou::default().target_class_ids([1]))
        .metric(MeanIou::default().target_class_ids([0]).named("iou_of_none"))
        .weighted_metric(Accuracy::default());
    let logs = model.evaluate(&data).unwrap();
    let names: Vec<&str> = logs.iter().map(|(name, _)| name).collect();
    let expected = ["loss", "weighted_accuracy", "accuracy", "iou", "iou_1", "iou_of_none", "weighted_accuracy_1"];
    assert_eq!(names, expected);
    assert_eq!((logs["accuracy"], logs["weighted_accuracy"], logs["weighted_accuracy_1"]), (0.75, 0.375, 0.375));
    assert_eq!((logs["iou"], logs["iou_1"], logs["iou_of_none"]), (2.0 / 3.0, 0.5, 2.0 / 3.0));
    let history = model.fit(&data, quiet().validation(&data)).unwrap();
    assert_eq!(history.last().unwrap()["val_iou_1"], 0.5);
    // A name of somebody's own may stand where a number would lead.
    let mut model = same(2)
        .compile(Sgd::new(0.0), SparseCrossEntropy::from_logits())
        .metric(Accuracy::default().named("accuracy_1"))
        .metric(Accuracy::default())
        .metric(Accuracy::default());
    let logs = model.evaluate(&data).unwrap();
    let names: Vec<&str> = logs.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["loss", "accuracy_1", "accuracy", "accuracy_2"]);
}

#[test]
fn names_that_others_need_are_refused() {
    let data = (&arr2(&[[3.0, 0.0]]), &arr1(&[0]));
    let of = |name: &str| {
        let model = same(2).compile(Sgd::new(0.0), SparseCrossEntropy::from_logits());
        message(model.metric(Accuracy::default().named(name)).evaluate(&data))
    };
    assert_eq!(
        of("loss"),
        "a metric has the name of the loss `loss`, of which it would take the place; give it another one by `Metric::named`"
    );
    assert_eq!(
        of("val_accuracy"),
        "a metric would be reported as `val_accuracy`, and names that begin with `val_` are those of validation; name the \
         metric or its output otherwise"
    );
    struct Two(Dense);
    impl Layer<Var, (Var, Var)> for Two {
        fn forward(&self, x: &Var) -> Result<(Var, Var)> {
            let y = self.0.forward(x)?;
            Ok((y.clone(), y))
        }
        fn params<'a>(&'a self, list: &mut ParamList<'a>) {
            self.0.params(list);
        }
    }
    let outputs = |a: &str, b: &str| {
        let loss = SparseCrossEntropy::from_logits;
        let mut model = Two(same(2)).compile(Sgd::new(0.0), Losses::new().output(a, loss()).output(b, loss()));
        let y = arr1(&[0]);
        message(model.evaluate(&(&arr2(&[[3.0, 0.0]]), (&y, &y))))
    };
    assert!(outputs("a", "a").starts_with("two losses would be reported as `a_loss`"), "{}", outputs("a", "a"));
    assert!(outputs("a", "val").starts_with("a loss would be reported as `val_loss`"), "{}", outputs("a", "val"));
    // In a loop of one's own, too.
    let mut run = Loop::new(1, 1).metric(Accuracy::default());
    assert!(run.next_epoch().unwrap());
    let twice = "Loop: two figures have the name `accuracy`; name one otherwise, a metric by `Metric::named`";
    assert_eq!(message(run.end_batch(1, &[("loss", 0.0), ("accuracy", 1.0)])), twice);
    assert!(message(run.end_batch(1, &[("loss", 0.0), ("loss", 1.0)])).starts_with("Loop: two figures"));
}

#[test]
fn names_of_what_logs_say_beside_the_figures_are_refused() {
    let data = (&arr2(&[[3.0, 0.0]]), &arr1(&[0]));
    for name in ["epoch", "seconds"] {
        let text = |what: &str| {
            format!(
                "a {what} would be reported as `{name}`, which logs say of each epoch beside the figures; name the {what} otherwise"
            )
        };
        let model = same(2).compile(Sgd::new(0.0), SparseCrossEntropy::from_logits());
        assert_eq!(message(model.metric(Accuracy::default().named(name)).evaluate(&data)), text("metric"));
        let mut run = Loop::new(1, 1);
        assert!(run.next_epoch().unwrap());
        assert_eq!(message(run.end_batch(1, &[("loss", 0.0), (name, 1.0)])), text("figure"));
        run.log(name, 1.0);
        assert_eq!(message(run.next_epoch()), text("figure"));
    }
}

#[test]
fn a_figure_that_is_logged_takes_no_other_ones_place() {
    for name in ["loss", "accuracy", "val_loss"] {
        let mut run = Loop::new(1, 1).metric(Accuracy::default());
        assert!(run.next_epoch().unwrap());
        run.end_batch(1, &[("loss", 2.0)]).unwrap();
        run.log(name, 1.0);
        let ended = run.next_epoch();
        if name == "val_loss" {
            assert!(!ended.unwrap());
            continue;
        }
        let text = format!("Loop: two figures have the name `{name}`; name one otherwise, a metric by `Metric::named`");
        assert_eq!(message(ended), text);
    }
}

#[test]
fn the_loss_says_where_class_1_begins() {
    // Logits of 0.2 and 0.4 are probabilities above one half.
    let x = arr2(&[[0.2], [0.4], [-0.3], [0.7]]);
    let data = (&x, &arr1(&[1, 1, 0, 0]));
    let figures = |loss: Losses| {
        let mut model = same(1)
            .compile(Sgd::new(0.0), loss)
            .metric(Accuracy::default())
            .metric(Recall::default())
            .metric(Accuracy::default().threshold(0.5).named("at_half"));
        let logs = model.evaluate(&data).unwrap();
        (logs["accuracy"], logs["recall"], logs["at_half"])
    };
    assert_eq!(figures(BinaryCrossEntropy::from_logits().into()), (0.75, 1.0, 0.25));
    assert_eq!(figures(BinaryFocalCrossEntropy::from_logits().into()), (0.75, 1.0, 0.25));
    assert_eq!(figures(Hinge.into()), (0.75, 1.0, 0.25));
    // A loss that says nothing is taken for one on probabilities.
    assert_eq!(figures(MeanSquaredError.into()), (0.25, 0.0, 0.25));
    // Targets of -1 are class 0 to the hinge, and mixed ones the nearer class to the cross-entropy.
    let mut model = same(1).compile(Sgd::new(0.0), SquaredHinge).metric(Accuracy::default());
    assert_eq!(model.evaluate(&(&x, &arr1(&[1.0, 1.0, -1.0, -1.0]))).unwrap()["accuracy"], 0.75);
    let mut model = same(1).compile(Sgd::new(0.0), BinaryCrossEntropy::from_logits()).metric(Accuracy::default());
    assert_eq!(model.evaluate(&(&x, &arr1(&[0.9, 0.7, 0.2, 0.4]))).unwrap()["accuracy"], 0.75);
    // Three labels at once.
    let x = arr2(&[[0.2, -0.1, 0.3], [-2.0, 1.0, 0.1]]);
    let labels = arr2(&[[1, 0, 1], [0, 1, 1]]);
    let f1 = FBeta::default().average(Averaging::Macro);
    let mut model = same(3)
        .compile(Sgd::new(0.0), BinaryCrossEntropy::from_logits())
        .metric(Accuracy::default().multi_label(true))
        .metric(f1.multi_label(true));
    let logs = model.evaluate(&(&x, &labels)).unwrap();
    assert_eq!((logs["accuracy"], logs["macro_f1"]), (1.0, 1.0));
}

#[test]
fn accuracy_beside_a_regression_is_an_error() {
    let (x, y) = (arr2(&[[0.2], [0.4]]), arr1(&[2.5, 7.0]));
    let mut model = same(1).compile(Sgd::new(0.1), MeanSquaredError).metric(Accuracy::default());
    assert!(message(model.fit(&(&x, &y), quiet())).starts_with("Accuracy: expected answers of 0 and 1"));
    let (x, y) = (arr2(&[[0.2, 1.0], [0.4, 2.0]]), arr2(&[[2.5, 7.0], [1.0, 2.0]]));
    let mut model = same(2).compile(Sgd::new(0.1), MeanSquaredError).metric(Accuracy::default());
    assert!(message(model.evaluate(&(&x, &y))).starts_with("Accuracy: expected one-hot rows as targets"));
}

#[test]
fn a_loss_that_is_nan_is_told_before_the_metrics() {
    let data = (&arr2(&[[Float::NAN, 0.0]]), &arr1(&[0]));
    let model = || same(2).compile(Sgd::new(0.1), SparseCrossEntropy::from_logits()).metric(Recall::default());
    assert!(matches!(model().fit(&data, quiet()), Err(Error::NotFinite { .. })));
    assert!(model().fit(&data, quiet().callback(StopOnNan)).is_ok());
}

#[test]
fn the_batch_of_an_evaluation_can_be_set() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    /// Remembers the longest batch that it has seen, and looks across the batch.
    struct Longest(AtomicUsize);
    impl Layer for Longest {
        fn forward(&self, x: &Var) -> Result<Var> {
            self.0.fetch_max(x.shape()[0], Ordering::Relaxed);
            Ok(x - &x.mean_axes(&[0])?.insert_axis(0)?)
        }
    }
    let (x, y) = (Array2::<Float>::ones((300, 1)), Array2::<Float>::zeros((300, 1)));
    let longest = |size: Option<usize>, use_model: fn(&mut Trainer<Longest>, &Array2<Float>, &Array2<Float>)| {
        let model = Longest(AtomicUsize::new(0)).compile(Sgd::default(), MeanSquaredError);
        let mut model = match size {
            Some(size) => model.evaluation_batch_size(size),
            None => model,
        };
        use_model(&mut model, &x, &y);
        model.model.0.load(Ordering::Relaxed)
    };
    let evaluate = |size| longest(size, |model, x, y| drop(model.evaluate(&(x, y)).unwrap()));
    let predict = |size| longest(size, |model, x, _| drop(model.predict(x).unwrap()));
    assert_eq!((evaluate(None), evaluate(Some(16)), evaluate(Some(1000))), (256, 16, 300));
    assert_eq!((predict(None), predict(Some(5)), predict(Some(1000))), (256, 5, 300));
    let mut model = same(1).compile(Sgd::default(), MeanSquaredError).evaluation_batch_size(0);
    let text = "expected an evaluation batch size of at least 1, got 0; 256 is usual";
    assert_eq!((message(model.evaluate(&(&x, &y))), message(model.predict(&x))), (text.into(), text.into()));
    assert_eq!(message(model.fit(&(&x, &y), quiet())), text);
}

#[test]
fn several_labels_are_not_one_class_to_balance_or_split_by() {
    let x = Array2::<Float>::ones((3, 1));
    let labels = arr2(&[[1, 0, 0], [0, 1, 1], [0, 0, 1]]);
    let data = || (&x, &labels);
    let expected = "expected one class an example, as a number or a one-hot row, got targets [3, 3], and [0.0, 1.0, 1.0] \
                    among them; examples of several labels, and sequences of them, have no one class: choose numbers to \
                    balance or split by, and give them to `data::stratified_split`, `data::oversample` and the like";
    assert_eq!(message(data().classes()), expected);
    assert_eq!(message(data().oversample(1)), expected);
    assert_eq!(message(data().undersample(1)), expected);
    assert_eq!(message(data().stratified_split(0.5, 1)), expected);
    assert_eq!(message(data().stratified_k_fold(2, 1)), expected);
    // Nor is a sequence of tags, or a mask of pixels.
    assert!((&x, &arr2(&[[1, 2], [0, 2], [1, 1]])).classes().is_err());
    assert!((&x, &ndarray::Array3::<Float>::from_shape_fn((3, 2, 2), |(_, i, j)| (i * j) as Float)).classes().is_err());
    let shares = arr2(&[[0.8, 0.1, 0.1], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]]);
    assert_eq!((&x, &shares).classes().unwrap(), [0, 1, 2]);
}
