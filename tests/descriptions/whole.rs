//! Whole models in files, and their copies.

use gradus::config::{Config, Registry};
use gradus::constraints::MaxNorm;
use gradus::layers::Add;
use gradus::prelude::*;
use gradus::saving::Weights;

use crate::{message, network, registry};

fn inputs() -> ndarray::Array2<Float> {
    ndarray::arr2(&[[0.5, -1.0, 2.0, 0.25], [1.0, 0.0, -3.0, 0.5]])
}

fn path(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

/// A link to a large disk stays one; `/dev/null` and pipes are written to, and not replaced by a file.
#[cfg(unix)]
#[test]
fn what_stands_behind_a_name_is_written() {
    let (folder, link) = path("latest.safetensors");
    let target = folder.path().join("of_today.safetensors");
    std::fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let model = Sequential::new().add(Dense::new(3));
    let y = model.predict(&inputs()).unwrap();
    model.save(&link).unwrap();
    assert!(link.is_symlink(), "the link was replaced");
    assert_eq!(gradus::open(&target).unwrap().predict(&inputs()).unwrap(), y);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);

    let null = folder.path().join("null");
    std::os::unix::fs::symlink("/dev/null", &null).unwrap();
    model.save(&null).unwrap();
    assert!(null.is_symlink() && !std::fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn both_layers_of_a_bidirectional_one_follow_its_description() {
    let text = r#"{"class_name": "Bidirectional", "config": {
        "forward": {"class_name": "SimpleRnn", "config": {"units": 1, "return_sequences": true}},
        "backward": {"class_name": "SimpleRnn", "config": {"units": 1, "return_sequences": true, "go_backwards": true}}}}"#;
    let read: Box<dyn Layer> = registry().make(&Config::from_json(text).unwrap()).unwrap();
    let made = Bidirectional::new(|| SimpleRnn::new(1).return_sequences(true));
    let tape = Tape::inference();
    let x = tape.input(ndarray::arr3(&[[[0.0], [1.0], [0.0]]])).with_mask(ndarray::arr2(&[[0.0, 1.0, 0.0]])).unwrap();
    for layer in [&read as &dyn Layer, &made] {
        layer.forward(&x).unwrap();
        layer
            .parameters()
            .iter()
            .filter(|(path, _)| path.ends_with(".kernel"))
            .for_each(|(_, param)| param.modify(|k| k.fill(1.0)));
        let y = layer.forward(&x).unwrap();
        let expected = [0.0, 0.0, Float::tanh(1.0), Float::tanh(1.0), 0.0, 0.0];
        assert_eq!(y.value().as_slice().unwrap(), expected, "padded steps are 0 in both directions");
    }
}

#[test]
fn layers_over_three_axes_are_made_again_though_they_have_no_short_name() {
    use gradus::layers::{DepthwiseConv, SeparableConv};
    let x = ndarray::Array5::<Float>::ones((2, 4, 5, 3, 2));
    let layers: [Box<dyn Layer>; 2] =
        [Box::new(DepthwiseConv::<3>::new(2).depth_multiplier(2)), Box::new(SeparableConv::<3>::new(3, 2))];
    for layer in layers {
        let y = layer.predict(&x).unwrap();
        let twin = layer.copy().unwrap_or_else(|error| panic!("{layer:?}: {error}"));
        assert_eq!(twin.predict(&x).unwrap(), y);
    }
}

fn tuned() -> Sequential {
    let model = Sequential::new().add(Dense::new(6).activation(Tanh)).add(Dropout::new(0.5)).add(Dense::new(3));
    model.predict(&inputs()).unwrap();
    model.freeze_matching("dense.*").unwrap();
    model.freeze_matching("dropout.*").unwrap();
    model.attach("dense.kernel", Lora::new(2).alpha(3.0)).unwrap();
    model.regularize("dense_1.kernel", L2(0.5)).unwrap();
    model.constrain("dense_1.kernel", MaxNorm::new(0.25)).unwrap();
    model.predict(&inputs()).unwrap();
    model
}

/// The parameters after two epochs.
fn trained<M: Layer>(model: M) -> Vec<(String, Tensor)> {
    let targets = ndarray::arr2(&[[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]);
    let mut trainer = model.compile(Adam::new(0.1), MeanSquaredError);
    trainer.fit(&(&inputs(), &targets), Fit::epochs(2).progress(false)).unwrap();
    trainer.model.parameters().into_iter().map(|(name, param)| (name, param.value().unwrap())).collect()
}

#[test]
fn a_model_opens_without_its_code_and_trains_on() {
    let (_folder, path) = path("model.safetensors");
    let model = tuned();
    model.save(&path).unwrap();
    let opened = gradus::open(&path).unwrap();
    assert_eq!(opened.predict(&inputs()).unwrap(), model.predict(&inputs()).unwrap());
    assert_eq!(format!("{:?}", opened.config()), format!("{:?}", model.config()));
    let frozen = |model: &dyn Layer| -> Vec<bool> { model.parameters().iter().map(|(_, p)| p.is_frozen()).collect() };
    assert_eq!(frozen(&opened), frozen(&model));
    // Penalties, constraints, adapters and switches take part, to the bit.
    let expected = trained(model);
    assert_eq!(trained(opened), expected);
    assert!(expected.iter().any(|(name, _)| name == "dense.kernel.lora_a"));
    let typed: Sequential = Registry::default().open(&path).unwrap();
    assert_eq!(typed.names().collect::<Vec<_>>(), ["dense", "dropout", "dense_1"]);
}

#[test]
fn a_graph_with_a_shared_layer_opens() {
    let (_folder, path) = path("graph.safetensors");
    let graph = Graph::new(["left", "right"])
        .add("features", Dense::new(8).activation(Relu), "left")
        .share("again", "features", "right")
        .add("sum", Add, ["features", "again"])
        .outputs("sum");
    let both = (inputs(), inputs());
    let before = graph.predict(&(&both.0, &both.1)).unwrap();
    graph.save(&path).unwrap();
    let opened: Graph = Registry::default().open(&path).unwrap();
    assert_eq!(opened.predict(&(&both.0, &both.1)).unwrap(), before);
    assert_eq!(opened.to_string(), graph.to_string());
    let error = message(gradus::open(&path));
    assert!(error.contains("it takes 2 inputs and gives 1 outputs; open it as a graph: "), "{error}");
}

#[test]
fn a_copy_has_numbers_of_its_own() {
    let model = tuned();
    let copy = model.copy().unwrap();
    let before = model.predict(&inputs()).unwrap();
    trained(model);
    assert_eq!(copy.predict(&inputs()).unwrap(), before);
    let own = network();
    let twin: Sequential = registry().copy(&own).unwrap();
    assert_eq!(twin.config(), own.config());
    assert!(message(own.copy()).contains("unknown kind `Adapter`"));
}

#[test]
fn weights_load_without_the_description_and_closures_save_them() {
    let (_folder, path) = path("closure.safetensors");
    let model = Sequential::new().add(Dense::new(2).activation(|x: &Var| x.abs()));
    let before = model.predict(&inputs()).unwrap();
    model.save(&path).unwrap();
    let again = Sequential::new().add(Dense::new(2).activation(|x: &Var| x.abs()));
    again.load(&path).unwrap();
    assert_eq!(again.predict(&inputs()).unwrap(), before);
    let error = message(gradus::open(&path));
    assert!(
        error.contains("has no description of a model: when it was saved, setting `model.layers.dense.activation`"),
        "{error}"
    );
}

#[test]
fn files_that_are_not_whole_models_are_refused() {
    let (_folder, path) = path("weights.safetensors");
    let mut weights = Weights::new();
    weights.insert("dense.kernel", ndarray::arr2(&[[1.0]]));
    weights.save(&path).unwrap();
    assert!(
        message(gradus::open(&path))
            .ends_with("it was not saved as one; make the model in code, and `load` the weights")
    );
    let described = |text: &str| {
        let mut weights = weights.clone();
        weights.set_metadata("gradus.model", text);
        weights.save(&path).unwrap();
        message(gradus::open(&path))
    };
    let model = |version: u32, model: &str| {
        format!(
            r#"{{"class_name":"Model","config":{{"version":{version},"model":{model},"parameters":[],"frozen_noises":[]}}}}"#
        )
    };
    let dense = r#"{"class_name":"Dense","config":{"units":1}}"#;
    assert!(
        described(&model(2, dense)).contains("expected a description of version 1 at most, got 2; update the crate")
    );
    assert!(described(&model(1, r#"{"class_name":"Dence"}"#)).contains("setting `model`: unknown kind `Dence`"));
    assert!(
        described(&model(1, r#"{"class_name":"Dense","config":{}}"#))
            .contains("setting `model.units`: the setting is missing in the description of `Dense`")
    );
    assert!(described("{").contains("expected a description in JSON"));
    assert!(described(&"[".repeat(100_000)).contains("expected a description in JSON"));
    // The description is right, but the numbers are another model's.
    assert!(described(&model(1, dense)).contains("dense.kernel"));
}

/// Ten thousand texts that begin as this one and are not it any more, as far as they are descriptions.
pub fn mutate(text: &str, mut read: impl FnMut(&Config)) {
    let pieces = ["-1", "1e308", "18446744073709551615", "null", "[]", "{}", "\"same\"", "true", "\"\"", "]", "}", ","];
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for _ in 0..10_000 {
        let mut mutated = text.as_bytes().to_vec();
        for _ in 0..1 + next(3) {
            let (at, piece) = (next(mutated.len()), pieces[next(pieces.len())]);
            let end = (at + next(6)).min(mutated.len());
            mutated.splice(at..end, piece.bytes());
        }
        let text = String::from_utf8(mutated).map_err(Error::other);
        if let Ok(config) = text.and_then(|text| Config::from_json(&text)) {
            read(&config);
        }
    }
}

/// No panic, no hang, whatever the text says.
#[test]
fn ten_thousand_mutated_descriptions() {
    let model = Sequential::new()
        .add(Conv2d::new(4, 3).strides(2).padding(Padding::Same).activation(LeakyRelu::new(0.1)))
        .add(MaxPool2d::new(2))
        .add(Residual::new(Sequential::new().add(Dense::new(3))).activation(Relu))
        .add(Bidirectional::new(|| Lstm::new(3).return_sequences(true)))
        .add(MultiHeadAttention::new(2, 4).causal(true));
    let registry = Registry::default();
    let mut made = 0;
    mutate(&model.config().to_json().unwrap(), |config| {
        made += usize::from(registry.make::<Box<dyn Layer>>(config).is_ok());
    });
    assert!(made > 0 && made < 5_000, "{made}");
}

#[test]
fn a_shape_beyond_memory_is_an_error() {
    let config =
        Config::from_json(r#"{"class_name":"Reshape","config":{"target_shape":[4294967296,4294967296,4294967296]}}"#);
    let layer: Box<dyn Layer> = Registry::default().make(&config.unwrap()).unwrap();
    let error = message(layer.forward(&Tape::inference().input(inputs())));
    assert!(error.starts_with("expected an input [batch, ...] with too many numbers an example"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]
    #[test]
    fn numbers_are_read_as_they_were_written(bits: u64) {
        for number in [f64::from_bits(bits), 1e-30, -0.0, f64::MIN_POSITIVE] {
            let config = Config::new("Some").with("number", &number);
            if number.is_finite() {
                let read = Config::from_json(&config.to_json().unwrap()).unwrap();
                assert_eq!(format!("{read:?}"), format!("{config:?}"));
                assert_eq!(read, config);
            }
        }
    }
}
