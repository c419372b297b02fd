//! What the loss leaves out, metrics and averages leave out.

use gradus::losses::Losses;
use gradus::metrics::{Averaging, Matthews, MeanIou, MeanLoss, Perplexity};
use gradus::prelude::*;
use ndarray::{Array1, Array2, arr1, arr2, arr3};

fn quiet() -> Fit<'static> {
    Fit::epochs(1).batch_size(2).shuffle(false).progress(false)
}

/// Gives its input as scores: a dense layer whose kernel is the identity.
fn same(classes: usize) -> Dense {
    let dense = Dense::new(classes).use_bias(false);
    dense.kernel().set(Array2::<Float>::eye(classes)).unwrap();
    dense
}

#[test]
fn padding_is_in_no_metric() {
    let dense = Dense::new(1);
    dense.kernel().set(arr2(&[[1.0]])).unwrap();
    dense.bias().unwrap().set(arr1(&[5.0])).unwrap();
    let x = arr2(&[[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]).insert_axis(ndarray::Axis(2));
    let y = &x * 6.0;
    let mut model = Sequential::new()
        .add(Masking::new(0.0))
        .add(dense)
        .compile(Sgd::new(0.0), MeanSquaredError)
        .metric(MeanSquared::default())
        .metric(MeanAbsolute::default())
        .metric(R2::default())
        .weighted_metric(RootMeanSquared::default())
        .metric(MeanLoss::new("huber", Huber::default()));
    let names = ["loss", "mean_squared_error", "mean_absolute_error", "root_mean_squared_error", "huber"];
    let weights = arr1(&[1.0, 3.0]);
    for logs in [
        model.evaluate(&(&x, &y)).unwrap(),
        model.fit(&(&x, &y), quiet()).unwrap().last().unwrap().clone(),
        model.evaluate(&(&x, &y, &weights)).unwrap(),
    ] {
        assert_eq!(names.map(|name| logs[name]), [0.0; 5]);
    }
    // One real step of three is off by 2, where examples weigh 1 and 3.
    let mut y = y;
    y[[1, 0, 0]] = 8.0;
    let logs = model.evaluate(&(&x, &y, &weights)).unwrap();
    assert_eq!((logs["mean_absolute_error"] * 3.0, logs["root_mean_squared_error"]), (2.0, 2.4_f64.sqrt()));
    assert_eq!(logs["loss"], 4.0);
}

#[test]
fn a_tagger_is_measured_on_real_steps() {
    let embedding = Embedding::new(4, 3).mask_zero(true);
    // Token 1 says tag 0 with 1/2, token 2 says tag 1 with 1/4.
    let scores: [[Float; 3]; 4] = [[0.05, 0.9, 0.05], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]];
    embedding.embeddings().set(arr2(&scores).mapv(Float::ln)).unwrap();
    let mut model = Sequential::new()
        .add(embedding)
        .add(same(3).activation(Softmax))
        .compile(Sgd::new(0.0), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .metric(Perplexity::default());
    let (x, y) = (arr2(&[[1, 2, 0, 0], [1, 0, 0, 0]]), arr2(&[[0, 1, 0, 0], [0, 0, 0, 0]]));
    let trained = model.fit(&(&x, &y), quiet()).unwrap().last().unwrap().clone();
    for logs in [model.evaluate(&(&x, &y)).unwrap(), trained] {
        assert_eq!(logs["accuracy"], 2.0 / 3.0);
        let nats = (2.0 * 2.0_f64.ln() + 4.0_f64.ln()) / 3.0;
        assert!((logs["perplexity"] - nats.exp()).abs() < 1e-6, "{}", logs["perplexity"]);
        assert!((logs["loss"] - nats).abs() < 1e-6);
    }
}

#[test]
fn ignored_labels_are_in_no_metric() {
    let x = arr2(&[[2.0, 0.0, 1.0], [0.0, 2.0, 1.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0]]);
    let y = arr1(&[0, 2, -1, -1]);
    let loss = || SparseCrossEntropy::from_logits().ignore_class(-1);
    // A closure around a loss knows what it leaves out, too.
    let closure = |y: &Var, t: &Tensor| SparseCrossEntropy::from_logits().ignore_class(-1).loss(y, t);
    let sum = |y: &Var, t: &Tensor| Ok(SparseCrossEntropy::from_logits().ignore_class(-1).each(y, t)?.sum());
    let models = [
        same(3).compile(Sgd::new(0.0), loss()),
        same(3).compile(Sgd::new(0.0), closure),
        same(3).compile(Sgd::new(0.0), sum),
    ];
    for model in models {
        let mut model = model
            .metric(Accuracy::default())
            .metric(TopKAccuracy::new(2))
            .metric(Recall::default().average(Averaging::Micro))
            .weighted_metric(MeanIou::default());
        let weights = arr1(&[3.0, 1.0, 7.0, 7.0]);
        let logs = model.evaluate(&(&x, &y)).unwrap();
        assert_eq!((logs["accuracy"], logs["top_2_accuracy"], logs["micro_recall"]), (0.5, 1.0, 0.5));
        let logs = model.fit(&(&x, &y), quiet()).unwrap().last().unwrap().clone();
        assert_eq!((logs["accuracy"], logs["mean_iou"]), (0.5, 1.0 / 3.0));
        let weighted = same(3).compile(Sgd::new(0.0), loss()).weighted_metric(Accuracy::default());
        let mut weighted = weighted.metric(Matthews::default());
        assert_eq!(weighted.evaluate(&(&x, &y, &weights)).unwrap()["accuracy"], 0.75);
    }
}

#[test]
fn a_metric_of_ones_own_sees_what_counts() {
    struct Count(usize);
    impl Metric for Count {
        fn name(&self) -> String {
            "count".into()
        }
        fn reset(&mut self) {
            self.0 = 0;
        }
        fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
            assert_eq!(prediction.shape()[..prediction.ndim() - 1], *target.shape());
            self.0 += target.len();
            Ok(())
        }
        fn result(&self) -> f64 {
            self.0 as f64
        }
    }
    let x = arr3(&[[[1.0], [1.0]], [[1.0], [0.0]]]);
    let mut model = Sequential::new()
        .add(Masking::new(0.0))
        .add(Dense::new(2))
        .compile(Sgd::default(), SparseCrossEntropy::from_logits())
        .metric(Count(0));
    assert_eq!(model.evaluate(&(&x, &arr2(&[[0, 0], [1, 1]]))).unwrap()["count"], 3.0);
    assert_eq!(model.fit(&(&x, &arr2(&[[0, 0], [1, 1]])), quiet()).unwrap().last().unwrap()["count"], 3.0);
}

/// Logits of two classes, whose cross-entropy with class 0 is `loss`.
fn logits(losses: &[Float]) -> Array2<Float> {
    let rows = losses.iter().flat_map(|loss| [0.0, (loss.exp() - 1.0).ln()]).collect();
    Array2::from_shape_vec((losses.len(), 2), rows).unwrap()
}

#[test]
fn the_loss_of_an_evaluation_is_the_mean_over_what_counts() {
    let x = logits(&Array1::from_shape_fn(512, |i| if i == 0 { 0.5 } else { 2.0 }).to_vec());
    let y = Array1::from_shape_fn(512, |i| if (1..256).contains(&i) { -1.0 } else { 0.0 });
    let model = || same(2).compile(Sgd::new(0.0), SparseCrossEntropy::from_logits().ignore_class(-1));
    let expected = (0.5 + 256.0 * 2.0) / 257.0;
    let loss = model().evaluate(&(&x, &y)).unwrap()["loss"];
    assert!((loss - expected).abs() < 1e-6, "{loss}");
    // The order of the examples does not matter, and what an epoch reports is of the same kind.
    let (reversed, labels) = (x.slice(ndarray::s![..;-1, ..]), y.slice(ndarray::s![..;-1]));
    assert!((model().evaluate(&(&reversed, &labels)).unwrap()["loss"] - expected).abs() < 1e-6);
    let fit = Fit::epochs(1).batch_size(100).shuffle(false).progress(false);
    let history = model().fit(&(&x, &y), fit.validation(&(&x, &y))).unwrap();
    let logs = history.last().unwrap();
    assert!((logs["loss"] - expected).abs() < 1e-6 && (logs["val_loss"] - expected).abs() < 1e-6, "{logs:?}");
}

#[test]
fn outputs_are_averaged_over_what_counts_in_each() {
    let x = logits(&[1.0, 2.0, 4.0]);
    /// The same output twice.
    struct Twice(Dense);
    impl Layer<Var, (Var, Var)> for Twice {
        fn forward(&self, x: &Var) -> Result<(Var, Var)> {
            let y = self.0.forward(x)?;
            Ok((y.clone(), y))
        }
        fn params<'a>(&'a self, list: &mut ParamList<'a>) {
            self.0.params(list);
        }
    }
    let losses = Losses::new().output("a", SparseCrossEntropy::from_logits().ignore_class(-1)).weighted_output(
        "b",
        0.5,
        SparseCrossEntropy::from_logits(),
    );
    let mut model = Twice(same(2)).compile(Sgd::new(0.0), losses).metric_of("a", Accuracy::default());
    let (a, b) = (arr1(&[-1, -1, 0]), arr1(&[0, 0, 0]));
    let targets = (&a, &b);
    let fit = Fit::epochs(1).batch_size(2).shuffle(false).progress(false);
    let trained = model.fit(&(&x, targets), fit).unwrap().last().unwrap().clone();
    for logs in [model.evaluate(&(&x, targets)).unwrap(), trained] {
        assert!((logs["a_loss"] - 4.0).abs() < 1e-6 && (logs["b_loss"] - 7.0 / 3.0).abs() < 1e-6, "{logs:?}");
        assert!((logs["loss"] - 4.0 - 7.0 / 6.0).abs() < 1e-6);
        assert_eq!(logs["a_accuracy"], 0.0);
    }
}

#[test]
fn a_batch_that_counts_nothing_changes_nothing() {
    let (x, all) = (logits(&[1.0, 2.0, 3.0]), arr1(&[0, 0, -1]));
    let model = || same(2).compile(Sgd::new(0.5), SparseCrossEntropy::from_logits().ignore_class(-1));
    let fit = || Fit::epochs(2).batch_size(2).shuffle(false).progress(false);
    let (mut whole, mut part) = (model(), model());
    let history = whole.fit(&(&x, &all), fit()).unwrap();
    let first = (x.slice(ndarray::s![..2, ..]), arr1(&[0, 0]));
    assert_eq!(history.get("loss"), part.fit(&first, fit()).unwrap().get("loss"));
    assert_eq!(whole.model.kernel().value(), part.model.kernel().value());
    // 257 examples, of which the last one, alone in its batch, is ignored.
    let x = logits(&[2.0; 257]);
    let y = Array1::from_shape_fn(257, |i| if i == 256 { -1.0 } else { 0.0 });
    assert!((model().evaluate(&(&x, &y)).unwrap()["loss"] - 2.0).abs() < 1e-6);
}

/// Keras gives 0.75 too: a step behind a convolution is made of its neighbours, so that its padding is not that of the input.
#[test]
fn convolutions_drop_the_mask() {
    use gradus::layers::{ConvTranspose1d, DepthwiseConv1d};
    let x = ndarray::Array3::from_shape_fn((1, 4, 1), |(_, step, _)| [1.0, 2.0, 0.0, 0.0][step]);
    let layers: [Box<dyn Layer>; 4] = [
        Box::new(Conv1d::new(1, 1).kernel_initializer(Ones)),
        Box::new(Conv1d::new(1, 1).kernel_initializer(Ones).activation(Relu)),
        Box::new(DepthwiseConv1d::new(1).depthwise_initializer(Ones)),
        Box::new(ConvTranspose1d::new(1, 1).kernel_initializer(Ones)),
    ];
    for layer in layers {
        let model = Sequential::new().add(gradus::layers::Masking::new(0.0)).add(layer).add(GlobalAvgPool1d);
        assert_eq!(model.predict(&x).unwrap(), ndarray::arr2(&[[0.75]]).into_dyn(), "{model:?}");
    }
}
