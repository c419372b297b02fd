//! Models with several inputs and outputs, penalties and constraints, at work in `fit`.

use gradus::constraints::{MaxNorm, NonNegative};
use gradus::layers::{ActivityRegularization, Concatenate};
use gradus::losses::Losses;
use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;

fn data(examples: usize) -> (Array2<Float>, Array2<Float>, Array1<u8>, Array1<Float>) {
    let wave = |i: usize, j: usize, by: Float| ((i * 7 + j * 3) as Float * by).sin();
    let left = Array2::from_shape_fn((examples, 3), |(i, j)| wave(i, j, 0.7));
    let right = Array2::from_shape_fn((examples, 2), |(i, j)| wave(i, j, 1.3));
    let class = Array1::from_shape_fn(examples, |i| u8::from(left[[i, 0]] > right[[i, 0]]));
    let size = Array1::from_shape_fn(examples, |i| left[[i, 1]] * right[[i, 1]]);
    (left, right, class, size)
}

fn graph() -> Graph {
    Graph::new(["left", "right"])
        .add("both", Concatenate::default(), ["left", "right"])
        .add("hidden", Dense::new(16).activation(Tanh), "both")
        .add("class", Dense::new(2).activation(Softmax), "hidden")
        .add("size", Dense::new(1), "hidden")
        .outputs(["class", "size"])
}

fn losses() -> Losses {
    // In another order than the outputs: names count.
    Losses::new().weighted_output("size", 0.5, MeanSquaredError).output("class", SparseCrossEntropy::default())
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn two_outputs_train_with_a_loss_weight_and_metrics_for_each() {
    let (left, right, class, size) = data(96);
    let run = |threads: usize| {
        let mut model = graph()
            .compile(Adam::new(0.02), losses())
            .metric_of("class", Accuracy::default())
            .metric_of("size", MeanAbsolute::default())
            .threads(threads);
        let history = model.fit(&((&left, &right), (&class, &size)), Fit::epochs(30).progress(false)).unwrap();
        (model, history)
    };
    let (mut model, history) = run(1);
    let logs = model.evaluate(&((&left, &right), (&class, &size))).unwrap();
    assert!(logs["class_accuracy"] > 0.95 && logs["size_mean_absolute_error"] < 0.15, "{logs:?}");
    assert!((logs["loss"] - logs["class_loss"] - 0.5 * logs["size_loss"]).abs() < 1e-6, "{logs:?}");
    assert!(history.last().unwrap()["loss"] < 0.3 * history.epochs()[0]["loss"]);
    let values = |model: &Trainer<Graph, Vec<Var>, Vec<Var>>| {
        let parameters = model.model.parameters().into_iter();
        parameters.map(|(path, param)| (path, param.value().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(values(&model), values(&run(3).0));
    let predicted = model.predict(&(&left, &right)).unwrap();
    assert_eq!((predicted[0].shape(), predicted[1].shape()), (&[96, 2][..], &[96, 1][..]));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.safetensors");
    model.save(&path).unwrap();
    let other = graph();
    other.load(&path).unwrap();
    let other = other.compile(Sgd::default(), losses());
    assert_eq!(other.predict(&vec![left.into_dyn(), right.into_dyn()]).unwrap(), predicted);
}

#[test]
fn the_summary_shows_what_is_connected() {
    let table = gradus::training::summary(&graph(), &[&[3], &[2]], 0).unwrap();
    assert_eq!(table.total(), 5 * 16 + 16 + 16 * 2 + 2 + 16 + 1);
    let text = table.to_string();
    for part in ["left (Input)", "both (Concatenate) │ (None, 5)", "Connected to", "│ left, right", "│ hidden"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn losses_and_metrics_must_name_the_outputs() {
    let (left, right, class, size) = data(8);
    let data = ((&left, &right), (&class, &size));
    let fit = || Fit::epochs(1).progress(false);
    let one = Losses::new().output("class", SparseCrossEntropy::default());
    assert_eq!(
        message(graph().compile(Sgd::default(), one).fit(&data, fit())),
        "expected a loss for each of the outputs [\"class\", \"size\"], got losses for [\"class\"]; give \
         `Losses::new().output(name, loss)` for each to `compile`"
    );
    let mut model = graph().compile(Sgd::default(), losses()).metric(Accuracy::default());
    assert_eq!(
        message(model.fit(&data, fit())),
        "the metric `accuracy` is of the output ``, expected one of [\"class\", \"size\"]; name it by `metric_of`"
    );
    let mut model = graph().compile(Sgd::default(), losses());
    assert_eq!(
        message(model.fit(&((&left, &right), &class), fit())),
        "expected as many outputs, targets and losses, got 2 outputs, 1 arrays of targets and 2 losses"
    );
    let wrong = Array1::from_elem(8, 7);
    let error = message(model.fit(&((&left, &right), (&wrong, &size)), fit()));
    assert!(error.starts_with("output `class`: SparseCrossEntropy: "), "{error}");
    assert_eq!(message(model.fit(&(&left, (&class, &size)), fit())), {
        "expected the inputs `left`, `right`, got 1 inputs"
    });
}

/// A model of one weight at 2, whose data alone would leave it there.
fn one_weight() -> Dense {
    let layer = Dense::new(1).use_bias(false);
    layer.kernel().set(ndarray::arr2(&[[2.0]])).unwrap();
    layer
}

#[test]
fn penalties_are_in_the_loss_and_the_step() {
    let (x, y) = (ndarray::arr2(&[[1.0], [1.0], [-1.0]]), ndarray::arr2(&[[2.0], [2.0], [-2.0]]));
    let step = |frozen: bool| {
        let model = one_weight();
        model.regularize("kernel", L2(0.25)).unwrap();
        model.regularize("kern*", L1(0.5)).unwrap();
        let kernel = model.kernel().clone();
        if frozen {
            model.freeze();
        }
        let mut model = model.compile(Sgd::new(0.1), MeanSquaredError);
        let loss = model.evaluate(&(&x, &y)).unwrap()["loss"];
        let fit = model.fit(&(&x, &y), Fit::epochs(1).progress(false));
        assert_eq!(fit.is_err(), frozen, "with nothing to train");
        (loss, kernel.value().unwrap()[[0, 0]])
    };
    // 0.25 · 2² + 0.5 · 2 = 2, whose derivative is 1 + 0.5.
    let (loss, weight) = step(false);
    assert!((loss - 2.0).abs() < 1e-6 && (weight - 1.85).abs() < 1e-6, "{loss} {weight}");
    let (loss, weight) = step(true);
    assert_eq!((loss, weight), (0.0, 2.0));

    let error = message(one_weight().regularize("bias", L1(0.1)));
    assert_eq!(error, "no parameter matches `bias`; the parameters are: kernel");
    let model = one_weight();
    model.regularize("kernel", L1(-1.0)).unwrap();
    let error = message(model.compile(Sgd::default(), MeanSquaredError).fit(&(&x, &y), Fit::epochs(1)));
    assert_eq!(error, "layer `kernel`: a regularizer: expected a factor of at least 0, got -1");
}

#[test]
fn penalties_on_activity_are_means_over_examples_and_train_in_parts() {
    let x = Array2::from_shape_fn((40, 1), |(i, _)| i as Float / 20.0 - 1.0);
    let run = |threads: usize| {
        let model = Sequential::new().add(one_weight()).add(ActivityRegularization::new(L2(0.5)));
        let mut model = model.compile(Sgd::new(0.1), MeanSquaredError).threads(threads);
        let loss = model.evaluate(&(&x, &(2.0 * &x))).unwrap()["loss"];
        model.fit(&(&x, &(2.0 * &x)), Fit::epochs(1).batch_size(40).progress(false)).unwrap();
        (loss, model.model.parameters()[0].1.value().unwrap()[[0, 0]])
    };
    let squares = x.mapv(|x| x * x).mean().unwrap();
    let (loss, weight) = run(1);
    assert!((loss - f64::from(0.5 * 4.0 * squares)).abs() < 1e-6, "{loss}");
    assert!((weight - (2.0 - 0.1 * 2.0 * squares)).abs() < 1e-6, "{weight}");
    assert_eq!(run(3), (loss, weight));
}

#[test]
fn a_thousand_residual_layers_train() {
    let (left, _, class, _) = data(8);
    let layers = (0..1000).map(|_| Residual::new(Dense::new(3).activation(Tanh).kernel_initializer(Zeros)));
    let model = layers.fold(Sequential::new(), Sequential::add).add(Dense::new(2).activation(Softmax));
    assert_eq!(model.names().nth(999), Some("residual_999"));
    let mut model = model.compile(Sgd::new(0.001), SparseCrossEntropy::default());
    let history = model.fit(&(&left, &class), Fit::epochs(2).progress(false)).unwrap();
    assert!(history.last().unwrap()["loss"] < history.epochs()[0]["loss"]);
}

#[test]
fn ten_thousand_steps_train() {
    let x = ndarray::Array3::from_shape_fn((2, 10_000, 2), |(i, t, j)| ((i * 5 + t * 3 + j) as Float).sin());
    let y = Array1::from(vec![0.3, -0.3]);
    let cell = |x: Sequential| x.add(Dense::new(1)).compile(Sgd::new(0.1), MeanSquaredError);
    for mut model in [cell(Sequential::new().add(Lstm::new(3))), cell(Sequential::new().add(Gru::new(3)))] {
        let history = model.fit(&(&x, &y), Fit::epochs(3).progress(false)).unwrap();
        assert!(history.last().unwrap()["loss"] < history.epochs()[0]["loss"]);
    }
}

#[test]
fn constraints_hold_after_each_step() {
    let (left, _, class, _) = data(64);
    let model = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(2).activation(Softmax));
    model.constrain("dense.kernel", MaxNorm::new(0.3)).unwrap();
    model.constrain("dense_1.*", NonNegative).unwrap();
    let mut model = model.compile(Adam::new(0.1), SparseCrossEntropy::default());
    model.fit(&(&left, &class), Fit::epochs(3).progress(false)).unwrap();
    let value = |i: usize| model.model.parameters()[i].1.value().unwrap();
    let lengths = value(0).mapv(|w| w * w).sum_axis(ndarray::Axis(0)).mapv(Float::sqrt);
    assert!(lengths.iter().all(|length| *length < 0.3001) && lengths.iter().any(|length| *length > 0.29));
    assert!(value(2).iter().chain(value(3).iter()).all(|w| *w >= 0.0));
}
