//! Facts about tuning: what is frozen stays as it was and computes as in inference, adapters, gradual unfreezing, teachers.

use gradus::ndarray::{Array1, Array2, Array3};
use gradus::prelude::*;

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

/// Four features, three classes.
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
fn adapters_alone_are_trained_and_merging_leaves_a_plain_model() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = classes(96);
    let model = classifier();
    let run = |model: &Sequential| model.forward(&Tape::inference().input(&x)).unwrap().value().clone();
    let (first, base) = (run(&model), bits(&model));
    model.freeze();
    model.attach("dense.kernel", Lora::new(2).alpha(8.0)).unwrap();
    // B is zero at first.
    assert_eq!(numbers(&run(&model)), numbers(&first));
    let mut model = trainer(model);
    let history = model.fit(&(&x, &y), Fit::epochs(20).progress(false)).unwrap();
    let losses = history.get("loss");
    assert!(losses[19] < 0.9 * losses[0], "{losses:?}");
    let after = bits(&model.model);
    let paths: Vec<&str> = after.iter().map(|(path, _)| path.as_str()).collect();
    let adapters = ["dense.kernel.lora_a", "dense.kernel.lora_b"];
    assert_eq!(paths, ["dense.kernel", adapters[0], adapters[1], "dense.bias", "dense_1.kernel", "dense_1.bias"]);
    assert!(base.iter().all(|row| after.contains(row)));

    let tuned = run(&model.model);
    assert_ne!(tuned, first);
    let saved = folder.path().join("adapted.safetensors");
    model.save(&saved).unwrap();
    model.model.merge_adapters().unwrap();
    assert_eq!(run(&model.model), tuned);
    assert_eq!(model.model.parameters().len(), 4);
    let path = folder.path().join("merged.safetensors");
    model.save(&path).unwrap();
    let plain = classifier();
    plain.load(&path).unwrap();
    assert_eq!(numbers(&run(&plain)), numbers(&run(&model.model)));

    model.model.unmerge_adapters().unwrap();
    assert_eq!(bits(&model.model), after);
    model.load(&saved).unwrap();
    model.model.detach_adapters();
    assert_eq!(bits(&model.model), base);
    assert_eq!(numbers(&run(&model.model)), numbers(&first));
}

#[test]
fn what_was_merged_stays_after_detaching() {
    let (x, y) = classes(32);
    let model = classifier();
    model.attach("*.kernel", Lora::new(1)).unwrap();
    let mut model = trainer(model);
    model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();
    let tuned = model.predict(&x).unwrap();
    model.model.merge_adapters().unwrap();
    model.model.detach_adapters();
    assert_eq!(model.predict(&x).unwrap(), tuned);
    // Another one can be attached now.
    model.model.attach("*.kernel", Lora::new(1)).unwrap();
}

#[test]
fn adapters_give_the_same_bits_on_any_number_of_threads_and_reach_every_kind_of_layer() {
    let (x, y) = sequences(64);
    let run = |threads: usize| {
        let model = noisy_model();
        model.forward(&Tape::inference().input(&x)).unwrap();
        let base = bits(&model);
        model.freeze();
        model.attach("*kernel", Lora::new(2)).unwrap();
        assert_eq!(model.parameters().iter().filter(|(_, param)| param.is_trainable()).count(), 2 * 10);
        let mut model = model.compile(Adam::new(0.01), SparseCrossEntropy::from_logits()).threads(threads);
        model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();
        let after = bits(&model.model);
        assert!(base.iter().all(|row| after.contains(row)));
        for (path, numbers) in &after {
            assert!(!path.ends_with("lora_b") || numbers.iter().all(|bits| *bits != 0), "{path}");
        }
        model.model.merge_adapters().unwrap();
        (after, bits(&model.model))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn rates_decay_from_the_head_down() {
    let (x, y) = classes(16);
    let moved = |stepper: Stepper| {
        let model = classifier();
        model.forward(&Tape::inference().input(&x)).unwrap();
        let before: Vec<Tensor> = model.parameters().iter().map(|(_, param)| param.value().unwrap()).collect();
        let mut model = model.compile(stepper, SparseCrossEntropy::from_logits());
        model.fit(&(&x, &y), Fit::epochs(1).batch_size(16).progress(false)).unwrap();
        let after = model.model.parameters();
        let distance = |(before, (_, param)): (&Tensor, &(String, Param))| {
            (param.value().unwrap() - before).iter().map(|x| x.abs()).sum::<Float>()
        };
        before.iter().zip(&after).map(distance).collect::<Vec<_>>()
    };
    let (plain, decayed) =
        (moved(Sgd::new(0.5).into()), moved(Sgd::new(0.5).layer_decay(0.25, ["dense.*", "dense_1.*"])));
    for (i, factor) in [0.25, 0.25, 1.0, 1.0].into_iter().enumerate() {
        approx::assert_relative_eq!(decayed[i], factor * plain[i], max_relative = 1e-4);
    }
}

/// Keeps the bits after each epoch.
#[derive(Default)]
struct Seen(Vec<Bits>);

impl Callback for Seen {
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let bits = |param: &Param| numbers(&param.value().unwrap());
        self.0.push(run.parameters.iter().map(|(path, param)| (path.clone(), bits(param))).collect());
        Ok(())
    }
}

#[test]
fn parts_thaw_one_after_the_other_statistics_and_noise_included() {
    let (x, y) = sequences(64);
    let mut seen = Seen::default();
    let mut model = noisy_model().compile(Adam::new(0.01), SparseCrossEntropy::from_logits());
    let gradual = GradualUnfreezing::new(["head.*", "body.lstm.*", "body.*"]).every(2);
    model.fit(&(&x, &y), Fit::epochs(6).progress(false).callback(gradual).callback(&mut seen)).unwrap();
    for epoch in 1..6 {
        for ((path, before), (_, after)) in seen.0[epoch - 1].iter().zip(&seen.0[epoch]) {
            let from = match path {
                path if path.starts_with("head.") => 1,
                path if path.starts_with("body.lstm.") => 2,
                _ => 4,
            };
            assert_eq!(before != after, epoch >= from, "{path} in epoch {}", epoch + 1);
        }
    }
}

#[test]
fn an_optimizer_counts_the_steps_of_each_parameter() {
    let gradient = |model: &Sequential| {
        let y = model.forward(&Tape::training().input(ndarray::arr2(&[[1.0, 2.0]]))).unwrap();
        y.square().mean().backward().unwrap()
    };
    let model = || {
        let model = Sequential::new().add(Dense::new(2)).add(Dense::new(1));
        let _ = gradient(&model);
        model
    };
    // The first step of Adam is as long as its rate, whenever it comes.
    let thawed = model();
    thawed.freeze_matching("dense.*").unwrap();
    let mut adam = Stepper::new(Adam::new(0.125).epsilon(1e-12));
    (0..5).for_each(|_| adam.step(&thawed, gradient(&thawed)).unwrap());
    let state = adam.state(&thawed);
    let kernel = |model: &Sequential| model.parameters()[0].1.value().unwrap();
    let before = kernel(&thawed);
    thawed.unfreeze();
    adam.step(&thawed, gradient(&thawed)).unwrap();
    for (before, after) in before.iter().zip(kernel(&thawed).iter()) {
        approx::assert_relative_eq!((after - before).abs(), 0.125, max_relative = 1e-4);
    }
    assert_eq!(adam.state(&thawed).number("dense.kernel/joined").unwrap(), 5.0);

    // A resumption counts them alike, before and after the thaw.
    let again = model();
    let copy = |of: &Sequential| {
        for ((_, to), (_, from)) in again.parameters().iter().zip(of.parameters()) {
            to.set(from.value().unwrap()).unwrap();
        }
    };
    copy(&thawed);
    let mut resumed = Stepper::new(Adam::new(0.125).epsilon(1e-12));
    resumed.restore(&again, &adam.state(&thawed)).unwrap();
    adam.step(&thawed, gradient(&thawed)).unwrap();
    resumed.step(&again, gradient(&again)).unwrap();
    assert_eq!(bits(&thawed), bits(&again));
    again.freeze_matching("dense.*").unwrap();
    let mut resumed = Stepper::new(Adam::new(0.125).epsilon(1e-12));
    resumed.restore(&again, &state).unwrap();
    again.unfreeze();
    resumed.step(&again, gradient(&again)).unwrap();
    assert_eq!(resumed.state(&again).number("dense.kernel/joined").unwrap(), 5.0);
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
    let answers = Distillation::new().temperature(temperature).loss(&first, &logits).unwrap().item();
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
