//! The ready networks against torchvision's: outputs, gradients, statistics; there and back; frozen parts.
//!
//! The large ones are left out unless asked for: `cargo test --release --test pretrained -- --include-ignored`. In `f64` all
//! are compared in training too, and all of MobileNetV2: `RUSTFLAGS="--cfg float64" cargo test --release --test pretrained`

use gradus::models::{AlexNet, LeNet5, MobileNetV2, ResNet, Vgg};
use gradus::prelude::*;
use gradus::saving::{Translation, Weights};
use serde_json::Value;

use super::formula::{digest, signal, weights};

/// The bound on each gradient's norm and numbers, relative to its norm and its greatest number.
const TOLERANCE: f64 = 1e-4;

type Made = (Sequential, Translation);

fn make(name: &str, classes: usize) -> Made {
    match name {
        "lenet5" => (LeNet5::lenet5(classes), LeNet5::translation()),
        "alexnet" => (AlexNet::alexnet(classes), AlexNet::translation()),
        "vgg11" => (Vgg::vgg11(classes), Vgg::translation()),
        "vgg16" => (Vgg::vgg16(classes), Vgg::translation()),
        "resnet18" => (ResNet::resnet18(classes), ResNet::translation()),
        "resnet34" => (ResNet::resnet34(classes), ResNet::translation()),
        "resnet50" => (ResNet::resnet50(classes), ResNet::translation()),
        "mobilenet_v2" => (MobileNetV2::mobilenet_v2(classes), MobileNetV2::translation()),
        "mobilenet_v2_quarter" => (MobileNetV2::with_width(classes, 0.25), MobileNetV2::translation()),
        other => panic!("no network `{other}`"),
    }
}

fn fixture() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/networks_pytorch.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn shape(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|len| len.as_u64().unwrap() as usize).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().flat_map(|x| x.as_f64().map_or_else(|| numbers(x), |x| vec![x])).collect()
}

/// PyTorch's file with the numbers of the formula.
fn state(case: &Value) -> Weights {
    let mut state = Weights::new();
    for (name, value) in case["tensors"].as_object().unwrap() {
        let shape = shape(value);
        state.insert(name, if shape.is_empty() { Tensor::zeros(shape) } else { weights(name, &shape) });
    }
    state
}

/// Differences that are too large.
#[derive(Default)]
struct Failures(Vec<String>, f64);

impl Failures {
    /// Norms by the norm, other numbers by the greatest.
    fn digest(&mut self, what: &str, got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len(), "{what}");
        for (i, (got, want_number)) in got.iter().zip(want).enumerate() {
            let error = (got - want_number).abs() / want[i.min(1)].abs();
            self.1 = self.1.max(error);
            if error.is_nan() || error > TOLERANCE {
                self.0.push(format!("{what}: number {i} is {got}, expected {want_number}, error {error:.1e}"));
            }
        }
    }

    fn end(self, what: &str) {
        println!("{what}: greatest error {:.1e}", self.1);
        assert!(self.0.is_empty(), "{what}: {} failures:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// Compares a pass of a part of the model, whose scalar is the sum of outputs times a signal.
fn compare(case: &Value, part: &dyn Layer, made: &Made, tape: Tape, failures: &mut Failures) {
    let (model, translation) = made;
    let x = tape.variable(signal("input", &shape(&case["input"])));
    let y = part.forward(&x).unwrap();
    let want = &case[if tape.is_training() { "training" } else { "inference" }];
    let expected = numbers(&want["y"]);
    if y.shape().len() == 2 {
        let greatest = expected.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
        let got: Vec<f64> = y.value().iter().map(|y| f64::from(*y)).collect();
        got.chunks(2).zip(expected.chunks(2)).for_each(|(got, want)| {
            let around = |pair: &[f64]| [&[greatest, greatest], pair].concat();
            failures.digest("y", &around(got), &around(want));
        });
    } else {
        failures.digest("y", &digest("y", y.value()), &expected);
    }
    let gradients = (&y * tape.constant(signal("dy", y.shape()))).sum().backward().unwrap();
    failures.digest("dx", &digest("dx", gradients.of(&x).unwrap()), &numbers(&want["dx"]));
    tape.commit().unwrap();

    // Gradients take the way of the weights into PyTorch's names and layouts.
    let statistics = translation.export(model).unwrap();
    for (name, digested) in want["statistics"].as_object().into_iter().flatten() {
        failures.digest(name, &digest(name, &statistics.get(name).unwrap()), &numbers(digested));
    }
    let mut count = 0;
    for (path, param) in model.parameters() {
        match gradients.get(&param) {
            Some(gradient) => {
                param.set(gradient.clone()).unwrap();
                count += 1;
            }
            None => assert!(param.is_state() || path.starts_with("classifier"), "{path} has no gradient"),
        }
    }
    let found = translation.export(model).unwrap();
    let wanted = want["gradients"].as_object().unwrap();
    assert_eq!(count, wanted.len());
    let greatest = wanted.values().map(|digested| numbers(digested)[0]).fold(0.0, f64::max);
    for (name, digested) in wanted {
        let (got, mut want) = (digest(name, &found.get(name).unwrap()), numbers(digested));
        // What moves a whole channel before a norm that takes its mean away has a gradient of 0 but for rounding.
        if want[0] < 1e-12 * greatest {
            want = [&[greatest; 2], &want[2..]].concat();
            failures.digest(name, &[&[greatest + got[0], greatest + got[1]], &got[2..]].concat(), &want);
        } else {
            failures.digest(name, &got, &want);
        }
    }
}

fn agrees(name: &str) {
    let all = fixture();
    let (case, mut failures) = (&all["networks"][name], Failures::default());
    let state = state(case);
    let load = || {
        let made = make(name, 10);
        let report = made.1.load(&made.0, &state).unwrap();
        assert_eq!((report.applied.len(), report.unused.len()), (made.0.parameters().len(), 0));
        made
    };
    let made = load();
    let back = made.1.export(&made.0).unwrap();
    assert_eq!(back.len(), state.len());
    for tensor in state.names() {
        assert!(back.get(tensor).unwrap() == state.get(tensor).unwrap(), "{tensor} changed on its way there and back");
    }
    drop(back);
    compare(case, &made.0, &made, Tape::inference().recording(), &mut failures);
    // In training of the deep ones rounding moves numbers over the kinks of activations, and norms over 16 numbers enlarge
    // that: PyTorch's own gradients in `f32` are up to 6e-2 from those in `f64`.
    if !case["training"].is_null() && (cfg!(float64) || !["resnet34", "resnet50"].contains(&name)) {
        let made = load();
        let part = made.0.get("features").unwrap_or(&made.0);
        compare(case, part, &made, Tape::training(), &mut failures);
    }
    failures.end(name);
}

/// An epoch of training with all frozen but the last layer.
fn stays_frozen(name: &str) {
    let all = fixture();
    let (model, translation) = make(name, 3);
    let state = state(&all["networks"][name]);
    // The file has ten classes.
    let head = model.names().last().unwrap().to_owned();
    translation.allow_missing(&format!("{head}.*")).load(&model, &state).unwrap();
    drop(state);
    let mut input = shape(&all["networks"][name]["input"]);
    input[0] = 4;
    let x = signal("input", &input);
    model.freeze();
    model.unfreeze_matching(&format!("{head}.*")).unwrap();
    let parameters = model.parameters();
    let bits = || {
        let value = |param: &Param| param.value().map(|value| value.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        parameters.iter().map(|(_, param)| value(param)).collect::<Vec<_>>()
    };
    let mut trainer = model.compile(Sgd::new(0.1), SparseCrossEntropy::from_logits());
    // Scores of thousands are probabilities of 0 and 1: with several classes, or the likeliest, steps may cancel or be 0.
    let scores = trainer.predict(&x).unwrap();
    let first = scores.index_axis(gradus::ndarray::Axis(0), 0);
    let unlikely = first.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    let y = gradus::ndarray::arr1(&[unlikely; 4]);
    let before = bits();
    trainer.fit(&(&x, &y), Fit::epochs(1).batch_size(2).progress(false)).unwrap();
    for (((path, _), before), after) in parameters.iter().zip(&before).zip(&bits()) {
        assert_eq!(before != after, path.starts_with(&head), "{path} changed, or did not");
    }
}

/// The small ones by default.
macro_rules! networks {
    ($($(#[$ignore:meta])? $name:ident)+) => { $(
        mod $name {
            $(#[$ignore])?
            #[test]
            fn agrees_with_pytorch() {
                super::agrees(stringify!($name));
            }

            $(#[$ignore])?
            #[test]
            fn stays_frozen() {
                super::stays_frozen(stringify!($name));
            }
        }
    )+ };
}

networks! {
    lenet5
    #[ignore = "57 million parameters; .ci/run runs it in a release build"] alexnet
    #[ignore = "129 million parameters; .ci/run runs it in a release build"] vgg11
    #[ignore = "134 million parameters; .ci/run runs it in a release build"] vgg16
    resnet18
    #[ignore = "21 million parameters; .ci/run runs it in a release build"] resnet34
    #[ignore = "24 million parameters; .ci/run runs it in a release build"] resnet50
    #[cfg(float64)] mobilenet_v2
    mobilenet_v2_quarter
}

#[test]
fn all_networks_are_compared() {
    assert_eq!(fixture()["networks"].as_object().unwrap().len(), 9);
}

/// Writes each network for PyTorch, with its output, into the folder `EXPORTS`, where
/// `tests/fixtures/check_exports_pytorch.py` compares.
#[test]
#[ignore = ".ci/run runs it in a release build; tests/fixtures/check_exports_pytorch.py reads what it writes, by hand"]
fn exports() {
    let folder = std::env::var("EXPORTS").unwrap_or_else(|_| "target/exports".into());
    std::fs::create_dir_all(&folder).unwrap();
    for (name, case) in fixture()["networks"].as_object().unwrap() {
        let (model, translation) = make(name, 10);
        let x = signal("input", &shape(&case["input"]));
        translation.load(&model, &state(case)).unwrap();
        // Other numbers than the file's: a training pass moves the statistics, and a step the rest.
        let tape = Tape::training();
        let gradients = model.forward(&tape.input(&x)).unwrap().sum().backward().unwrap();
        tape.commit().unwrap();
        for (_, param) in model.parameters() {
            if let Some(gradient) = gradients.get(&param) {
                let greatest = gradient.iter().fold(Float::MIN_POSITIVE, |max, x| max.max(x.abs()));
                param.set(param.value().unwrap() - gradient.mapv(|x| 0.01 * x / greatest)).unwrap();
            }
        }
        let y = model.forward(&Tape::inference().input(&x)).unwrap();
        translation.save(&model, format!("{folder}/{name}.safetensors")).unwrap();
        let mut output = Weights::new();
        output.insert("y", y.value());
        output.save(format!("{folder}/{name}.output.safetensors")).unwrap();
    }
}
