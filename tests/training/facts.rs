//! Facts about training, on small real runs: what callbacks keep, what stays as it was, and which bits come out.

use std::path::Path;

use gradus::data::Mnist;
use gradus::ndarray::{Array1, Array2, Array4, Axis};
use gradus::prelude::*;
use proptest::prelude::*;

/// A few hundred real digits for training and for testing.
fn digits(training: usize, testing: usize) -> (Mnist, Mnist) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist");
    let (train, test) = mnist::load(folder).unwrap();
    (train.take(training), test.take(testing))
}

/// A smooth function of four features, with noise that can only be learned by heart.
fn noisy(examples: usize) -> (Array2<Float>, Array2<Float>) {
    let x = Array2::from_shape_fn((examples, 4), |(i, j)| ((i * 7 + j * 3) as Float * 0.7).sin());
    let noise = |i: usize| ((i * i) as Float * 12.9898).sin();
    let y = Array2::from_shape_fn((examples, 1), |(i, _)| x[[i, 0]] * x[[i, 1]] + 0.5 * noise(i));
    (x, y)
}

fn regressor() -> Sequential {
    Sequential::new().add(Dense::new(32).activation(Tanh)).add(Dense::new(1))
}

type Bits = Vec<(String, Vec<u64>)>;

/// The bits of all parameters that have a value.
fn bits(model: &impl Layer) -> Bits {
    let bits = |param: &Param| param.value().into_iter().flatten().map(|x| f64::from(x).to_bits()).collect();
    model.parameters().iter().map(|(path, param)| (path.clone(), bits(param))).collect()
}

/// Keeps what callbacks see: the bits and the watched figure after each epoch.
#[derive(Default)]
struct Seen(Vec<(Bits, f64)>);

impl Callback for &mut Seen {
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let bits = |param: &Param| param.value().into_iter().flatten().map(|x| f64::from(x).to_bits()).collect();
        let all = run.parameters.iter().map(|(path, param)| (path.clone(), bits(param))).collect();
        self.0.push((all, run.logs["val_loss"]));
        Ok(())
    }
}

impl Seen {
    /// The epoch with the least figure.
    fn best(&self) -> &(Bits, f64) {
        self.0.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
    }
}

#[test]
fn early_stopping_and_checkpoint_keep_the_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.safetensors");
    let data = noisy(60);
    let mut seen = Seen::default();
    let mut model = regressor().compile(Adam::new(0.05), MeanSquaredError);
    let fit = Fit::epochs(500)
        .validation_split(0.3)
        .progress(false)
        .callback(&mut seen)
        .callback(Checkpoint::best("val_loss", &path))
        .callback(EarlyStopping::new("val_loss").patience(5));
    let history = model.fit(&data, fit).unwrap();

    assert!(history.len() < 500, "it stops");
    let figures = history.get("val_loss");
    let best = (0..figures.len()).min_by(|a, b| figures[*a].total_cmp(&figures[*b])).unwrap();
    assert_eq!(best, history.len() - 6, "five epochs without improvement pass");
    assert_ne!(seen.0.last().unwrap().0, seen.best().0);
    assert_eq!(bits(&model.model), seen.best().0);

    let kept = regressor();
    kept.load(&path).unwrap();
    assert_eq!(bits(&kept), seen.best().0);
}

#[test]
fn early_stopping_may_leave_the_last_weights() {
    let mut seen = Seen::default();
    let mut model = regressor().compile(Adam::new(0.05), MeanSquaredError);
    let early = EarlyStopping::new("val_loss").patience(5).restore_best_weights(false);
    let fit = Fit::epochs(500).validation_split(0.3).progress(false).callback(&mut seen).callback(early);
    model.fit(&noisy(60), fit).unwrap();
    assert_eq!(bits(&model.model), seen.0.last().unwrap().0);
}

#[test]
fn csv_log_and_history_have_the_same_figures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.csv");
    let data = noisy(40);
    let mut model = regressor().compile(Adam::default(), MeanSquaredError).metric(MeanAbsolute::default());
    let fit = Fit::epochs(3).validation_split(0.25).progress(false).callback(CsvLog::new(&path));
    let history = model.fit(&data, fit).unwrap();

    assert_eq!(history.names(), ["loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"]);
    assert_eq!(history.len(), 3);
    let mut expected = String::from("epoch,loss,mean_absolute_error,val_loss,val_mean_absolute_error\n");
    for (i, logs) in history.epochs().iter().enumerate() {
        let figures: Vec<String> = logs.iter().map(|(_, figure)| figure.to_string()).collect();
        expected += &format!("{},{}\n", i + 1, figures.join(","));
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
}

#[test]
fn validation_split_takes_the_last_part_and_does_not_train_on_it() {
    let (x, mut y) = noisy(40);
    y.slice_mut(ndarray::s![30.., ..]).fill(1000.0);
    let mut split = regressor().compile(Adam::default(), MeanSquaredError);
    let history = split.fit(&(&x, &y), Fit::epochs(2).validation_split(0.25).progress(false)).unwrap();
    assert!(history.last().unwrap()["val_loss"] > 900_000.0);
    assert!(history.last().unwrap()["loss"] < 10.0);

    let mut first = regressor().compile(Adam::default(), MeanSquaredError);
    let part = (x.slice(ndarray::s![..30, ..]), y.slice(ndarray::s![..30, ..]));
    first.fit(&part, Fit::epochs(2).progress(false)).unwrap();
    assert_eq!(bits(&split.model), bits(&first.model));
}

#[test]
fn evaluate_is_metrics_of_predict() {
    let (train, test) = digits(64, 300);
    let mut model = Sequential::new()
        .add(Conv2d::new(4, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten)
        .add(BatchNorm::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::new(0.01), SparseCrossEntropy::default())
        .metric(Accuracy::default());
    model.fit(&train, Fit::epochs(1).progress(false)).unwrap();

    let logs = model.evaluate(&test).unwrap();
    let prediction = model.predict(&test).unwrap();
    let labels = test.labels().into_tensor();
    let mut accuracy = Accuracy::default();
    accuracy.update(&prediction, &labels).unwrap();
    assert_eq!(logs["accuracy"], accuracy.result());
    let loss = SparseCrossEntropy::default().loss(&Tape::inference().input(&prediction), &labels).unwrap();
    approx::assert_relative_eq!(logs["loss"], f64::from(loss.item()), max_relative = 1e-4);
    // Neither changes anything.
    assert_eq!(model.evaluate(&test).unwrap(), logs);
    assert_eq!(model.predict(&test).unwrap(), prediction);
}

/// Trains a model and returns its bits.
fn trained(model: Sequential, data: &Mnist, seed: u64, threads: usize) -> Bits {
    let mut model = model.compile(Adam::default(), SparseCrossEntropy::default()).seed(seed).threads(threads);
    model.fit(data, Fit::epochs(2).batch_size(24).progress(false)).unwrap();
    bits(&model.model)
}

#[test]
fn same_seed_same_bits_for_any_number_of_threads() {
    let (train, _) = digits(100, 1);
    let convolution = || Sequential::new().add(Conv2d::new(8, 3).activation(Relu)).add(MaxPool2d::new(2)).add(Flatten);
    let head = || Dense::new(10).activation(Softmax);
    let models: [(&str, &dyn Fn() -> Sequential); 3] = [
        ("dense", &|| Sequential::new().add(Flatten).add(Dense::new(32).activation(Relu)).add(head())),
        ("dropout", &|| convolution().add(Dropout::new(0.5)).add(head())),
        ("batch normalisation", &|| convolution().add(BatchNorm::new()).add(Dropout::new(0.2)).add(head())),
    ];
    for (name, model) in models {
        let one = trained(model(), &train, 1, 1);
        assert_eq!(trained(model(), &train, 1, 1), one, "{name}, again");
        assert_eq!(trained(model(), &train, 1, 2), one, "{name}, 2 threads");
        assert_eq!(trained(model(), &train, 1, 3), one, "{name}, 3 threads");
        assert_ne!(trained(model(), &train, 2, 2), one, "{name}, another seed");
    }
}

/// Reads the numbers that pass through, which keeps the trainer from running a batch in parts.
struct Whole;

impl Layer for Whole {
    fn forward(&self, x: &Var) -> Result<Var> {
        x.value();
        Ok(x.clone())
    }
}

#[test]
fn a_batch_in_parts_and_the_whole_batch_agree_to_rounding() {
    let (train, _) = digits(64, 1);
    let model = || {
        Sequential::new()
            .add(Conv2d::new(8, 3).activation(Relu))
            .add(MaxPool2d::new(2))
            .add(Flatten)
            .add(Dense::new(10).activation(Softmax))
    };
    // Plain gradient descent, since Adam blows rounding up where a gradient is all but 0.
    let weights = |model: Sequential| {
        let mut model = model.compile(Sgd::new(0.1), SparseCrossEntropy::default());
        model.fit(&train, Fit::epochs(1).batch_size(32).progress(false)).unwrap();
        model.model.parameters().into_iter().map(|(_, param)| param.value().unwrap()).collect::<Vec<_>>()
    };
    let (parts, whole) = (weights(model()), weights(model().add(Whole)));
    assert_ne!(parts, whole, "this test compares two ways of running");
    for (parts, whole) in parts.iter().zip(&whole) {
        for (a, b) in parts.iter().zip(whole) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 2e-6);
        }
    }
}

/// Subtracts the mean of the batch: it looks across examples.
struct Center;

impl Layer for Center {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(x - x.mean_axes_keep(&[0])?)
    }
}

#[test]
fn a_layer_that_looks_across_the_batch_gets_the_whole_batch() {
    let (x, y) = noisy(32);
    let model = || Sequential::new().add(Dense::new(8).activation(Tanh)).add(Center).add(Dense::new(1));

    let mut fitted = model().compile(Sgd::new(0.5), MeanSquaredError).seed(3);
    fitted.fit(&(&x, &y), Fit::epochs(1).batch_size(32).shuffle(false).progress(false)).unwrap();

    let by_hand = model();
    by_hand.forward(&Tape::inference().seed(3).input(&x)).unwrap();
    let tape = Tape::training();
    let loss = MeanSquaredError.loss(&by_hand.forward(&tape.input(&x)).unwrap(), &y.into_tensor()).unwrap();
    let gradients = loss.backward().unwrap();
    for ((path, fitted), (_, param)) in fitted.model.parameters().iter().zip(by_hand.parameters()) {
        let expected = param.value().unwrap() - gradients.get(&param).unwrap() * 0.5;
        for (a, b) in fitted.value().unwrap().iter().zip(&expected) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-6);
        }
        assert!(gradients.get(&param).unwrap().iter().any(|g| *g != 0.0), "{path}");
    }
}

#[test]
fn frozen_parameters_keep_their_bits() {
    let (train, _) = digits(64, 1);
    let mut model = Sequential::new()
        .add_named("body", Sequential::new().add(Conv2d::new(4, 3)).add(BatchNorm::new()).add(Relu).add(Flatten))
        .add_named("head", Dense::new(10).activation(Softmax))
        .compile(Adam::new(0.01), SparseCrossEntropy::default());
    model.fit(&train, Fit::epochs(1).progress(false)).unwrap();
    let before = bits(&model.model);
    model.model.freeze_matching("body.*").unwrap();
    model.fit(&train, Fit::epochs(1).progress(false)).unwrap();
    for ((path, before), (_, after)) in before.iter().zip(&bits(&model.model)) {
        assert_eq!(path.starts_with("body."), before == after, "{path}");
    }
    model.model.unfreeze_matching("body.*").unwrap();
    model.fit(&train, Fit::epochs(1).progress(false)).unwrap();
    assert!(before.iter().zip(&bits(&model.model)).all(|(before, after)| before != after));
}

#[test]
fn learns_real_digits() {
    let (train, test) = digits(600, 300);
    let mut model = Sequential::new()
        .add(Conv2d::new(8, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(16, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten)
        .add(Dense::new(32).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::new(3e-3), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .seed(1);
    let history = model.fit(&train, Fit::epochs(8).batch_size(20).progress(false)).unwrap();
    let (first, last) = (&history.epochs()[0], history.last().unwrap());
    assert!(first["loss"] > 1.0 && last["loss"] < 0.12 && last["accuracy"] > 0.96, "{last:?}");
    let scores = model.evaluate(&test).unwrap();
    assert!(scores["loss"] < 0.55 && scores["accuracy"] > 0.86, "{scores:?}");
}

/// Resident memory in megabytes, where the system tells.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}

/// Notes the memory after some batches.
#[derive(Default)]
struct Memory(Vec<f64>);

impl Callback for &mut Memory {
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if run.batch.is_multiple_of(200) {
            self.0.extend(resident());
        }
        Ok(())
    }
}

#[test]
fn memory_is_flat_over_2000_steps() {
    if !crate::alone("facts::memory_is_flat_over_2000_steps") {
        return;
    }
    let x = Array4::from_shape_fn((16_000, 10, 10, 1), |(i, r, c, _)| ((i * 31 + r * 7 + c) as Float).sin());
    let y = Array1::from_shape_fn(16_000, |i| i % 10);
    let mut model = Sequential::new()
        .add(Conv2d::new(16, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten)
        .add(BatchNorm::new())
        .add(Dropout::new(0.2))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .metric(Accuracy::default());
    let mut memory = Memory::default();
    model.fit(&(&x, &y), Fit::epochs(1).batch_size(8).progress(false).callback(&mut memory)).unwrap();
    if let [first, .., last] = memory.0[..] {
        println!("resident MB every 200 steps: {:?}", memory.0);
        assert_eq!(memory.0.len(), 10);
        assert!(last - first < 4.0, "{:?}", memory.0);
    }
}

#[test]
fn memory_does_not_grow_with_lengths_that_change() {
    if !crate::alone("facts::memory_does_not_grow_with_lengths_that_change") {
        return;
    }
    let Some(before) = resident() else { return };
    let model = Sequential::new().add(Lstm::new(64)).add(Dense::new(1)).compile(Sgd::default(), MeanSquaredError);
    let serve = |thread: usize| {
        for call in 0..20 {
            let time = 100 + (call * 61 + thread * 17) % 500;
            model.predict(&gradus::ndarray::Array3::<Float>::ones((1, time, 32))).unwrap();
        }
    };
    let serve = &serve;
    let (done, go) = (std::sync::Barrier::new(9), std::sync::Barrier::new(9));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (done, go) = (&done, &go);
            scope.spawn(move || {
                serve(thread);
                done.wait();
                go.wait();
            });
        }
        done.wait();
        let served = resident().unwrap();
        println!("resident MB before {before}, after {served}");
        assert!(served - before < 60.0, "from {before} to {served} MB");
        go.wait();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the sizes: every example is trained on once an epoch, and the loss is their mean.
    #[test]
    fn the_loss_is_the_mean_over_all_examples(examples in 1_usize..70, batch in 1_usize..80, threads in 1_usize..4) {
        let (x, y) = noisy(examples);
        let mut model = regressor().compile(Sgd::new(0.0), MeanSquaredError).threads(threads);
        let history = model.fit(&(&x, &y), Fit::epochs(1).batch_size(batch).progress(false)).unwrap();
        let prediction = model.predict(&x).unwrap();
        let squares = (&prediction - &y).mapv(|d| f64::from(d * d));
        let mean = squares.sum_axis(Axis(0))[[0]] / examples as f64;
        prop_assert!((history.last().unwrap()["loss"] - mean).abs() < 1e-5);
        prop_assert!((model.evaluate(&(&x, &y)).unwrap()["loss"] - mean).abs() < 1e-5);
    }
}
