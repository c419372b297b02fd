//! Facts about tuning: what is frozen stays as it was and computes as in inference, adapters, gradual unfreezing, teachers.

mod adapters;
mod rates;

use gradus::layers::{AlphaDropout, Distilled, GaussianDropout, GaussianNoise, SpatialDropout1d};
use gradus::losses::{Distillation, Losses};
use gradus::ndarray::{Array1, Array2, Array3};
use gradus::prelude::*;
use gradus::saving::Weights;
use gradus::training::summary;

type Bits = Vec<(String, Vec<u64>)>;

fn numbers(tensor: &Tensor) -> Vec<u64> {
    tensor.iter().map(|x| f64::from(*x).to_bits()).collect()
}

/// The bits of all parameters that have a value.
fn bits(model: &(impl Layer + ?Sized)) -> Bits {
    let bits = |param: &Param| param.value().map(|value| numbers(&value)).unwrap_or_default();
    model.parameters().iter().map(|(path, param)| (path.clone(), bits(param))).collect()
}

/// Sequences of 6 steps of 4 features, and 3 classes.
fn sequences(examples: usize) -> (Array3<Float>, Array1<Float>) {
    let x = Array3::from_shape_fn((examples, 6, 4), |(i, j, k)| ((i * 29 + j * 5 + k * 3) as Float * 0.7).sin());
    (x, Array1::from_shape_fn(examples, |i| (i * i % 3) as Float))
}

/// Everything that behaves differently in training, and a head.
fn noisy_model() -> Sequential {
    let body = Sequential::new()
        .add(GaussianNoise::new(0.3))
        .add(Conv1d::new(8, 3).padding(Padding::Same))
        .add(BatchNorm::new())
        .add(SpatialDropout1d::new(0.3))
        .add(TransformerEncoder::new(8, 2, 8).dropout(0.3))
        .add(AlphaDropout::new(0.2))
        .add(GaussianDropout::new(0.2))
        .add(Lstm::new(5).dropout(0.3).recurrent_dropout(0.3))
        .add(Dropout::new(0.5));
    Sequential::new().add_named("body", body).add_named("head", Dense::new(3))
}

fn output(model: &(impl Layer + ?Sized), tape: Tape, x: &Array3<Float>) -> Vec<u64> {
    numbers(model.forward(&tape.input(x)).unwrap().value())
}

fn classes(examples: usize) -> (Array2<Float>, Array1<Float>) {
    let x = Array2::from_shape_fn((examples, 4), |(i, j)| ((i * 7 + j * 3) as Float * 0.7).sin());
    let class = |i: usize| if x[[i, 0]] > 0.3 { 2.0 } else { Float::from(u8::from(x[[i, 1]] > 0.0)) };
    let y = Array1::from_shape_fn(examples, class);
    (x, y)
}

fn classifier() -> Sequential {
    Sequential::new().add(Dense::new(8).activation(Tanh)).add(Dense::new(3))
}

fn trainer(model: Sequential) -> Trainer<Sequential> {
    model.compile(Adam::new(0.02), SparseCrossEntropy::from_logits())
}

#[test]
fn what_is_frozen_computes_in_training_as_in_inference() {
    let (x, _) = sequences(20);
    let model = noisy_model();
    let body = model.get("body").unwrap();
    let inference = output(body, Tape::inference(), &x);
    let training = || output(body, Tape::training().seed(5), &x);
    let noisy = training();
    assert_ne!(noisy, inference);
    model.freeze_matching("body.*").unwrap();
    assert_eq!(training(), inference);
    model.unfreeze_matching("body.*").unwrap();
    assert_eq!(training(), noisy);
    // Each alone matters, and is found by its path.
    model.freeze_matching("body.*").unwrap();
    let paths: Vec<String> = model.noises().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), 8, "{paths:?}");
    for path in paths {
        model.unfreeze_matching(&path).unwrap();
        assert_ne!(training(), inference, "{path}");
        model.freeze_matching(&path).unwrap();
    }
    model.unfreeze_matching("body.batch_norm.*").unwrap();
    assert_ne!(training(), inference);
}

#[test]
fn frozen_parts_keep_their_bits_over_epochs_statistics_included() {
    let (x, y) = sequences(64);
    let mut model = noisy_model().compile(Adam::new(0.01), SparseCrossEntropy::from_logits());
    model.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap();
    let before = bits(&model.model);
    model.model.freeze_matching("body.*").unwrap();
    let features = output(model.model.get("body").unwrap(), Tape::inference(), &x);
    model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();
    for ((path, before), (_, after)) in before.iter().zip(&bits(&model.model)) {
        assert_eq!(path.starts_with("body."), before == after, "{path}");
    }
    assert_eq!(output(model.model.get("body").unwrap(), Tape::inference(), &x), features);
}

#[test]
fn a_head_on_a_frozen_body_trains_as_on_its_features() {
    let (x, y) = sequences(64);
    let model = noisy_model();
    let features = model.get("body").unwrap().forward(&Tape::inference().input(&x)).unwrap();
    let head = Dense::new(3);
    model.forward(&Tape::inference().input(&x)).unwrap();
    for (path, param) in model.parameters() {
        match path.as_str() {
            "head.kernel" => head.kernel().set(param.value().unwrap()).unwrap(),
            "head.bias" => head.bias().unwrap().set(param.value().unwrap()).unwrap(),
            _ => {}
        }
    }
    model.freeze_matching("body.*").unwrap();
    let mut model = model.compile(Adam::new(0.01), SparseCrossEntropy::from_logits());
    let mut head = head.compile(Adam::new(0.01), SparseCrossEntropy::from_logits());
    let fit = || Fit::epochs(2).batch_size(32).progress(false);
    let losses = model.fit(&(&x, &y), fit()).unwrap();
    assert_eq!(losses, head.fit(&(features.value(), &y), fit()).unwrap());
    let both = [bits(model.model.get("head").unwrap()), bits(&head.model)];
    assert_eq!(both[0], both[1]);
}

#[test]
fn a_student_learns_from_its_teacher_and_its_labels() {
    let (x, y) = classes(64);
    let mut teacher = trainer(classifier());
    teacher.fit(&(&x, &y), Fit::epochs(60).progress(false)).unwrap();
    let known = bits(&teacher.model);
    let logits = teacher.predict(&x).unwrap();

    // The loss is Hinton's, and evaluation that of the labels alone.
    let student = || Sequential::new().add(Dense::new(3));
    let (alpha, temperature) = (0.75, 3.0);
    let loss = || Losses::new().weighted_output("", 1.0 - alpha, SparseCrossEntropy::from_logits());
    let distilled = Distilled::new(student(), teacher.model).temperature(temperature).alpha(alpha);
    let first = distilled.forward(&Tape::inference().input(&x)).unwrap();
    let target = y.view().into_tensor();
    let labels = SparseCrossEntropy::from_logits().loss(&first, &target).unwrap().item();
    let answers = Distillation::new(temperature).loss(&first, &logits).unwrap().item();
    let mut model = distilled.compile(Sgd::new(0.0), loss());
    let history = model.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap();
    let expected = f64::from((1.0 - alpha) * labels + alpha * answers);
    approx::assert_relative_eq!(history.last().unwrap()["loss"], expected, max_relative = 1e-4);
    approx::assert_relative_eq!(
        model.evaluate(&(&x, &y)).unwrap()["loss"],
        f64::from(0.25 * labels),
        max_relative = 1e-4
    );

    // Without any label it comes to agree with the teacher, which stays as it was.
    let Trainer { model: distilled, .. } = model;
    let mut model = distilled
        .alpha(1.0)
        .compile(Adam::new(0.05), Losses::new().weighted_output("", 0.0, SparseCrossEntropy::from_logits()));
    model.fit(&(&x, &Array1::<Float>::zeros(64)), Fit::epochs(60).progress(false)).unwrap();
    let best = |logits: &Tensor| {
        logits
            .rows()
            .into_iter()
            .map(|row| (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap())
            .collect::<Vec<_>>()
    };
    let (ours, theirs) = (best(&model.predict(&x).unwrap()), best(&logits));
    let same = ours.iter().zip(&theirs).filter(|(a, b)| a == b).count();
    assert!(same >= 56, "{same} of 64");
    assert_eq!(bits(&model.model.teacher), known);
    let paths: Vec<String> = model.model.parameters().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["dense.kernel", "dense.bias"]);
}

#[test]
fn the_summary_shows_what_is_frozen_and_what_is_adapted() {
    let model = Sequential::new()
        .add(Dense::new(8).activation(Relu))
        .add(Dropout::new(0.5))
        .add(BatchNorm::new())
        .add(Dense::new(8))
        .add_named("head", Dense::new(2));
    model.forward(&Tape::inference().input(Array2::<Float>::ones((1, 4)))).unwrap();
    model.freeze();
    model.unfreeze_matching("head.*").unwrap();
    model.unfreeze_matching("batch_norm.beta").unwrap();
    model.attach("dense_1.kernel", Lora::new(2)).unwrap();
    let table = summary(&model, &[&[4]], 0).unwrap();
    assert_eq!((table.trainable(), table.total()), (8 + 2 * (8 + 8) + 18, 40 + 32 + 72 + 32 + 18));
    let text = table.to_string();
    let rows = [
        ("dense (Dense)", "40 (frozen)"),
        ("dropout (Dropout)", "0 (frozen)"),
        ("batch_norm (BatchNorm)", "32 (partly frozen)"),
        ("dense_1 (Dense)", "104 (frozen but 32 in adapters)"),
        ("head (Dense)", " 18 │"),
    ];
    for (layer, numbers) in rows {
        let row = text.lines().find(|line| line.contains(layer)).unwrap();
        assert!(row.contains(numbers), "{row}");
    }
    assert!(text.ends_with(" of them frozen: 120\n in adapters: 32\n"), "{text}");
}

#[test]
fn a_head_is_replaced_under_its_name() {
    let mut model = Sequential::new().add(Dense::new(4)).add_named("head", Dense::new(2)).add(Softmax);
    let x = Tape::inference().input(Array2::<Float>::ones((1, 3)));
    assert_eq!(model.forward(&x).unwrap().shape(), [1, 2]);
    let old = model.replace("head", Dense::new(5)).unwrap();
    assert_eq!(old.parameter_count(), 10);
    assert_eq!(model.forward(&x).unwrap().shape(), [1, 5]);
    assert_eq!(model.names().collect::<Vec<_>>(), ["dense", "head", "softmax"]);
}
